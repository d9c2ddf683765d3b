"""Two variants of a benchmark, metric by metric, by their runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfkit import stats
from perfkit.results import Caveat, Comparison, OperationResult, RunResult, Verdict
from perfkit.units import show_ratio

_LEAST_SAMPLES = {"p50_ms": 1, "p95_ms": 20, "p99_ms": 100}  # one of them lies above the percentile
ERRORS_THAT_MATTER = 0.001
"""Of the operations: less is noise of the network or of locks."""


def compare_variants(
    baseline: str,
    candidate: str,
    runs: Sequence[RunResult],
    *,
    paired: bool,
    confidence: float = stats.CONFIDENCE,
    tolerance: float = stats.TOLERANCE,
) -> tuple[Comparison, ...]:
    """Rate of all together, then p50, p95 and p99 of the response time of each operation.

    Paired runs are those of one block. Runs that are not valid are left out, and so is a metric that
    some run can't tell. `confidence` holds for all comparisons together.
    """
    return pair_of(baseline, candidate, runs, paired=paired).comparisons(confidence, tolerance)


def caveats_of(
    baseline: str, candidate: str, runs: Sequence[RunResult], *, paired: bool
) -> tuple[Caveat, ...]:
    """What `compare_variants` could not compare, and errors that make its numbers mean less."""
    return pair_of(baseline, candidate, runs, paired=paired).caveats()


def pair_of(baseline: str, candidate: str, runs: Sequence[RunResult], *, paired: bool) -> "Pair":
    """The runs of two variants of one benchmark."""
    before = [run for run in runs if run.variant == baseline]
    after = [run for run in runs if run.variant == candidate]
    return Pair.of(baseline, candidate, before, after, paired=paired)


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric of an operation in each run of both, or why it can't be compared."""

    operation: str
    name: str
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A baseline and a candidate with their valid runs; paired ones stand in the same order."""

    baseline: str
    candidate: str
    before: tuple[RunResult, ...]
    after: tuple[RunResult, ...]
    paired: bool

    @classmethod
    def of(
        cls,
        baseline: str,
        candidate: str,
        before: Sequence[RunResult],
        after: Sequence[RunResult],
        *,
        paired: bool,
    ) -> "Pair":
        """Leaves out runs that are not valid and, of paired ones, those without their other half."""
        old = [run for run in before if run.valid]
        new = [run for run in after if run.valid]
        if paired:
            blocks = {run.block for run in old} & {run.block for run in new}
            old, new = (
                sorted((run for run in side if run.block in blocks), key=lambda run: run.block)
                for side in (old, new)
            )
        return cls(baseline, candidate, tuple(old), tuple(new), paired)

    def comparisons(self, confidence: float, tolerance: float) -> tuple[Comparison, ...]:
        """Every metric that all runs can tell."""
        if not self.before or not self.after:
            return ()
        metrics = [metric for metric in self._metrics() if not metric.why_not]

        def compared(metric: _Metric) -> Comparison:
            change = stats.compare_runs(
                metric.before,
                metric.after,
                paired=self.paired,
                confidence=confidence,
                tolerance=tolerance,
                comparisons=len(metrics),
            )
            return Comparison(
                baseline=self.baseline,
                candidate=self.candidate,
                operation=metric.operation,
                metric=metric.name,
                baseline_value=change.baseline_value,
                candidate_value=change.candidate_value,
                change_ratio=change.change_ratio,
                change_low=change.low,
                change_high=change.high,
                confidence=confidence,
                verdict=_verdict(metric.name, change.kind),
                runs_needed=change.runs_needed,
                baseline_runs=len(metric.before),
                candidate_runs=len(metric.after),
            )

        return tuple(map(compared, metrics))

    def caveats(self) -> tuple[Caveat, ...]:
        """What can't be compared, by its reason, and how much of it failed."""
        if not self.before or not self.after:
            none_of = self.candidate if self.before else self.baseline
            return (Caveat("not_compared", f"there is no valid run of {none_of} to compare"),)
        reasons: dict[tuple[str, str], list[str]] = {}
        for metric in self._metrics():
            if metric.why_not:
                reasons.setdefault((metric.operation, metric.why_not), []).append(metric.name)
        found = [
            Caveat("not_compared", f"{', '.join(names)} of {operation}: not compared, {why}")
            for (operation, why), names in reasons.items()
        ]
        return (*found, *self._failures())

    def _failures(self) -> Iterator[Caveat]:
        shares = self.error_ratios()
        if max(shares) > ERRORS_THAT_MATTER:
            yield Caveat(
                "errors",
                f"{show_ratio(shares[0])} of the operations of {self.baseline} failed, "
                f"{show_ratio(shares[1])} of {self.candidate}: an error counts in rates and times too, "
                "and may be quicker than what it stands for",
            )

    def error_ratios(self) -> tuple[float, float]:
        """Which share of the operations failed, of the baseline's and of the candidate's."""
        return _error_ratio(self.before), _error_ratio(self.after)

    def fails_more(self, confidence: float) -> bool:
        """Does more of the candidate fail, by what matters and by more than chance would make of it?

        The intervals of both sides' means lie apart, which is stricter than one of their difference.
        """
        old, new = (
            stats.mean_interval([run.total.error_ratio or 0.0 for run in side], confidence)
            for side in (self.before, self.after)
        )
        if old.high is None or new.low is None:
            return False
        return new.low > old.high and new.mean - old.mean > ERRORS_THAT_MATTER

    def _metrics(self) -> Iterator[_Metric]:
        yield self._rate()
        names = dict.fromkeys(
            operation.name for run in (*self.before, *self.after) for operation in run.operations
        )
        for name in (*names, *(["total"] if len(names) > 1 else [])):
            for metric, least in _LEAST_SAMPLES.items():
                yield self._percentile(name, metric, least)

    def _rate(self) -> _Metric:
        """In items where an operation holds several: a larger batch makes fewer, larger operations."""
        totals = [run.total for run in (*self.before, *self.after)]
        by_items = any(each.items_per_s not in {None, each.rate_per_s} for each in totals)
        metric = "items_per_s" if by_items else "rate_per_s"
        before, after = (
            [getattr(run.total, metric) for run in side] for side in (self.before, self.after)
        )
        return self._metric("total", metric, before, after)

    def _percentile(self, name: str, metric: str, least: int) -> _Metric:
        found = [[_operation(run, name) for run in side] for side in (self.before, self.after)]
        for has, other in ((self.candidate, found[0]), (self.baseline, found[1])):
            if None in other:
                return _Metric(name, metric, why_not=f"only {has} has it")
        sides = [[each for each in side if each is not None] for side in found]
        fewest = min(each.count for side in sides for each in side)
        if fewest < least:
            needed = ", ".join(
                f"{key} takes {n}" for key, n in _LEAST_SAMPLES.items() if n > fewest
            )
            return _Metric(name, metric, why_not=f"a run holds only {fewest} of it ({needed})")
        return self._metric(
            name, metric, *([getattr(each.response, metric) for each in side] for side in sides)
        )

    def _metric(
        self,
        operation: str,
        name: str,
        before: Sequence[float | None],
        after: Sequence[float | None],
    ) -> _Metric:
        old, new = (tuple(value for value in side if value) for side in (before, after))
        if len(old) < len(before) or len(new) < len(after):
            return _Metric(operation, name, why_not="some run has none")
        return _Metric(operation, name, old, new)


def _operation(run: RunResult, name: str) -> OperationResult | None:
    if name == "total":
        return run.total
    return next((each for each in run.operations if each.name == name), None)


def _error_ratio(runs: Sequence[RunResult]) -> float:
    count = sum(run.total.count for run in runs)
    return sum(run.total.errors for run in runs) / count if count else 0.0


def _verdict(metric: str, kind: stats.Kind) -> Verdict:
    if kind in {"same", "unknown"}:
        return kind
    return "faster" if (kind == "up") == metric.endswith("_per_s") else "slower"
