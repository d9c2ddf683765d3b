"""`perfkit scenario` and `perfkit schema`, as a person or a script runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from perfkit.scenario.template import starter

GOOD = """\
load: { model: open, warmup: 1s, stages: [{ rate: 5/s, duration: 10s }] }
operations: [{ name: a, redis: [PING] }]
"""


def perfkit(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "perfkit", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_right_file_is_summed_up_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text(GOOD)
    done = perfkit("scenario", "check", "s.yml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "s.yml: ok: 1 operation, open load, 1 stage, 11.0 s, 0 thresholds\n"


def test_a_load_of_iterations_has_no_length(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text(GOOD.replace("duration: 10s", "iterations: 5000"))
    done = perfkit("scenario", "check", "s.yml", "--set", "load.warmup=0", cwd=tmp_path)
    assert (
        done.stdout
        == "s.yml: ok: 1 operation, open load, 1 stage, 5,000 iterations, 0 thresholds\n"
    )


def test_every_mistake_is_on_a_line_of_its_own_and_the_status_is_2(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text(f"tarket: x\nsed: 5\n{GOOD}")
    done = perfkit("scenario", "check", "s.yml", "--set", "load.warmup=x", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.removeprefix("error: ").splitlines() == [
        "s.yml:1:1: unknown key 'tarket' (did you mean target?)",
        "s.yml:2:1: unknown key 'sed' (did you mean seed?)",
        "--set load.warmup: 'x' is no duration: write a number with its unit, as in 250ms or 1m30s",
    ]


def test_a_missing_file_has_its_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = perfkit("scenario", "check", "no.yml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no.yml: no such file\n"


def test_a_starter_goes_to_the_output_or_to_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    assert perfkit("scenario", "new", "redis", cwd=tmp_path).stdout == starter("redis")
    assert perfkit("scenario", "new", "redis", "-o", "a.yml", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.yml").read_text() == starter("redis")
    again = perfkit("scenario", "new", "sqlite", "-o", "a.yml", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (
        2,
        "error: a.yml exists already\nhint: --force overwrites it\n",
    )
    assert (tmp_path / "a.yml").read_text() == starter("redis")
    assert (
        perfkit("scenario", "new", "sqlite", "-o", "a.yml", "--force", cwd=tmp_path).returncode == 0
    )
    assert (tmp_path / "a.yml").read_text() == starter("sqlite")


@pytest.mark.parametrize("output", [".", "no/such/folder.yml"])
def test_a_starter_that_can_not_be_written_is_told(tmp_path: Path, output: str) -> None:
    done = perfkit("scenario", "new", "redis", "-o", output, "--force", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {output}: can't be written: ")


def test_an_unknown_backend_is_told_with_the_nearest(tmp_path: Path) -> None:
    done = perfkit("scenario", "new", "postgres", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: no backend 'postgres'\nhint: did you mean postgresql?\n",
    )


def test_the_schemas_are_json_on_the_output(tmp_path: Path) -> None:
    done = perfkit("schema", "scenario", cwd=tmp_path)
    assert json.loads(done.stdout)["title"] == "Scenario of perfkit"
    done = perfkit("schema", "report", "loadtest", cwd=tmp_path)
    assert json.loads(done.stdout)["properties"]["schema"]["const"] == "perfkit.loadtest"
    assert perfkit("schema", "report", "nope", cwd=tmp_path).returncode == 2
