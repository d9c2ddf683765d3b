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


def commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def outline(text: str) -> list[str]:
    """The headings, the first word of each row below them, and the checks: what does not vary."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    heads = [line for line in lines if re.fullmatch(r"[A-Z][a-z]+( [a-z]+)*", line)]
    rows = [
        line.split()[0] for line in lines if re.match(r"(read|update|total|ramp|steady)  ", line)
    ]
    checks = [re.split(r"  +", line)[1] for line in lines if re.match(r"(pass|FAIL)  ", line)]
    return heads + rows + checks


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
    shown = next(iter(re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)))
    printed = outline(run("perfkit loadtest scenarios/quickstart.yml", folder))
    assert len(outline(shown)) > 12
    assert [part for part in printed if part in outline(shown)] == outline(shown)


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
