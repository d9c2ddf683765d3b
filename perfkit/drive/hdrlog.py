"""The interval log of HdrHistogram, as HistogramLogWriter writes it and other tools read it."""

import contextlib
import re
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from perfkit.errors import UsageError
from perfkit.load.histogram import Histogram, Values
from perfkit.results import Caveat
from perfkit.units import NS_PER_MS

_HEAD = """\
#[Logged with perfkit; values in ns, Interval_Max in ms]
#[Histogram log format version 1.3]
#[StartTime: {seconds:.3f} (seconds since epoch), {text}]
#[BaseTime: {seconds:.3f} (seconds since epoch)]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
"""
_NOT_IN_A_TAG = re.compile(r"[,\s]")  # they end a tag for HistogramLogReader


class HdrLog:
    """One line for each interval and tag, flushed as it is written; a context manager.

    Entering raises UsageError when the file can't be made. When writing fails later (a full disk)
    the load goes on, the log ends there, and `caveats` says so.
    """

    def __init__(self, path: Path, started_at: datetime) -> None:
        self.caveats: list[Caveat] = []
        self._path = path
        self._started_at = started_at
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="\n", buffering=1)
        except OSError as error:
            raise UsageError(f"can't write the histogram log: {error}") from error
        seconds = self._started_at.timestamp()
        self._write(_HEAD.format(seconds=seconds, text=self._started_at.isoformat(" ")))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def interval(self, tag: str, start_s: float, end_s: float, times_ns: Values) -> None:
        """Logs what was recorded under a tag from start to end, in seconds since the start.

        Commas and spaces, which would end the tag, become underscores.
        """
        histogram = Histogram()
        histogram.add(times_ns)
        name = _NOT_IN_A_TAG.sub("_", tag)
        highest_ms = (histogram.max_ns or 0) / NS_PER_MS
        times = f"{start_s:.3f},{end_s - start_s:.3f},{highest_ms:.3f}"
        self._write(f"Tag={name},{times},{histogram.encode()}\n")

    def _write(self, text: str) -> None:
        if self._file is None:
            return
        try:
            self._file.write(text)
        except OSError as error:
            message = f"the histogram log {self._path} is not complete: {error}"
            self.caveats.append(Caveat("hdr_log_incomplete", message))
            self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # the disk is full, which `caveats` says already
                file.close()
