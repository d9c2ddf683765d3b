"""Progress while a run goes on, on stderr: a bar on a terminal, a line now and then in a CI log."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perfkit.report.wording import printable, show_span
from perfkit.results import Progress
from perfkit.units import NS_PER_S, show_count, show_ms

_REDRAW_S = 0.25
_LINE_EVERY_S = 10.0
_BAR_WIDTH = 40


class LiveView:
    """Shows how a run is doing until the block ends; `quiet` shows nothing.

    On a terminal two lines stay in place and are redrawn at most four times a second; elsewhere a
    plain line comes every ten seconds and when a stage begins.
    """

    def __init__(
        self, console: Console, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._clock = clock
        self._shown_s = float("-inf")
        self._stage: str | None = None
        on_terminal = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._draws = on_terminal and not quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        """Shows what perfkit does besides, such as making a dataset."""
        if not self._quiet:
            self._console.print(Text(printable(text)), soft_wrap=True)

    def update(self, progress: Progress) -> None:
        """Takes the newest state of the run; shows it when it is time to."""
        now_s = self._clock()
        every_s = _REDRAW_S if self._draws else _LINE_EVERY_S
        if self._quiet or (progress.stage == self._stage and now_s - self._shown_s < every_s):
            return
        self._stage, self._shown_s = progress.stage, now_s
        if self._draws:
            self._live.start()  # not before: what is asked first needs the terminal for itself
            self._live.update(_lines(progress), refresh=True)
        else:
            self._console.print(Text(_log_line(progress)), soft_wrap=True)


def _lines(progress: Progress) -> Group:
    head = Table.grid(padding=(0, 2))
    left = "" if progress.remaining_s is None else f"{show_span(progress.remaining_s)} left"
    head.add_row(
        Text(printable(progress.stage), style="bold", overflow="ellipsis", no_wrap=True),
        ProgressBar(1.0, _done_ratio(progress), width=_BAR_WIDTH, pulse=False),
        Text(left or f"{show_span(progress.elapsed_s)} so far", no_wrap=True),
    )
    figures = Text(overflow="ellipsis", no_wrap=True)
    for text, is_bad in _figures(progress):
        figures.append(" · " if figures else "", style="dim").append(text, "red" if is_bad else "")
    return Group(head, figures)


def _log_line(progress: Progress) -> str:
    left = "" if progress.remaining_s is None else f", {show_span(progress.remaining_s)} left"
    figures = " · ".join(text for text, _ in _figures(progress))
    return f"[{show_span(progress.elapsed_s)}{left}] {printable(progress.stage)}: {figures}"


def _figures(progress: Progress) -> list[tuple[str, bool]]:
    """What to show, and whether it is bad news."""
    asked = progress.target_rate_per_s
    rate = f"{show_count(_whole(progress.rate_per_s))}/s"
    figures = [(rate if asked is None else f"{rate} of {show_count(_whole(asked))}/s", False)]
    if progress.users is not None:
        kind = "users" if asked is None else "in flight"
        figures.append((f"{show_count(_whole(progress.users))} {kind}", False))
    for name, value_ms in (("p50", progress.p50_ms), ("p99", progress.p99_ms)):
        if value_ms is not None:
            figures.append((f"{name} {show_ms(value_ms)}", False))
    noun = "error" if progress.errors == 1 else "errors"
    figures.append((f"{show_count(progress.errors)} {noun}", progress.errors > 0))
    if progress.dropped:
        figures.append((f"{show_count(progress.dropped)} dropped", True))
    return figures


def _whole(value: float) -> float:
    """Digits behind the point jump about too much to be read live, above a handful."""
    return round(value) if abs(value) >= 10 else value


def _done_ratio(progress: Progress) -> float:
    if progress.remaining_s is None:
        return 0.0
    whole_s = progress.elapsed_s + max(progress.remaining_s, 0.0)
    return progress.elapsed_s / whole_s if whole_s * NS_PER_S >= 1 else 1.0
