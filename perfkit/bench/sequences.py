"""Sequences that go on from run to run: a key that one run inserted, the next must not insert again."""

from typing import Any

from perfkit.results import LoadtestResult
from perfkit.scenario import Scenario
from perfkit.scenario.values import Sequential, YcsbKey, sequential_of


class Leaps:
    """How far the sequences without an end have come, at most, in the runs so far."""

    def __init__(self) -> None:
        self._leap = 0

    def applied(self, scenario: Scenario) -> Scenario:
        """The scenario with its sequences moved on behind all that was drawn."""
        if not self._leap:
            return scenario
        operations = tuple(
            each.model_copy(update={"params": {n: self._moved(p) for n, p in each.params.items()}})
            for each in scenario.operations
        )
        return scenario.model_copy(update={"operations": operations})

    def _moved(self, param: Any) -> Any:
        if isinstance(param, YcsbKey):
            return param.model_copy(update={"number": self._moved(param.number)})
        if isinstance(param, Sequential) and param.end is None:
            return param.model_copy(update={"start": param.start + self._leap})
        return param

    def note(self, scenario: Scenario, workers: int, result: LoadtestResult) -> None:
        """Adds what a run may have drawn: worker w of W draws start + w, start + w + W, …

        A worker drew at most as often as the busiest one sent anything, and as often as all together
        sent the operation whose sequence it is, warm-up included; and for each retry, for each
        connection that was cut off, and a batch each time. No further than that: a column of 32 bits
        ends at 2,147,483,647.
        """
        most = max((worker.count for worker in result.workers), default=0)
        most += sum(max(0, each.tries - each.count) for each in result.operations)
        users = max(stage.end for stage in scenario.load.stages)
        leaps = [
            operation.items * (min(most, _sent(operation.name, result, most)) + int(users) + 1)
            for operation in scenario.operations
            if any(map(_is_endless, operation.params.values()))
        ]
        self._leap += workers * max(leaps, default=0)


def _is_endless(param: Any) -> bool:
    sequence = sequential_of(param)
    return sequence is not None and sequence.end is None


def _sent(name: str, result: LoadtestResult, unknown: int) -> int:
    """How often all workers together tried an operation."""
    warmup = () if result.warmup is None else result.warmup.operations
    tries = [
        max(each.count, each.tries) for each in (*result.operations, *warmup) if each.name == name
    ]
    return sum(tries) if tries else unknown
