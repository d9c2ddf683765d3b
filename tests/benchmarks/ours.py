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
        file, report = Path(folder) / "scenario.yml", Path(folder) / "report.json"
        file.write_text(yaml.safe_dump({"version": 1, **scenario}, sort_keys=False))
        command = [sys.executable, "-m", "perfkit", "loadtest", str(file), "--json", str(report)]
        done = subprocess.run(
            [*command, "--quiet", *options], check=False, capture_output=True, text=True
        )
        if not report.exists():
            raise RuntimeError(f"perfkit ended with {done.returncode}: {done.stderr}")
        result: dict[str, Any] = json.loads(report.read_text())["result"]
        return result


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
    if total["errors"]:
        raise RuntimeError(f"{total['errors']} operations failed")
    return float(total["rate_per_s"])
