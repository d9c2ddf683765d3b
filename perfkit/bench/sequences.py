"""Sequences that go on from run to run: a key that one run inserted, the next must not insert again."""

from typing import Any

from perfkit.results import LoadtestResult
from perfkit.scenario import Scenario
from perfkit.scenario.values import Sequential, YcsbKey


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

        Every worker's draws are bounded by those of the busiest one: what it sent, warm-up included,
        tries, one for each connection that was cut off, and a batch for each.
        """
        most = max((worker.count for worker in result.workers), default=0)
        retried = sum(max(0, each.tries - each.count) for each in result.operations)
        users = max(stage.end for stage in scenario.load.stages)
        batch = max(operation.items for operation in scenario.operations)
        self._leap += workers * batch * (most + retried + int(users) + 1)
