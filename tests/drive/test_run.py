"""A whole run against a scripted server: what is told while it goes on, and what is left at its end."""

import os
import signal

import pytest

from perfkit.backends import open_target
from perfkit.backends.base import need
from perfkit.drive import outcome
from perfkit.drive.checks import Absent, Reading
from perfkit.drive.interruption import Interruption
from perfkit.drive.live import LiveReadings
from perfkit.drive.outcome import Readout
from perfkit.drive.resources import Sampler
from perfkit.load import fleet, pacing
from perfkit.load.recorder import Recorder
from perfkit.load.worker import Plan
from perfkit.scenario import Load
from tests.load.driving import MS, S, closed_load, open_load, scenario, stage

TWO_STAGES = open_load(stage(100, 2, name="first"), stage(100, 6, name="second"))


def driven(load: Load, stop_at_ns: int, url: str = "fake://") -> Readout:
    """A run that is stopped at a time."""
    schedule = pacing.layout(load)
    plan = Plan(scenario(load), schedule, need(open_target(url).workload), 10, 1)
    recorder = Recorder(1, schedule, 1)
    crew = fleet.Inline(plan, recorder)
    crew._engine.at(stop_at_ns, lambda _: crew.stop())
    crew.run(recorder.close_seconds)
    crew.close()
    return Readout(plan, recorder)


def live(readout: Readout) -> LiveReadings:
    return LiveReadings(readout, Sampler(None), readout.recorder.told_ns + 90 * MS)


def test_an_interrupt_does_not_change_the_rate_of_stages_that_were_over() -> None:
    readout = driven(TWO_STAGES.model_copy(update={"warmup_ns": S}), 6 * S)
    readout.recorder.finish()
    warmup = readout.warmup()
    assert warmup is not None
    assert warmup.total.rate_per_s == pytest.approx(100, rel=0.01)
    rates = [each.total.rate_per_s for each in readout.stages()]
    assert rates == pytest.approx([100, 100], rel=0.01)


def test_the_rate_of_a_stage_that_is_over_does_not_fall_while_others_run() -> None:
    rate = live(driven(TWO_STAGES, 7 * S)).reading(("total", "rate"), "first")
    assert isinstance(rate, Reading)
    assert rate.value == pytest.approx(100, rel=0.01)


def test_the_rate_of_a_running_load_is_over_the_time_that_was_told() -> None:
    rate = live(driven(TWO_STAGES, 1 * S)).reading(("total", "rate"), None)
    assert isinstance(rate, Reading)
    assert rate.value == pytest.approx(100, rel=0.02)


def test_what_share_of_the_arrivals_was_achieved_is_not_told_before_the_end() -> None:
    readings = live(driven(TWO_STAGES, 2 * S))
    assert isinstance(readings.reading(("generator", "achieved"), None), Absent)


@pytest.mark.parametrize(
    ("connections", "workers", "told"), [(4, 2, True), (4, 1, False), (10, 2, False)]
)
def test_connections_that_are_shared_in_several_processes_are_several_pools(
    connections: int, workers: int, *, told: bool
) -> None:
    load = closed_load(stage(10, 1), connections=connections)
    schedule = pacing.layout(load)
    workload = need(open_target("fake://").workload)
    plan = Plan(scenario(load), schedule, workload, connections, workers)
    found = outcome.caveats(Readout(plan, Recorder(1, schedule, workers)), allow_saturated=False)
    assert ("split_pool" in {caveat.code for caveat in found}) == told


def test_the_first_interrupt_after_the_time_limit_does_not_leave_at_once() -> None:
    stops: list[str | None] = []
    with Interruption(None) as interruption:
        interruption.on_stop = lambda: stops.append(interruption.reason)
        os.kill(os.getpid(), signal.SIGALRM)
        os.kill(os.getpid(), signal.SIGINT)
    assert stops == ["timeout"]
    assert interruption.reason == "interrupted"


def test_a_run_under_nohup_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption(None) as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
        assert interruption.reason is None
    finally:
        signal.signal(signal.SIGHUP, before)
