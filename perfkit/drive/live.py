"""A running load: the figures by which it may be aborted, and those that are shown meanwhile."""

from dataclasses import dataclass

from perfkit.drive.checks import (
    Absent,
    Path,
    Reading,
    generator_reading,
    operation_reading,
    sampled_reading,
)
from perfkit.drive.outcome import Readout
from perfkit.drive.resources import Sampler
from perfkit.load import pacing
from perfkit.results import Progress
from perfkit.units import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, slots=True)
class LiveReadings:
    """The metrics of the run up to now, by the paths of thresholds."""

    readout: Readout
    sampler: Sampler
    now_ns: int

    def reading(self, path: Path, stage: str | None) -> Reading | Absent:
        """The metric over the run up to now, or over one stage of it."""
        match path:
            case ("dropped",):
                return Reading(self.readout.dropped({each.index for each in self._stages(stage)}))
            case ("generator", "achieved" | "scheduled"):
                return Absent("known at the end only")
            case ("generator", *rest):
                return generator_reading(self.readout.generator(), ".".join(rest), stage)
            case ("host" | "server" as side, *metric, statistic):
                sampled = self.sampler.snapshot()
                span_s = None if stage is None else self._span_s(stage)
                return sampled_reading(sampled, side, ".".join(metric), statistic, span_s)
            case (operation, *measure):
                return self._operation(operation, tuple(measure), stage)
            case _:
                return Absent("no metric")

    def _operation(self, name: str, measure: Path, stage: str | None) -> Reading | Absent:
        plan, recorder = self.readout.plan, self.readout.recorder
        operations = plan.scenario.operations
        chosen = self._stages(stage)
        stages = {each.index for each in chosen}
        numbers = [n for n, each in enumerate(operations) if name in {"total", each.name}]
        cell = recorder.of(stages, None if name == "total" else numbers[0])
        end_ns = chosen[-1].end_ns
        until_ns = recorder.told_ns if end_ns is None else min(recorder.told_ns, end_ns)
        elapsed_s = max(1, until_ns - chosen[0].start_ns) / NS_PER_S
        items = None
        if measure == ("items",):
            parts = [(operations[n].items, recorder.of(stages, n)) for n in numbers]
            items = sum(size * (part.count - part.errors) for size, part in parts) / elapsed_s
        return operation_reading(cell, measure, cell.count / elapsed_s, items)

    def _stages(self, stage: str | None) -> list[pacing.StageSpan]:
        return [each for each in self.readout.plan.schedule.stages if stage in {None, each.name}]

    def _span_s(self, stage: str) -> tuple[float, float]:
        """From the stage's start to now, in seconds of the load proper."""
        warmup_ns = self.readout.plan.schedule.warmup_ns
        (chosen,) = self._stages(stage)
        return (chosen.start_ns - warmup_ns) / NS_PER_S, (self.now_ns - warmup_ns) / NS_PER_S


def progress(readout: Readout, now_ns: int) -> Progress:
    """How the run is doing; rates and percentiles are of the last finished second."""
    plan, recorder, schedule = readout.plan, readout.recorder, readout.plan.schedule
    now_ns = max(0, now_ns)
    is_open = plan.scenario.load.model == "open"
    last = recorder.seconds[-1] if recorder.seconds else None
    load = [cell for (stage, _), cell in recorder.cells.items() if stage != pacing.WARMUP]
    told_ns = (
        now_ns if last is None else schedule.warmup_ns + last.number * NS_PER_S + NS_PER_S // 2
    )
    going_on = schedule.end_ns is None or now_ns < schedule.end_ns
    remaining_ns = None if schedule.end_ns is None else max(0, schedule.end_ns - now_ns)
    return Progress(
        stage=_stage_name(schedule, now_ns),
        elapsed_s=now_ns / NS_PER_S,
        remaining_s=None if remaining_ns is None else remaining_ns / NS_PER_S,
        rate_per_s=float(last.count) if last else 0.0,
        target_rate_per_s=pacing.rate_at(schedule, told_ns) if is_open and going_on else None,
        users=pacing.users_at(schedule, now_ns) if not is_open and going_on else None,
        p50_ms=last.p50_ns / NS_PER_MS if last and last.p50_ns is not None else None,
        p99_ms=last.p99_ns / NS_PER_MS if last and last.p99_ns is not None else None,
        errors=sum(cell.errors for cell in load),
        dropped=readout.dropped(),
        count=sum(cell.count for cell in load),
    )


def _stage_name(schedule: pacing.Schedule, now_ns: int) -> str:
    if now_ns < schedule.warmup_ns:
        return "warmup"
    if schedule.end_ns is not None and now_ns >= schedule.end_ns:
        return "finishing"
    begun = [stage for stage in schedule.stages if stage.start_ns <= now_ns]
    return begun[-1].name if begun else schedule.stages[0].name
