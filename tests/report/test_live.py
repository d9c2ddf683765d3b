"""Progress: in place on a terminal, a line now and then in a log, nothing when quiet."""

import io
import re
from dataclasses import replace

from rich.console import Console

from perfkit.report.live import LiveView
from perfkit.results import Progress

PROGRESS = Progress(
    stage="steady",
    elapsed_s=15,
    remaining_s=45,
    rate_per_s=498,
    target_rate_per_s=500,
    users=3.2,
    p50_ms=1.23,
    p99_ms=14.5,
    errors=0,
    dropped=0,
    count=7_000,
)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def log_of(*updates: tuple[float, Progress], quiet: bool = False) -> list[str]:
    """What is printed where there is no terminal; each update comes so many seconds later."""
    page, clock = io.StringIO(), Clock()
    with LiveView(Console(file=page, width=60), quiet=quiet, clock=clock) as view:
        for later_s, progress in updates:
            clock.now_s += later_s
            view.update(progress)
    return page.getvalue().splitlines()


def screen_of(*updates: tuple[float, Progress]) -> str:
    page, clock = io.StringIO(), Clock()
    console = Console(file=page, width=100, force_terminal=True, color_system=None)
    with LiveView(console, clock=clock) as view:
        for later_s, progress in updates:
            clock.now_s += later_s
            view.update(progress)
    return page.getvalue()


def test_a_log_gets_all_figures_in_one_line() -> None:
    (line,) = log_of((0, PROGRESS))
    assert line == (
        "[15.0 s, 45.0 s left] steady: 498/s of 500/s · 3.20 in flight · "
        "p50 1.23 ms · p99 14.5 ms · 0 errors"
    )


def test_a_log_gets_a_line_every_ten_seconds() -> None:
    assert len(log_of(*[(1.0, PROGRESS)] * 31)) == 4


def test_a_log_gets_a_line_when_a_stage_begins() -> None:
    spike = replace(PROGRESS, stage="spike")
    lines = log_of((0, PROGRESS), (1, PROGRESS), (1, spike), (1, spike))
    assert [re.sub(r".*\] (\w+):.*", r"\1", line) for line in lines] == ["steady", "spike"]


def test_closed_load_shows_users_and_no_rate_that_nobody_asked_for() -> None:
    closed = replace(PROGRESS, target_rate_per_s=None, users=20.0)
    assert "steady: 498/s · 20 users · p50" in log_of((0, closed))[0]


def test_what_is_not_known_yet_is_left_out() -> None:
    start = replace(PROGRESS, p50_ms=None, p99_ms=None, remaining_s=None, users=None)
    assert log_of((0, start)) == ["[15.0 s] steady: 498/s of 500/s · 0 errors"]


def test_errors_and_dropped_arrivals_are_counted() -> None:
    assert log_of((0, replace(PROGRESS, errors=1200, dropped=3)))[0].endswith(
        "1,200 errors · 3 dropped"
    )


def test_quiet_shows_nothing() -> None:
    assert log_of((0, PROGRESS), (60, PROGRESS), quiet=True) == []
    page = io.StringIO()
    with LiveView(Console(file=page), quiet=True) as view:
        view.note("making dataset kv (100,000 rows)…")
    assert page.getvalue() == ""


def test_a_note_is_a_line_of_its_own_without_control_codes() -> None:
    page = io.StringIO()
    with LiveView(Console(file=page, width=20)) as view:
        view.note("making dataset kv (100,000 rows)…\x1b[2J")
    assert page.getvalue() == "making dataset kv (100,000 rows)…\\x1b[2J\n"


def test_a_terminal_shows_a_bar_with_what_is_left() -> None:
    screen = screen_of((0, PROGRESS))
    assert re.search(r"steady +━{9,10}.* 45\.0 s left", screen)
    assert "498/s of 500/s · 3.20 in flight" in screen


def test_a_terminal_is_redrawn_at_most_four_times_a_second() -> None:
    screen = screen_of(*[(0.01, PROGRESS)] * 200)
    assert screen.count("498/s of 500/s") in range(7, 11)


def test_a_terminal_is_left_as_it_was() -> None:
    screen = screen_of((0, PROGRESS), (1, PROGRESS))
    assert screen.count("\x1b[?25l") == screen.count("\x1b[?25h") == 1


def test_a_terminal_is_not_touched_before_there_is_progress() -> None:
    assert screen_of() == ""
