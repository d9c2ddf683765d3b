"""Two peaks in a distribution of times: two things were measured as one, and a mean tells of neither."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perfkit.units import show_duration, show_ratio

_BIN = 0.025  # of the natural logarithm of a time
_BANDWIDTH = 0.1  # peaks closer than about a third of their value are one
LEAST_FOR_PEAKS = 200
"""Times; among fewer no second peak is told from chance."""
_LEAST_SHARE = 0.05  # less is a tail
_DIP = 0.5  # of the lower peak: what lies between two that are clearly apart
_NO_CHANCE = (
    3.5  # standard deviations of a count as large; smoothed ones vary less: about 5 of theirs
)

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Peaks:
    """Two peaks, where they and the dip between lie, and the share of the times beyond the dip."""

    first_ns: float
    dip_ns: float
    second_ns: float
    second_share: float

    @property
    def message(self) -> str:
        first, second = show_duration(self.first_ns), show_duration(self.second_ns)
        return (
            f"response times have two peaks, at {first} and at {second} "
            f"({show_ratio(self.second_share)} of them): two kinds of work, or some that "
            "waits for other, of which no mean tells"
        )


def two_peaks(buckets: Iterable[tuple[float, int]]) -> Peaks | None:
    """The two main peaks of a histogram of (time in ns, count), None where it has but one.

    On a logarithmic axis, where a plain long tail (log-normal, exponential, Pareto) has one peak, the
    counts are smoothed with a Gaussian kernel of fixed width. A second peak counts when it holds 5 %
    of the times, the dip before it is at most half as high, and no chance of the counts made it.
    """
    pairs = [(value, count) for value, count in buckets if value > 0 and count > 0]
    if sum(count for _, count in pairs) < LEAST_FOR_PEAKS:
        return None
    logs = np.log(np.array([value for value, _ in pairs]))
    counts = np.array([count for _, count in pairs], np.float64)
    start, heights = _smoothed(logs, counts)
    found = [_apart(heights, int(np.argmax(heights)), other) for other in _tops(heights)]
    shares = [(share, tops) for share, tops in found if share >= _LEAST_SHARE]
    if not shares:
        return None
    _, (first, second, dip) = max(shares)
    share = heights[dip:].sum() / heights.sum()
    times = np.exp(start + _BIN * np.array([first, dip, second]))
    return Peaks(float(times[0]), float(times[1]), float(times[2]), float(share))


def _smoothed(logs: _Floats, counts: _Floats) -> tuple[float, _Floats]:
    """Where the first bin lies, and the number of times within a kernel's width of each bin."""
    reach = round(4 * _BANDWIDTH / _BIN)
    start = float(logs.min()) - reach * _BIN
    bins = np.round((logs - start) / _BIN).astype(np.int64)
    binned = np.bincount(bins, counts, minlength=int(bins.max()) + reach + 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _BIN / _BANDWIDTH) ** 2)
    return start, np.convolve(binned, kernel, "same")


def _tops(heights: _Floats) -> list[int]:
    inner = heights[1:-1]
    return (np.flatnonzero((inner > heights[:-2]) & (inner >= heights[2:])) + 1).tolist()


def _apart(heights: _Floats, highest: int, other: int) -> tuple[float, tuple[int, int, int]]:
    """The share of the times on the other top's side of the dip, 0 where the two are not apart."""
    first, second = sorted((highest, other))
    dip = first + int(np.argmin(heights[first : second + 1]))
    top, low = float(heights[other]), float(heights[dip])
    clear = low <= _DIP * top and top - low > _NO_CHANCE * (top + low) ** 0.5
    beyond = heights[dip:] if other > dip else heights[:dip]
    share = float(beyond.sum() / heights.sum()) if clear and highest != other else 0.0
    return share, (first, second, dip)
