"""The command as its user runs it: in this process, or in one of its own where signals are sent."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from perfkit.__main__ import run


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


class Command:
    """Runs `perfkit`; whatever it prints must never hold a traceback."""

    def __init__(self, capfd: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capfd = capfd
        self.folder = folder

    def __call__(self, *arguments: str | Path) -> Outcome:
        self._capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = self._capfd.readouterr()
        assert "Traceback" not in out + err
        return Outcome(int(status), out, err)

    def report(self, *arguments: str | Path) -> tuple[Outcome, dict[str, Any]]:
        """Runs it with a JSON report, which must be there."""
        path = self.folder / "report.json"
        outcome = self(*arguments, "--json", path)
        assert path.exists(), outcome.err
        content: dict[str, Any] = json.loads(path.read_text())
        return outcome, content

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Starts it in a process group of its own, as a shell does."""
        return subprocess.Popen(
            [sys.executable, "-m", "perfkit", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "NO_COLOR": "1"},
        )

    def scenario(self, **parts: Any) -> Path:
        """A scenario file of these parts; without a load, a short open one."""
        load = {"model": "open", "connections": 4, "stages": [{"rate": 100, "duration": "500ms"}]}
        path = self.folder / "scenario.yml"
        path.write_text(yaml.safe_dump({"version": 1, "load": load, **parts}, sort_keys=False))
        return path
