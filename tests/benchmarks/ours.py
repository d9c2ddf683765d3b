"""perfkit as its user runs it: the command, a scenario file, the JSON report."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml


def loadtest(scenario: dict[str, Any], *options: str) -> dict[str, Any]:
    """The result of a load test, with everything on that a user has on."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.yml"
        file.write_text(yaml.safe_dump({"version": 1, **scenario}, sort_keys=False))
        return _result("loadtest", str(file), *options)


def workload_rate(target: str, workload: str, clients: int, seconds: float, *options: str) -> float:
    """Operations a second of one run of a standard workload, or items, where each has several.

    The workload's data stays, for the next run and for the peer. An error if an operation failed.
    """
    size = ["--clients", str(clients), "--duration", f"{seconds}s", "--runs", "1", "--keep"]
    total = _result("bench", target, "--workload", workload, *size, *options)["total"]
    _refuse_errors(total)
    return float(total["items_per_s"] or total["rate_per_s"])


def _result(*command: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        asked = [sys.executable, "-m", "perfkit", *command, "--quiet", "--json", str(report)]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        if not report.exists():
            raise RuntimeError(f"perfkit ended with {done.returncode}: {done.stderr}")
        result: dict[str, Any] = json.loads(report.read_text())["result"]
        return result


def _refuse_errors(total: dict[str, Any]) -> None:
    if total["errors"]:
        raise RuntimeError(f"{total['errors']} operations failed")


def closed(
    target: str, operations: list[dict[str, Any]], users: int, seconds: float
) -> dict[str, Any]:
    """A scenario of so many users without think time; one check, as in CI."""
    return {
        "target": target,
        "operations": operations,
        "load": {
            "model": "closed",
            "warmup": "1s",
            "stages": [{"name": "steady", "users": users, "duration": f"{seconds}s"}],
        },
        "thresholds": ["total.errors.ratio < 1%"],
    }


def rate(scenario: dict[str, Any], *options: str) -> float:
    """Operations a second; an error if any failed."""
    total = loadtest(scenario, *options)["total"]
    _refuse_errors(total)
    return float(total["rate_per_s"])
