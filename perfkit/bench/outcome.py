"""From the runs that were made to the result: each variant, how they compare, what to think of it."""

import collections
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perfkit import comparison, stats
from perfkit.bench import scaling
from perfkit.bench.merging import merged
from perfkit.bench.options import Options
from perfkit.bench.runs import Run
from perfkit.bench.trust import doubts
from perfkit.bench.variants import DEFAULT, Scheme, Variant
from perfkit.drive import checks
from perfkit.results import (
    BenchResult,
    Caveat,
    Check,
    Comparison,
    Finding,
    LoadtestResult,
    RunResult,
    Series,
    Subject,
    Sweep,
    VariantResult,
)
from perfkit.scenario.datasets import ROWS_PER_BRANCH
from perfkit.units import show_ratio

_MOST_WORDINGS = 2
_NUMBER = re.compile(r"[\d.,]+(?: (?:ns|µs|ms|s)\b)?")


@dataclass(frozen=True)
class Outcome:
    """What the runs come to."""

    scheme: Scheme
    runs: Sequence[Run]
    options: Options
    subject: Subject

    def result(self, *, valid: bool, interrupted: bool) -> BenchResult:
        """The whole result; its load-test part is of the first variant that was run."""
        ran = self._ran()
        first = self._merged(ran[0])
        values = {name: getattr(first, name) for name in LoadtestResult.__dataclass_fields__}
        values |= {"valid": valid, "interrupted": interrupted}
        return BenchResult(
            **values,
            subject=self.subject,
            tolerance=self.options.tolerance,
            variants=tuple(map(self._variant, ran)),
            runs=tuple(map(run_result, self.runs)),
            comparisons=self._comparisons(),
            sweep=self._sweep(),
            not_measured=self.scheme.not_measured,
        )

    def _ran(self) -> list[Variant]:
        names = {run.variant.name for run in self.runs}
        return [variant for variant in self.scheme.variants if variant.name in names]

    def _of(self, variant: Variant) -> list[Run]:
        return [run for run in self.runs if run.variant.name == variant.name]

    def _whole(self, variant: Variant) -> list[Run]:
        """The runs that tell how far runs lie apart: valid, and not cut short; where none is, all."""
        runs = self._of(variant)
        return [run for run in runs if run_result(run).valid] or runs

    def _merged(self, variant: Variant) -> LoadtestResult:
        runs = self._of(variant)
        return merged([run.result for run in runs], [run.started_s for run in runs])

    def _variant(self, variant: Variant) -> VariantResult:
        runs = self._of(variant)
        whole = self._merged(variant)
        rates = [run.result.total.rate_per_s for run in self._whole(variant)]
        interval = stats.mean_interval(rates, self.options.confidence)
        return VariantResult(
            name=variant.name,
            settings=variant.settings,
            runs=len(runs),
            rate_low=interval.low,
            rate_high=interval.high,
            confidence=self.options.confidence,
            spread_ratio=stats.spread(rates),
            operations=whole.operations,
            total=whole.total,
        )

    def _comparisons(self) -> tuple[Comparison, ...]:
        """Each other variant against the first; the points of a sweep are a curve instead."""
        ran = self._ran()
        if self.scheme.sweep is not None or len(ran) < 2:
            return ()
        results = tuple(map(run_result, self.runs))
        return tuple(
            each
            for candidate in ran[1:]
            for each in comparison.compare_variants(
                ran[0].name,
                candidate.name,
                results,
                paired=True,
                confidence=self.options.confidence,
                tolerance=self.options.tolerance,
            )
        )

    def _sweep(self) -> Sweep | None:
        if self.scheme.sweep is None:
            return None
        points = [
            scaling.Point(
                variant.name, self._merged(variant).total, tuple(map(run_result, self._of(variant)))
            )
            for variant in self._ran()
        ]
        return scaling.sweep(self.scheme.sweep, points)

    def checks(self) -> tuple[Check, ...]:
        """The scenario's and the targets' checks, for each variant."""
        several = len(self.scheme.variants) > 1
        return tuple(
            Check(
                check.check, check.observed, check.passed, check.severity, check.observed_value,
                check.limit_value, check.stage, variant.name if several else None,
            )
            for variant in self._ran()
            for check in checks.evaluate(variant.scenario.thresholds, self._merged(variant))
        )  # fmt: skip

    def caveats(self) -> tuple[Caveat, ...]:
        """What runs had to be told, each kind once, and what the runs together give reason to doubt."""
        found = [*self.scheme.caveats, *self._of_runs(), *self._unseen()]
        ran, results = self._ran(), tuple(map(run_result, self.runs))
        several = len(self.scheme.variants) > 1
        told: list[tuple[str | None, Caveat]] = []
        if self.scheme.sweep is None:
            for variant in ran[1:]:
                doubted = comparison.caveats_of(ran[0].name, variant.name, results, paired=True)
                told += [(variant.name if len(ran) > 2 else None, each) for each in doubted]
        for variant in ran if self.scheme.sweep is not None else ():
            told += [(self._label(variant), each) for each in _failures(self._merged(variant))]
        for variant in ran:
            label = self._label(variant) if several else None
            told += [
                (label, doubt) for doubt in doubts(self._whole(variant), self._merged(variant))
            ]
        return (*found, *_grouped(told, len(ran)))

    def _unseen(self) -> list[Caveat]:
        """Runs that were over before host and server were looked at leave columns empty."""
        lengths = [
            sum(stage.duration_s for stage in run.result.stages)
            for run in self.runs
            if _mean(run.result.resources.server, "cpu") is None
            and _mean(run.result.resources.host, "cpu") is None
        ]
        if not lengths or max(lengths) >= 1:
            return []
        message = (
            f"{len(lengths)} of {len(self.runs)} runs were too short for the CPU and memory of host and "
            "server, which are sampled once a second: --duration 1s or more"
        )
        return [Caveat("no_resources", message)]

    def _of_runs(self) -> list[Caveat]:
        """A kind of caveat stands once for all runs, unless there are but a few wordings of it."""
        runs: dict[str, dict[Caveat, list[Run]]] = collections.defaultdict(dict)
        first_so: dict[tuple[str, str], Caveat] = {}  # of those that differ only in their numbers
        for run in self.runs:
            for caveat in run.caveats:
                words = caveat.message if caveat.invalidates else _NUMBER.sub("", caveat.message)
                alike = first_so.setdefault((caveat.code, words), caveat)
                runs[caveat.code].setdefault(alike, []).append(run)
        found = []
        for wordings in runs.values():
            if len(wordings) > _MOST_WORDINGS:
                first = next(iter(wordings))
                wordings = {first: [run for each in wordings.values() for run in each]}  # noqa: PLW2901  as one
            for caveat, where in wordings.items():
                found.append(replace(caveat, message=self._in_runs(caveat, where)))
        return found

    def _in_runs(self, caveat: Caveat, runs: Sequence[Run]) -> str:
        if len(self.runs) == 1:
            return caveat.message
        numbers = sorted({run.number for run in runs})
        if len(numbers) == len(self.runs):
            return f"every run: {caveat.message}"
        shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
        return f"run {shown} ({len(numbers)} of {len(self.runs)}): {caveat.message}"

    def _label(self, variant: Variant) -> str:
        return f"{self.scheme.sweep}={variant.name}" if self.scheme.sweep else variant.name

    def findings(self) -> tuple[Finding, ...]:
        """What the workload itself is short of; with --each-setting, what each one does here."""
        contended = [found for variant in self._ran() if (found := _contention(variant))]
        return (*contended[-1:], *(self._effects() if self.options.each_setting else ()))

    def _effects(self) -> tuple[Finding, ...]:
        rates = {
            each.candidate: each
            for each in self._comparisons()
            if each.metric in {"rate_per_s", "items_per_s"} and each.operation == "total"
        }
        return tuple(
            _setting_finding(variant, rates[variant.name])
            for variant in self._ran()
            if variant.name in rates and variant.name != DEFAULT
        )


