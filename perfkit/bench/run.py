"""`perfkit bench`: make the data once, run every variant in turn, say what the runs tell."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

from perfkit import __version__
from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.bench import outcome
from perfkit.bench.options import Options
from perfkit.bench.runs import Runs, restored
from perfkit.bench.subject import Measured, described, measured
from perfkit.bench.variants import Scheme, Variant, scheme
from perfkit.drive.interruption import Interruption
from perfkit.drive.limits import foresee
from perfkit.drive.observer import Observer
from perfkit.drive.preparation import (
    ask,
    data_for,
    plan_of,
    refuse,
    refuse_baseline_checks,
    refuse_empty,
    settings_of,
    with_targets,
)
from perfkit.machine import environment
from perfkit.results import (
    SCHEMA_VERSION,
    BenchResult,
    Caveat,
    Report,
    SettingValue,
    TargetInfo,
)


def run(options: Options, observer: Observer) -> Report[BenchResult]:
    """Runs the benchmark; the report holds whatever was measured, also when it ended early.

    UsageError, TargetError or MeasurementError when nothing could be measured.
    """
    with Interruption(options.time_limit_ns) as interruption:
        refuse_empty("the target", options.target)
        target = open_target(options.target)
        subject = measured(options, target.info.backend)
        if options.targets is not None:
            subject = dataclasses.replace(
                subject, scenario=with_targets(subject.scenario, options.targets)
            )
        refuse_baseline_checks(subject.scenario)
        asked = scheme(options, subject, target)
        _refuse_as_written(asked)
        workload = need(target.workload)
        foresee(subject.scenario, target, observer)
        ask(subject.scenario, target, workload, observer, yes=options.yes)
        with data_for(subject.scenario, workload, observer) as clean_up:
            for variant in asked.variants:
                with restored(variant):
                    found = need(variant.target.workload).check(variant.scenario.operations)
                refuse(found, variant.scenario, variant.target)
            runs = Runs(asked, options, observer, interruption)
            started_at = datetime.now(UTC)
            runs.drive()
        return _report(options, subject, runs, started_at, clean_up, target.info)


def _refuse_as_written(asked: Scheme) -> None:
    """What can't run here is said before any data is made; so is a load that is too much."""
    for variant in asked.variants:
        workload = need(variant.target.workload)
        written = [(each, workload.problem(each)) for each in variant.scenario.operations]
        refuse([(each, why) for each, why in written if why], variant.scenario, variant.target)
        plan_of(variant.scenario, workload, variant.target)


def _report(
    options: Options,
    subject: Measured,
    runs: Runs,
    started_at: datetime,
    clean_up: Sequence[Caveat],
    info: TargetInfo,
) -> Report[BenchResult]:
    told = outcome.Outcome(runs.scheme, runs.made, options, described(subject))
    caveats = (*told.caveats(), *runs.caveats, *clean_up)
    interrupted = runs.interruption.reason == "interrupted"
    invalid = any(caveat.invalidates for caveat in caveats)
    first = runs.scheme.variants[0]
    return Report(
        schema="perfkit.bench",
        schema_version=SCHEMA_VERSION,
        perfkit_version=__version__,
        started_at=started_at.isoformat(timespec="milliseconds"),
        duration_s=(datetime.now(UTC) - started_at).total_seconds(),
        environment=environment(_settings(options, runs.scheme, first)),
        target=info,  # as it was given: the URL of a variant carries its settings
        result=told.result(valid=not invalid, interrupted=interrupted),
        checks=told.checks(),
        caveats=caveats,
        findings=told.findings(),
    )


def _settings(options: Options, asked: Scheme, first: Variant) -> dict[str, SettingValue]:
    plan = plan_of(first.scenario, need(first.target.workload), first.target, options.processes)
    return {
        **settings_of(plan),
        "allow_saturated": options.allow_saturated,
        "runs": asked.runs,
        "cooldown_s": options.cooldown_ns / 1e9,
        "tolerance": options.tolerance,
        "confidence": options.confidence,
    }
