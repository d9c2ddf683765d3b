"""Reports land whole where they were asked for, or the run does not even begin."""

import io
import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perfkit.errors import UsageError
from perfkit.report.jsonfile import from_json
from perfkit.report.writing import Outputs
from tests.report.samples import failed_report, passed_report


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """A stand-in for a full disk: the kernel refuses to let a file grow past this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A directory of a user for whom permissions count."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


def test_every_report_that_was_asked_for_is_written(tmp_path: Path) -> None:
    names = ["html", "json", "junit", "markdown"]
    outputs = Outputs(
        json=str(tmp_path / "json"),
        html=str(tmp_path / "html"),
        markdown=str(tmp_path / "markdown"),
        junit=str(tmp_path / "junit"),
        quiet=True,
    )
    outputs.check_writable()
    outputs.write(passed_report())
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert from_json((tmp_path / "json").read_text()) == passed_report()
    assert (tmp_path / "html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "junit").read_text().startswith("<?xml")


def test_the_check_before_the_run_leaves_nothing_behind(tmp_path: Path) -> None:
    Outputs(json=str(tmp_path / "report.json")).check_writable()
    assert list(tmp_path.iterdir()) == []


def test_the_check_before_the_run_does_not_touch_an_old_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    Outputs(json=str(path)).check_writable()
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no/such/report.json", "there is no directory .*no/such"),
        (".", "is a directory"),
        ("new/", "is a directory"),
    ],
)
def test_a_path_that_can_not_be_is_refused_before_the_run(
    path: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"--json {path}: {why}"):
        Outputs(json=path).check_writable()


def test_a_directory_that_may_not_be_written_to_is_refused(unprivileged: Path) -> None:
    unprivileged.joinpath("closed").mkdir()
    unprivileged.joinpath("closed").chmod(0o555)
    with pytest.raises(UsageError, match=r"--html .*: Permission denied"):
        Outputs(html=str(unprivileged / "closed/report.html")).check_writable()


def test_a_file_that_may_not_be_written_to_is_refused(unprivileged: Path) -> None:
    path = unprivileged / "report.html"
    path.touch(0o444)
    with pytest.raises(UsageError, match=r"--html .*: may not be written"):
        Outputs(html=str(path)).check_writable()


def test_a_full_disk_is_noticed_before_the_run(tmp_path: Path) -> None:
    with (
        files_limited_to(4096),
        pytest.raises(UsageError, match=r"--json .*: File too large"),
    ):
        Outputs(json=str(tmp_path / "report.json")).check_writable()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_during_the_run_leaves_the_old_report_and_the_other_ones(
    tmp_path: Path,
) -> None:
    old, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    old.write_text("old")
    outputs = Outputs(json=str(old), junit=str(junit), quiet=True)
    with files_limited_to(4096), pytest.raises(UsageError, match=r"--json .*: File too large"):
        outputs.write(passed_report())
    assert old.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [junit, old]


def test_a_new_report_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    before = os.umask(0o027)
    try:
        Outputs(json=str(path), quiet=True).write(passed_report())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_report_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.touch()
    path.chmod(0o604)
    Outputs(json=str(path), quiet=True).write(passed_report())
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    link, real = tmp_path / "latest.json", tmp_path / "real.json"
    link.symlink_to(real.name)
    Outputs(json=str(link), quiet=True).write(passed_report())
    assert link.is_symlink()
    assert from_json(real.read_text()) == passed_report()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    outputs = Outputs(json=str(pipe), quiet=True)
    outputs.check_writable()
    outputs.write(passed_report())
    reader.join()
    assert from_json(read[0]) == passed_report()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_two_reports_on_standard_output_are_refused() -> None:
    with pytest.raises(
        UsageError, match="--json and --markdown can't both be written to standard output"
    ):
        Outputs(json="-", markdown="-").check_writable()


def test_two_reports_in_one_file_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "report")
    with pytest.raises(UsageError, match="--json and --html can't both be written to"):
        Outputs(json=path, html=f"{tmp_path}/./report").check_writable()


def test_the_table_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Outputs().write(passed_report())
    out, err = capsys.readouterr()
    assert "3 of 3 checks passed" in out
    assert err == ""


def test_standard_output_holds_the_json_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Outputs(json="-").write(failed_report())
    out, err = capsys.readouterr()
    assert json.loads(out)["schema"] == "perfkit.loadtest"
    assert "FAILED" in err


def test_quiet_says_nothing_of_a_run_that_passed(capsys: pytest.CaptureFixture[str]) -> None:
    Outputs(quiet=True).write(passed_report())
    assert capsys.readouterr() == ("", "")


def test_quiet_still_says_why_a_run_did_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    Outputs(quiet=True).write(failed_report())
    out, err = capsys.readouterr()
    assert out == ""
    assert "read.response.p99 < 100ms: was 431 ms" in err
    assert "Operations" not in err


@pytest.mark.parametrize("options", ["", "json='-', quiet=True"])
def test_a_reader_that_goes_away_makes_no_error(options: str) -> None:
    script = (
        "from tests.report.samples import passed_report\n"
        "from perfkit.report.writing import Outputs\n"
        f"report = passed_report()\ninput()\nOutputs({options}).write(report)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate("\n", timeout=60)
    assert (process.returncode, err) == (0, "")


def test_json_is_utf_8_whatever_the_locale_says(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    Outputs(json="-", quiet=True).write(passed_report())
    assert from_json(raw.getvalue().decode()) == passed_report()
