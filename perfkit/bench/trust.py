"""Why the numbers of some runs deserve less trust, in words."""

from collections.abc import Sequence

from perfkit import stats
from perfkit.bench.runs import Run
from perfkit.load.histogram import Histogram
from perfkit.results import Caveat, LoadtestResult


def doubts(runs: Sequence[Run], whole: LoadtestResult) -> list[Caveat]:
    """Caveats on a variant's runs: spread, a slow first run, outliers, drift; two peaks in a response time."""
    found = [
        Caveat(doubt.code, doubt.message)
        for doubt in stats.doubts([run.result.total.rate_per_s for run in runs])
    ]
    for operation in whole.operations:
        if not operation.response.hdr:
            continue
        peaks = stats.two_peaks(Histogram.decode(operation.response.hdr).buckets())
        if peaks is not None:
            found.append(Caveat("two_peaks", f"{operation.name}: {peaks.message}"))
    return found
