"""Each starting point runs as it is on a real server; only its stages are made shorter here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from perfkit.scenario.template import starter

FIXTURES = {
    "sqlite": "sqlite_url",
    "postgresql": "postgres_url",
    "mongodb": "mongo_url",
    "redis": "redis_url",
}


@pytest.mark.parametrize("backend", FIXTURES)
def test_a_starter_runs_without_an_error(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(FIXTURES[backend])
    (tmp_path / "s.yml").write_text(starter(backend))
    short = ["load.warmup=0", "load.stages.ramp.duration=500ms", "load.stages.steady.duration=1s"]
    done = subprocess.run(
        [sys.executable, "-m", "perfkit", "loadtest", "s.yml", "--target", url, "--json", "r.json"]
        + [word for override in short for word in ("--set", override)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # A machine that is busy may miss a threshold (1) or not keep up (4); neither is an error.
    assert done.returncode in {0, 1, 4}, done.stderr
    total = json.loads((tmp_path / "r.json").read_text())["result"]["total"]
    assert total["count"] > 50
    assert total["errors"] == 0, done.stderr
