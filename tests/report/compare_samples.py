"""Reports of comparisons, with every verdict there is."""

from dataclasses import replace

from perfkit.comparison import change_text
from perfkit.results import (
    Caveat,
    Check,
    CompareResult,
    Comparison,
    Environment,
    Report,
    Side,
    TargetInfo,
    Verdict,
)
from tests.report.samples import HOSTILE


def comparison(metric: str, verdict: Verdict, **changes: object) -> Comparison:
    """A comparison of 10 runs with 10, by default from 100 to 120."""
    operation, _, name = metric.partition(".")
    whole = Comparison(
        baseline="default",
        candidate="default",
        operation=operation,
        metric=name,
        baseline_value=100.0,
        candidate_value=120.0,
        change_ratio=0.2,
        change_low=0.18,
        change_high=0.22,
        confidence=0.99,
        verdict=verdict,
        runs_needed=None,
        baseline_runs=10,
        candidate_runs=10,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]  # any field


SLOWER = comparison("read.p99_ms", "slower", baseline_value=1.875, candidate_value=2.25)
FASTER = comparison("total.rate_per_s", "faster", baseline_value=18_250.0, candidate_value=21_900.0)
SAME = comparison(
    "read.p50_ms", "same", candidate_value=101.0, change_ratio=0.01, change_low=-0.011, change_high=0.031
)  # fmt: skip
UNKNOWN = comparison("read.p95_ms", "unknown", change_low=-0.06, change_high=0.53, runs_needed=24)
HOPELESS = comparison(
    "update.p50_ms", "unknown", change_ratio=0.05, change_low=-0.06, change_high=0.16
)
TWO_RUNS = comparison(
    "update.p99_ms", "unknown", change_low=-0.999, change_high=3e8, runs_needed=11,
    baseline_runs=2, candidate_runs=2,
)  # fmt: skip


def compare_report(
    *comparisons: Comparison, caveats: tuple[Caveat, ...] = ()
) -> Report[CompareResult]:
    """Two benchmarks of PostgreSQL against each other."""
    return Report(
        schema="perfkit.compare",
        schema_version=1,
        perfkit_version="0.1.0",
        started_at="2026-03-15T08:00:00.000+00:00",
        duration_s=0.012,
        environment=Environment("ci-runner-7", "Linux 6.8", "AMD EPYC 7763", 4, 2**34, "3.11.9"),
        target=TargetInfo("postgresql", "postgresql://app:***@127.0.0.1:5432/shop", "16.4"),
        result=CompareResult(
            old=Side("main.json", "2026-03-14T15:09:26.535+00:00", "0.1.0", "ci-runner-7", "postgresql 16.4", 10),
            new=Side("branch.json", "2026-03-14T16:31:02.101+00:00", "0.1.0", "ci-runner-7", "postgresql 16.4", 10),
            tolerance=0.05,
            differences=(),
            comparisons=comparisons,
        ),
        checks=tuple(
            Check(
                f"{each.operation}.{each.metric}",
                change_text(each),
                passed=each.verdict != "slower",
                variant=each.candidate if each.candidate != "default" else None,
            )
            for each in comparisons
        ),
        caveats=caveats,
    )  # fmt: skip


def compare_failed_report() -> Report[CompareResult]:
    """Everything that can be said of a comparison."""
    caveat = Caveat("cannot_tell", "can't tell 3 of 6 comparisons; 24 runs would probably tell 2")
    all_of_them = (FASTER, SAME, UNKNOWN, SLOWER, HOPELESS, TWO_RUNS)
    return compare_report(*all_of_them, caveats=(caveat,))


def compare_passed_report() -> Report[CompareResult]:
    """Two variants, neither of which became slower."""
    named = [
        replace(each, baseline=name, candidate=name)
        for name in ("default", "sqlite-read-heavy")
        for each in (FASTER, SAME)
    ]
    return compare_report(*named)


def compare_hostile_report() -> Report[CompareResult]:
    """Every text that a user chose tries to break out of the format."""
    report = compare_report(
        replace(SLOWER, operation=HOSTILE, baseline=HOSTILE, candidate=HOSTILE), FASTER
    )
    side = replace(report.result.old, file=HOSTILE, host=HOSTILE, server=HOSTILE)
    result = replace(report.result, old=side, new=side, differences=(HOSTILE,))
    return replace(report, result=result, caveats=(Caveat(HOSTILE, HOSTILE),))


COMPARE_SAMPLES = {
    "compare-failed": compare_failed_report,
    "compare-passed": compare_passed_report,
    "compare-hostile": compare_hostile_report,
}
