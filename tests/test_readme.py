"""The README's commands run, and what it shows of their output is what they print."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
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
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    connection.close()
    return tmp_path


@pytest.fixture
def servers(postgres_url: str, redis_url: str, mongo_url: str) -> dict[str, str]:
    return {"PG": postgres_url, "REDIS": redis_url, "MONGO": mongo_url}


def shortened(command: str) -> str:
    """A benchmark takes as long as it needs; whether its example works shows in a moment."""
    if not command.startswith("perfkit bench ") or "--print" in command:
        return command
    length = "" if "--iterations" in command else "--duration 200ms"
    return f"{command} {length} --warmup 0 --cooldown 0 --allow-saturated"


def run(command: str, folder: Path, servers: Mapping[str, str] | None = None) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        check=False,
        cwd=folder,
        env={**os.environ, **(servers or {}), "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
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
def test_the_commands_of_a_block_run(block: str, folder: Path, servers: dict[str, str]) -> None:
    for command in commands(block):
        plain = re.sub(r"^pip install [^&]*&& (tests/servers/install.sh && pytest)?", "", command)
        run(shortened(plain), folder, servers)


def test_the_quick_starts_output_is_what_it_prints(folder: Path) -> None:
    shown = next(iter(re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)))
    printed = outline(run("perfkit loadtest scenarios/quickstart.yml", folder))
    assert len(outline(shown)) > 12
    assert [part for part in printed if part in outline(shown)] == outline(shown)


@pytest.mark.parametrize(
    "command", ["loadtest", "bench", "compare", "profile show", "profile diff", "profile apply"]
)
def test_every_option_is_documented(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "perfkit", *command.split(), "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    options = set(re.findall(r"--[a-z][a-z-]+", done.stdout)) - {"--help"}
    documented = set(re.findall(r"--[a-z][a-z-]+", README))
    assert options <= documented, options - documented
