"""Why the numbers of some runs deserve less trust, in words."""

from collections.abc import Sequence

from perfkit import stats
from perfkit.bench.runs import Run
from perfkit.load.histogram import Histogram
from perfkit.results import Caveat, LoadtestResult, OperationResult


def doubts(runs: Sequence[Run], whole: LoadtestResult) -> list[Caveat]:
    """Caveats on a variant's runs: spread, a slow first run, outliers, drift; two peaks in a response time."""
    found = [
        Caveat(doubt.code, doubt.message)
        for doubt in stats.doubts(
            [run.result.total.rate_per_s for run in runs], [run.number for run in runs]
        )
    ]
    for number, operation in enumerate(whole.operations):
        peaks = _peaks(operation)
        if peaks is not None and _in_each(peaks, [run.result.operations[number] for run in runs]):
            found.append(Caveat("two_peaks", f"{operation.name}: {peaks.message}"))
    return found


def _peaks(operation: OperationResult) -> stats.Peaks | None:
    hdr = operation.response.hdr
    return stats.two_peaks(Histogram.decode(hdr).buckets()) if hdr else None


def _in_each(peaks: stats.Peaks, runs: Sequence[OperationResult]) -> bool:
    """Has every run that holds enough times both peaks, and is there such a run?

    What comes and goes is no property of the work: a busy neighbour, the way in which clients
    happened to fall in step, or one run that was slower than another as a whole.
    """
    telling = [each for each in runs if each.count >= stats.LEAST_FOR_PEAKS]
    found = [_peaks(each) for each in telling]
    return bool(found) and all(
        each is not None and each.first_ns < peaks.dip_ns < each.second_ns for each in found
    )
