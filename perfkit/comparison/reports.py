"""Two reports of the same benchmark against each other: a gate, and what it rests on."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from perfkit import __version__, stats
from perfkit.comparison.differences import differences
from perfkit.comparison.variants import Pair
from perfkit.comparison.wording import change_text
from perfkit.errors import UsageError
from perfkit.results import (
    SCHEMA_VERSION,
    BenchResult,
    Caveat,
    Check,
    CompareResult,
    Comparison,
    Report,
    Result,
    Side,
    VariantResult,
)
from perfkit.units import show_ratio

_HOW = "perfkit bench URL --scenario FILE --runs 5 --json FILE makes a report that can be compared"


def compare_reports(
    old: Report[Result],
    new: Report[Result],
    *,
    files: tuple[str, str],
    tolerance: float = stats.TOLERANCE,
    confidence: float = stats.CONFIDENCE,
    force: bool = False,
) -> Report[CompareResult]:
    """Where both have the same variants, each is compared with its namesake, else the first of each.

    A check for each comparison fails where the new report is slower, and one more where more of its
    operations fail: errors are often quicker than what they stand for. UsageError for a report without
    repeated runs, and where the two did not measure the same thing in the same place, unless `force`.
    """
    began_at, began = datetime.now(UTC), time.monotonic()
    both = Both.of(_bench(old, files[0]), _bench(new, files[1]), files)
    found = differences(both.old, both.new, both.pairs)
    if found and not force:
        raise UsageError(
            f"{files[0]} and {files[1]} can't be compared, they differ in {_listed(found)}",
            hint="--force compares them nevertheless, and says so",
        )
    comparisons, caveats = both.compared(confidence, tolerance)
    checks = tuple(_check(each, several=len(both.pairs) > 1) for each in comparisons)
    caveats = (*_forced(found), *caveats, *_cannot_tell(comparisons))
    return Report(
        schema="perfkit.compare",
        schema_version=SCHEMA_VERSION,
        perfkit_version=__version__,
        started_at=began_at.isoformat(timespec="milliseconds"),
        duration_s=time.monotonic() - began,
        environment=new.environment,
        target=new.target,
        result=CompareResult(
            old=_side(both.old, files[0]),
            new=_side(both.new, files[1]),
            tolerance=tolerance,
            differences=found,
            comparisons=comparisons,
            valid=not any(caveat.invalidates for caveat in caveats),
        ),
        checks=(*checks, *both.error_checks(confidence)),
        caveats=caveats,
    )


_Pairs = tuple[tuple[VariantResult, VariantResult], ...]


@dataclass(frozen=True, slots=True)
class Both:
    """Two benchmarks, old and new, and which of their variants are compared."""

    old: Report[BenchResult]
    new: Report[BenchResult]
    files: tuple[str, str]
    pairs: _Pairs
    single: tuple[str, ...]

    @classmethod
    def of(
        cls, old: Report[BenchResult], new: Report[BenchResult], files: tuple[str, str]
    ) -> "Both":
        """UsageError where no variant has repeated runs in both."""
        pairs = _namesakes(old.result, new.result)
        for number, file in enumerate(files):
            if all(pair[number].runs < 2 for pair in pairs):
                raise UsageError(
                    f"{file} holds a single run: what can be compared are repeated runs, because one "
                    "run tells nothing about how far runs lie apart",
                    hint=_HOW,
                )
        repeated = tuple(pair for pair in pairs if min(each.runs for each in pair) > 1)
        single = tuple(pair[0].name for pair in pairs if pair not in repeated)
        return cls(old, new, files, repeated, single)

    def compared(
        self, confidence: float, tolerance: float
    ) -> tuple[tuple[Comparison, ...], tuple[Caveat, ...]]:
        """The comparisons of every pair, and what gives reason to trust them less."""
        comparisons: list[Comparison] = []
        caveats = [*self._doubts()]
        for pair in self._runs():
            comparisons += pair.comparisons(confidence, tolerance)
            caveats += pair.caveats()
        if not comparisons:
            why = "there is no metric that both reports can tell"
            caveats.append(Caveat("nothing_compared", why, invalidates=True))
        return tuple(comparisons), tuple(dict.fromkeys(caveats))

    def error_checks(self, confidence: float) -> Iterator[Check]:
        """A failed check for each pair of which more of the new one fails."""
        for pair in self._runs():
            if pair.before and pair.after and pair.fails_more(confidence):
                before, after = pair.error_ratios()
                yield Check(
                    check="total.error_ratio",
                    observed=f"{show_ratio(before)} → {show_ratio(after)}",
                    passed=False,
                    observed_value=after,
                    variant=pair.candidate if len(self.pairs) > 1 else None,
                )

    def _runs(self) -> Iterator[Pair]:
        for old, new in self.pairs:
            runs = [
                [run for run in side.result.runs if run.variant == variant.name]
                for side, variant in ((self.old, old), (self.new, new))
            ]
            yield Pair.of(old.name, new.name, *runs, paired=self._same_measurement)

    @property
    def _same_measurement(self) -> bool:
        """Then every run is its own other half, and there is nothing to be unsure of."""
        return self.old.result.runs == self.new.result.runs

    def _doubts(self) -> Iterator[Caveat]:
        if self._same_measurement:
            yield Caveat("same_measurement", "both files hold the same measurement")
        if self.single:
            names = ", ".join(self.single)
            yield Caveat("not_compared", f"{names}: not compared, a single run is not enough")
        for side, file in zip((self.old, self.new), self.files, strict=True):
            if not side.result.valid:
                why = "; ".join(each.message for each in side.caveats if each.invalidates)
                message = f"what {file} holds is not valid" + (f": {why}" if why else "")
                yield Caveat("invalid_report", message, invalidates=True)
            if side.result.interrupted:
                runs = len(side.result.runs)
                yield Caveat("interrupted", f"{file} was interrupted: it holds {runs} runs")
        versions = self.old.perfkit_version, self.new.perfkit_version
        if versions[0] != versions[1]:
            yield Caveat("perfkit_versions", f"measured by perfkit {versions[0]} and {versions[1]}")


def _namesakes(old: BenchResult, new: BenchResult) -> _Pairs:
    after = {variant.name: variant for variant in new.variants}
    if {variant.name for variant in old.variants} == set(after):
        return tuple((variant, after[variant.name]) for variant in old.variants)
    return ((old.variants[0], new.variants[0]),)


def _bench(report: Report[Result], file: str) -> Report[BenchResult]:
    """UsageError for a report that has no repeated runs."""
    result = report.result
    if not isinstance(result, BenchResult):
        command = report.schema.removeprefix("perfkit.")
        raise UsageError(
            f"{file} is a report of perfkit {command}: what can be compared are repeated runs, "
            "because one run tells nothing about how far runs lie apart",
            hint=_HOW,
        )
    if not result.variants:
        raise UsageError(f"{file} holds no run", hint=_HOW)
    return report  # type: ignore[return-value]  # its result was just looked at


def _side(report: Report[BenchResult], file: str) -> Side:
    target = report.target
    server = () if target is None else (target.backend, target.server_version)
    return Side(
        file=file,
        started_at=report.started_at,
        perfkit_version=report.perfkit_version,
        host=report.environment.host,
        server=" ".join(filter(None, server)),
        runs=len(report.result.runs),
    )


def _check(comparison: Comparison, *, several: bool) -> Check:
    return Check(
        check=f"{comparison.operation}.{comparison.metric}",
        observed=change_text(comparison),
        passed=comparison.verdict != "slower",
        observed_value=comparison.change_ratio,
        variant=comparison.candidate if several else None,
    )


def _forced(found: Sequence[str]) -> Iterator[Caveat]:
    if found:
        yield Caveat("forced", f"compared although the reports differ in {_listed(found)}")


def _cannot_tell(comparisons: Sequence[Comparison]) -> Iterator[Caveat]:
    """One caveat for all: the runs that the most demanding of them needs."""
    unknown = [each for each in comparisons if each.verdict == "unknown"]
    if not unknown:
        return
    needed = [each.runs_needed for each in unknown if each.runs_needed is not None]
    parts = [f"can't tell {len(unknown)} of {len(comparisons)} comparisons"]
    if needed:
        parts.append(f"{max(needed)} runs in each report would probably tell {len(needed)}")
    if len(needed) < len(unknown):
        parts.append(f"{stats.MOST_RUNS:,} would not tell {len(unknown) - len(needed)}")
    yield Caveat("cannot_tell", "; ".join(parts))


def _listed(found: Sequence[str]) -> str:
    return "; ".join(found)
