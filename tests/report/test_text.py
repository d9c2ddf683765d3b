"""The tables for people, on terminals wide and narrow, and in pipes."""

import io
import re

import pytest
from rich.console import Console

from perfkit.report import text
from perfkit.report.blocks import Cell
from perfkit.results import LoadtestResult, Report
from tests.report.samples import SAMPLES, failed_report, hostile_report, passed_report


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rendered(report: Report[LoadtestResult], width: int = 100) -> str:
    page = io.StringIO()
    text.render(report, Console(file=page, width=width, force_terminal=False))
    return page.getvalue()


def test_the_first_line_is_the_verdict() -> None:
    assert rendered(failed_report()).startswith(" FAILED   read.response.p99 < 100ms: was 431 ms\n")


def test_output_to_a_pipe_has_no_control_codes() -> None:
    page = io.StringIO()
    text.render(hostile_report(), text.open_console(page))
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page.getvalue()) == []


def test_no_line_ends_in_spaces() -> None:
    assert re.findall(r" +\n", rendered(passed_report())) == []


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    page = Terminal()
    text.render(passed_report(), text.open_console(page))
    assert "\x1b[" in page.getvalue()


def test_a_terminal_gets_no_colours_when_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    page = Terminal()
    text.render(passed_report(), text.open_console(page, color=False))
    assert "\x1b" not in page.getvalue()


def test_a_terminal_gets_no_colours_when_the_environment_wants_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    page = Terminal()
    text.render(passed_report(), text.open_console(page))
    assert "\x1b" not in page.getvalue()


def test_colours_that_are_forced_on_a_pipe_are_still_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    page = io.StringIO()
    text.render(passed_report(), text.open_console(page))
    assert "\x1b" not in page.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("name", ["passed", "hostile"])
def test_no_number_is_ever_cut(width: int, name: str) -> None:
    page = rendered(SAMPLES[name](), width)
    total = (
        r"total +40,000  571/s  40 \(0\.1 %\)  1\.84 ms  14\.0 ms  31\.7 ms  651 ms  18\.3 ms +7"
    )
    assert re.search(total, page)


def test_names_give_way_to_the_numbers() -> None:
    lines = rendered(hostile_report(), 100).splitlines()
    assert max(len(line) for line in lines if "31,991" in line) <= 100


def test_a_long_message_is_cut_where_it_stops_to_help() -> None:
    assert len(text._cell(Cell("x" * 1000)).plain) == 200


def test_an_old_terminal_gets_question_marks_and_not_a_traceback() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    text.render(passed_report(), text.open_console(stream))
    stream.flush()
    assert b"91.0 ?s" in raw.getvalue()


def test_a_log_without_a_width_is_a_hundred_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert text.open_console(io.StringIO()).width == 100
    monkeypatch.setenv("COLUMNS", "72")
    assert text.open_console(io.StringIO()).width == 72


def test_nothing_is_said_of_a_run_that_ended_well() -> None:
    page = io.StringIO()
    text.render_trouble(passed_report(), text.open_console(page))
    assert page.getvalue() == ""
