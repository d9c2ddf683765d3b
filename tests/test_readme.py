"""The README's commands run, and what it shows of their output is what they print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
INSTALLS = ("pip install",)

_QUANTITY = re.compile(r"\d[\d,.]*(?: ?(?:µs|ms|s|ns|%|KiB|MiB|GiB|/s|x)\b| %)?")


def commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def shape(text: str) -> list[str]:
    """The words, with every quantity and every run of spaces made alike."""
    lines = (re.sub(r"\s+", " ", _QUANTITY.sub("N", line)).strip() for line in text.splitlines())
    return [line for line in lines if line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    return tmp_path


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    # On a busy machine a check of a time may fail; that is a verdict, not a broken example.
    assert done.returncode in {0, 1, 4}, done.stderr
    assert "error:" not in done.stderr
    return done.stdout


@pytest.mark.timeout(180)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: commands(block)[0][:40])
def test_the_commands_of_a_block_run(block: str, folder: Path) -> None:
    for command in commands(block):
        run(
            re.sub(r"^pip install [^&]*&& (tests/servers/install.sh && pytest)?", "", command),
            folder,
        )


def test_the_quick_starts_output_is_what_it_prints(folder: Path) -> None:
    shown = next(
        text for text in re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    )
    printed = shape(run("perfkit loadtest scenarios/quickstart.yml", folder))
    headings = [line for line in shape(shown) if re.fullmatch(r"[A-Z][a-z ]+", line)]
    assert headings
    assert [line for line in printed if line in headings] == headings
    table = [
        line for line in shape(shown) if line.startswith(("read", "update", "total", "operation"))
    ]
    assert len(table) >= 4
    assert all(line in printed for line in table)


def test_every_command_and_option_is_documented() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "perfkit", "loadtest", "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    options = set(re.findall(r"--[a-z][a-z-]+", done.stdout)) - {"--help"}
    documented = set(re.findall(r"--[a-z][a-z-]+", README))
    assert options <= documented, options - documented
