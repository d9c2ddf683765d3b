"""Pure statistics: what a few runs say, and how sure that is."""

from perfkit.stats.change import CONFIDENCE, MOST_RUNS, RUNS, TOLERANCE, Change, Kind, compare_runs
from perfkit.stats.intervals import Interval, mean_interval, spread
from perfkit.stats.peaks import LEAST_FOR_PEAKS, Peaks, two_peaks
from perfkit.stats.scaling import (
    NoFit,
    Step,
    UslFit,
    advise,
    advise_setting,
    fit_usl,
    knee,
)
from perfkit.stats.trust import Doubt, doubts, drift, outliers, slow_first_run

__all__ = [
    "CONFIDENCE",
    "LEAST_FOR_PEAKS",
    "MOST_RUNS",
    "RUNS",
    "TOLERANCE",
    "Change",
    "Doubt",
    "Interval",
    "Kind",
    "NoFit",
    "Peaks",
    "Step",
    "UslFit",
    "advise",
    "advise_setting",
    "compare_runs",
    "doubts",
    "drift",
    "fit_usl",
    "knee",
    "mean_interval",
    "outliers",
    "slow_first_run",
    "spread",
    "two_peaks",
]
