"""Ctrl-C, SIGTERM, a closed terminal and the command's time limit, while a run needs to end in good order."""

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Literal, Self

from perfkit.errors import ExitStatus, MeasurementError
from perfkit.load.fleet import STOPPING
from perfkit.units import NS_PER_S

_SIGNALS = (*STOPPING, signal.SIGALRM)
_LEFT_AT_ONCE = (
    b"\ninterrupted twice: left without cleaning up. Data that was made and settings that were changed "
    b"for a run are still there; the next run makes its data anew\n"
)


class Interruption:
    """While the block runs, a first signal ends the load and keeps what was measured.

    Before the load (`on_stop` unset) it raises instead, so that clean-up runs. A second Ctrl-C
    leaves at once, without any clean-up. `reason` says what came, None while nothing did.
    """

    def __init__(self, time_limit_ns: int | None) -> None:
        self.reason: Literal["interrupted", "timeout"] | None = None
        self.on_stop: Callable[[], None] | None = None
        self.time_limit_ns = time_limit_ns
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                self._before[number] = signal.signal(number, self._handle)
        if self.time_limit_ns is not None:
            signal.setitimer(signal.ITIMER_REAL, self.time_limit_ns / NS_PER_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  what signal calls
        if self.reason == "interrupted" and number == signal.SIGINT:
            os.write(2, _LEFT_AT_ONCE)
            os._exit(ExitStatus.INTERRUPTED)  # worker processes leave when their pipe closes
        ending = self.reason is not None
        if number != signal.SIGALRM:
            self.reason = "interrupted"
        elif not ending:
            self.reason = "timeout"
        if ending:
            return
        if self.on_stop is not None:
            self.on_stop()
        elif self.reason == "interrupted":
            raise KeyboardInterrupt
        else:
            limit = (self.time_limit_ns or 0) / NS_PER_S
            raise MeasurementError(
                f"the time limit of {limit:g} s was over before the load began",
                hint="raise --timeout",
            )
