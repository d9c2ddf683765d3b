"""`perfkit compare`: its exit statuses, its sentences, its reports, and files that are none."""

import json
import os
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from perfkit.report.jsonfile import report_schema, to_json
from perfkit.results import Report
from tests.command import Command
from tests.comparison.samples import Variant, bench_report
from tests.report.samples import passed_report


@pytest.fixture
def perfkit(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(capfd, tmp_path)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return written(tmp_path / "old.json", bench_report())


def written(path: Path, report: Report[Any]) -> Path:
    path.write_text(to_json(report))
    return path


def test_nothing_slower_is_status_0(perfkit: Command, old: Path, tmp_path: Path) -> None:
    new = written(tmp_path / "new.json", bench_report(Variant(speed=1.2), seed=2))
    outcome, report = perfkit.report("compare", old, new)
    assert outcome.status == 0
    assert "PASSED" in outcome.out
    assert "faster" in outcome.out
    assert report["result"]["comparisons"][0]["verdict"] == "faster"
    jsonschema.validate(report, report_schema("compare"))


def test_a_regression_is_status_1_and_named_in_every_format(
    perfkit: Command, old: Path, tmp_path: Path
) -> None:
    new = written(tmp_path / "new.json", bench_report(Variant(speed=0.8), seed=2))
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "html")}
    options = [each for name, path in files.items() for each in (f"--{name}", path)]
    outcome = perfkit("compare", old, new, "--markdown", "-", *options)
    assert outcome.status == 1
    assert "total.rate\\_per\\_s: was -20 %" in outcome.out
    suite = ET.fromstring(files["junit"].read_text())[0]
    assert int(suite.attrib["failures"]) > 0
    assert suite[0].attrib["name"] == "total.rate_per_s"
    assert "slower" in files["html"].read_text()


def test_the_tolerance_decides_what_is_a_regression(
    perfkit: Command, old: Path, tmp_path: Path
) -> None:
    new = written(tmp_path / "new.json", bench_report(Variant(speed=0.9), seed=2))
    assert perfkit("compare", old, new).status == 1
    assert perfkit("compare", old, new, "--tolerance", "40%").status == 0


def test_the_same_file_twice_is_all_the_same(perfkit: Command, old: Path) -> None:
    outcome, report = perfkit.report("compare", old, old, "--confidence", "0.999")
    assert outcome.status == 0
    assert {each["verdict"] for each in report["result"]["comparisons"]} == {"same"}
    assert report["result"]["comparisons"][0]["confidence"] == 0.999


def test_what_was_not_measured_alike_is_status_2_unless_forced(
    perfkit: Command, old: Path, tmp_path: Path
) -> None:
    other = bench_report(seed=2)
    moved = replace(other, environment=replace(other.environment, host="laptop", cpu_count=8))
    new = written(tmp_path / "new.json", moved)
    outcome = perfkit("compare", old, new)
    assert outcome.status == 2
    assert outcome.err == (
        f"error: {old} and {new} can't be compared, they differ in host: ci-runner-7 → laptop; "
        "cores: 4 → 8\nhint: --force compares them nevertheless, and says so\n"
    )
    forced, report = perfkit.report("compare", old, new, "--force")
    assert forced.status == 0
    assert report["result"]["differences"] == ["host: ci-runner-7 → laptop", "cores: 4 → 8"]


def test_an_invalid_report_is_status_4(perfkit: Command, old: Path, tmp_path: Path) -> None:
    made = bench_report(Variant(speed=0.5), seed=2)
    new = written(tmp_path / "new.json", replace(made, result=replace(made.result, valid=False)))
    outcome = perfkit("compare", old, new)
    assert outcome.status == 4
    assert f"what {new} holds is not valid" in " ".join(outcome.out.split())


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (
            passed_report(),
            "is a report of perfkit loadtest: what can be compared are repeated runs",
        ),
        (bench_report(runs=1), "holds a single run: what can be compared are repeated runs"),
    ],
)
def test_one_run_is_nothing_to_compare(
    perfkit: Command, old: Path, tmp_path: Path, report: Report[Any], sentence: str
) -> None:
    one = written(tmp_path / "one.json", report)
    for arguments in ((old, one), (one, old)):
        outcome = perfkit("compare", *arguments)
        assert outcome.status == 2
        assert f"error: {one} {sentence}" in outcome.err
        assert "--scenario FILE --runs 5" in outcome.err


def newer(text: str) -> str:
    return json.dumps({**json.loads(text), "schema_version": 99})


def without_runs(text: str) -> str:
    content = json.loads(text)
    del content["result"]["runs"]
    return json.dumps(content)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: text[: len(text) // 2], "not a perfkit report, or only a part of one"),
        (lambda _: "", "not a perfkit report, or only a part of one"),
        (lambda _: "[]", "not a perfkit report: it has no key schema"),
        (newer, "written by a newer perfkit: schema_version 99"),
        (without_runs, "not a whole perfkit report: result.runs: Field required"),
        (lambda text: text.replace("perfkit.bench", "perfkit.other"), "its schema is 'perfkit.other'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_report_is_named_with_the_reason(
    perfkit: Command, old: Path, tmp_path: Path, spoil: Any, sentence: str
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(spoil(old.read_text()))
    for arguments in ((old, bad), (bad, old)):
        outcome = perfkit("compare", *arguments)
        assert outcome.status == 2
        assert outcome.err.startswith(f"error: {bad}: ")
        assert sentence in outcome.err


def test_a_file_that_can_not_be_read_is_named(perfkit: Command, old: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    outcome = perfkit("compare", old, missing)
    assert outcome.status == 2
    assert outcome.err == f"error: {missing}: can't be read: No such file or directory\n"
    assert "can't be read: Is a directory" in perfkit("compare", tmp_path, old).err
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert "it is not UTF-8 text" in perfkit("compare", old, tmp_path / "binary.json").err


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--tolerance", "-5%", "--tolerance"), ("--tolerance", "100%", "from 0 to below 100 %"),
        ("--tolerance", "much", "is no ratio"), ("--confidence", "0.3", "from 50% to 99.99%"),
        ("--confidence", "1", "--confidence"), ("--timeout", "soon", "is no duration"),
    ],
)  # fmt: skip
def test_an_option_out_of_range_is_status_2(
    perfkit: Command, old: Path, option: str, value: str, sentence: str
) -> None:
    outcome = perfkit("compare", old, old, f"{option}={value}")
    assert outcome.status == 2
    assert sentence in outcome.err


def test_the_time_limit_ends_a_wait_for_a_report_that_never_comes(
    perfkit: Command, old: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    keep_open = os.open(pipe, os.O_RDWR)
    try:
        outcome = perfkit("compare", old, pipe, "--timeout", "200ms")
    finally:
        os.close(keep_open)
    assert outcome.status == 2
    assert "--timeout 200ms: not done within it" in outcome.err


def test_quiet_tells_only_what_is_wrong(perfkit: Command, old: Path, tmp_path: Path) -> None:
    assert perfkit("compare", old, old, "--quiet") == type(perfkit("compare", old, old))(0, "", "")
    slow = written(tmp_path / "slow.json", bench_report(Variant(speed=0.7), seed=2))
    outcome = perfkit("compare", old, slow, "--quiet")
    assert (outcome.status, outcome.out) == (1, "")
    assert "FAILED" in outcome.err
