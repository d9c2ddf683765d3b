"""`perfkit loadtest`: prepare, drive, judge, clean up."""

import contextlib
import dataclasses
from datetime import UTC, datetime

from perfkit import __version__
from perfkit.backends import open_target
from perfkit.backends.base import Target, need
from perfkit.drive.interruption import Interruption
from perfkit.drive.limits import foresee
from perfkit.drive.observer import Observer
from perfkit.drive.preparation import (
    ask,
    data_for,
    plan_of,
    refuse,
    refuse_baseline_checks,
    settings_of,
    target_url,
    with_targets,
)
from perfkit.drive.run import Drive, Terms
from perfkit.load.worker import Plan
from perfkit.loadtest.options import Options
from perfkit.machine import environment
from perfkit.results import SCHEMA_VERSION, LoadtestResult, Report
from perfkit.scenario.parse import load_scenario


def run(options: Options, observer: Observer) -> Report[LoadtestResult]:
    """Runs the scenario; the report holds whatever was measured, also when it ended early.

    UsageError, TargetError or MeasurementError when nothing could be measured.
    """
    scenario = load_scenario(
        options.scenario, overrides=options.overrides, own_target=options.target is None
    )
    if options.targets is not None:
        scenario = with_targets(scenario, options.targets)
    if options.baseline is None:
        refuse_baseline_checks(scenario)
    url = target_url(scenario, options.target)
    with Interruption(options.time_limit_ns) as interruption:
        target = open_target(url)
        workload = need(target.workload)
        written = [(each, workload.problem(each)) for each in scenario.operations]
        refuse([(each, why) for each, why in written if why], scenario, target)
        plan = plan_of(scenario, workload, target, options.processes)
        foresee(scenario, target, observer)
        ask(scenario, target, workload, observer, yes=options.yes)
        with data_for(scenario, workload, observer) as caveats:
            refuse(workload.check(scenario.operations), scenario, target)
            report = _driven(plan, target, options, observer, interruption)
        return dataclasses.replace(report, caveats=(*report.caveats, *caveats))


def _driven(
    plan: Plan, target: Target, options: Options, observer: Observer, interruption: Interruption
) -> Report[LoadtestResult]:
    """Drives the load and reports it."""
    terms = Terms(options.allow_saturated, options.baseline, options.hdr_log)
    started_at = datetime.now(UTC)
    with contextlib.closing(Drive(plan, target, observer, interruption, terms)) as drive:
        result = drive.result()
    return Report(
        schema="perfkit.loadtest",
        schema_version=SCHEMA_VERSION,
        perfkit_version=__version__,
        started_at=started_at.isoformat(timespec="milliseconds"),
        duration_s=(datetime.now(UTC) - started_at).total_seconds(),
        environment=environment({**settings_of(plan), "allow_saturated": options.allow_saturated}),
        target=target.info,
        result=result,
        checks=drive.checks(result),
        caveats=tuple(drive.caveats),
    )