def _failures(whole: LoadtestResult) -> list[Caveat]:
    """Errors among what a point of a sweep measured; of variants, the comparison tells them."""
    share = whole.total.error_ratio or 0.0
    if share <= comparison.ERRORS_THAT_MATTER:
        return []
    message = (
        f"{show_ratio(share)} of the operations failed: an error counts in rates and times too, and "
        "may be quicker than what it stands for"
    )
    return [Caveat("errors", message)]


def _grouped(told: Sequence[tuple[str | None, Caveat]], variants: int) -> list[Caveat]:
    """The same words about several variants stand once, with the variants before them."""
    labels: dict[Caveat, list[str]] = {}
    for label, caveat in told:
        labels.setdefault(caveat, []).extend([label] if label else [])
    named = {
        c: "every variant" if len(of) == variants else ", ".join(of) for c, of in labels.items()
    }
    return [
        replace(caveat, message=f"{named[caveat]}: {caveat.message}") if of else caveat
        for caveat, of in labels.items()
    ]


def run_result(run: Run) -> RunResult:
    """A run as the report carries it; one that was cut short is none to compare."""
    result = run.result
    return RunResult(
        run=run.number,
        block=run.block,
        variant=run.variant.name,
        started_s=run.started_s,
        duration_s=sum(stage.duration_s for stage in result.stages),
        valid=result.valid and not result.interrupted,
        cpu_ratio=result.generator.cpu_ratio,
        server_cpu_ratio=_mean(result.resources.server, "cpu"),
        operations=result.operations,
        total=result.total,
    )


def _mean(series: Sequence[Series], name: str) -> float | None:
    return next((each.mean for each in series if each.name == name), None)


def _setting_finding(variant: Variant, rate: Comparison) -> Finding:
    told = {
        "faster": "carries a gain",
        "slower": "costs",
        "same": "does nothing here",
        "unknown": "can't be told from noise",
    }[rate.verdict]
    change = comparison.change_text(rate)
    return Finding("setting_effect", "info", variant.name, f"{told}: rate {change}")


def _contention(variant: Variant) -> Finding | None:
    """pgbench's manual, "Good Practices": the scale should be at least the number of clients."""
    scenario = variant.scenario
    if scenario.data is None or scenario.data.use != "pgbench":
        return None
    branches = scenario.data.rows // ROWS_PER_BRANCH
    clients = max(stage.end for stage in scenario.load.stages)
    texts = [each.sql for op in scenario.operations for each in op.transaction or ()]
    if clients <= branches or not any("UPDATE pgbench_branches" in text for text in texts):
        return None
    return Finding(
        rule="scale_below_clients",
        severity="warning",
        where=f"scale {branches}, {clients:g} clients",
        message="every transaction updates one of as many branches, so clients wait for each other "
        "and the benchmark measures that wait",
        fix=f"--scale {clients:g} or more",
    )
