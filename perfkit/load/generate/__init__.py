"""With what: the values of an operation's params, drawn at the speed of C.

Every param is an iterator without end over values made in blocks; a draw is one step of a `zip` over
them. Values are Python's own: int, float, str, bytes, bool, None.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import repeat, tee
from typing import Any

from perfkit.backends.base import Bound
from perfkit.errors import UsageError
from perfkit.load.generate import numbers, texts
from perfkit.load.generate.sequence import Sequence
from perfkit.load.generate.source import Source
from perfkit.scenario import Operation, Param, Scenario
from perfkit.scenario.placeholders import template_names, text_template
from perfkit.scenario.values import (
    Bytes,
    Choice,
    Constant,
    Csv,
    Exponential,
    Hotspot,
    Latest,
    Normal,
    Padded,
    Sequential,
    Shifted,
    Template,
    Text,
    Timestamp,
    Uniform,
    Uuid,
    YcsbKey,
    Zipfian,
    sequential_of,
)
from perfkit.units import NS_PER_S

__all__ = ["bind_all", "think"]

_VALUES: Mapping[type, Callable[[Any, Source], Iterator[Any]]] = {
    Uniform: numbers.uniform,
    Zipfian: numbers.zipfian,
    Latest: numbers.latest,
    Hotspot: numbers.hotspot,
    Normal: numbers.normal,
    Exponential: numbers.exponential,
    Sequential: numbers.sequential,
    Choice: texts.choice,
    Text: texts.text,
    Bytes: texts.bytes_,
    Uuid: texts.uuid,
    Timestamp: texts.timestamp,
    Csv: texts.csv_column,
    Constant: texts.constant,
    YcsbKey: numbers.ycsb_key,
}

_MADE_OF_OTHERS = (Template, Shifted, Padded)


def bind_all(scenario: Scenario, *, seed: int, worker: int, workers: int) -> list[Bound]:
    """The operations with the values that this worker (0 … workers - 1) gives them.

    One seed gives one sequence of values for each worker, param by param: to add an operation or a
    param changes nothing in the others. UsageError for a param that can't be drawn.
    """
    sequences = {
        (operation.name, name): Sequence(sequence, worker, workers)
        for operation in scenario.operations
        for name, param in operation.params.items()
        if (sequence := sequential_of(param)) is not None
    }
    source = Source(seed, worker, workers, scenario.path.parent, sequences)
    return [_bind(operation, source) for operation in scenario.operations]


def _bind(operation: Operation, source: Source) -> Bound:
    names = tuple(operation.params)
    if not names:
        return Bound(operation, (), repeat(()).__next__)
    values = {
        name: _VALUES[type(param)](param, replace(source, operation=operation.name, param=name))
        for name, param in operation.params.items()
        if not isinstance(param, _MADE_OF_OTHERS)
    }
    _add_made_of_others(operation, values)
    return Bound(operation, names, zip(*(values[name] for name in names), strict=True).__next__)


def _add_made_of_others(operation: Operation, values: dict[str, Iterator[Any]]) -> None:
    """Adds the params that are made of other params, each after those that it is made of."""
    waiting = {n: p for n, p in operation.params.items() if isinstance(p, _MADE_OF_OTHERS)}
    while waiting:
        ready = [name for name, param in waiting.items() if values.keys() >= {*_uses(param)}]
        if not ready:
            names = ", ".join(waiting)
            raise UsageError(
                f"operations.{operation.name}.params: {names}: "
                "a template can only use other params of its operation, and not in a circle"
            )
        for name in ready:
            values[name] = _made(waiting.pop(name), values)


def _uses(param: Template | Shifted | Padded) -> tuple[str, ...]:
    return template_names(param.text) if isinstance(param, Template) else (param.of,)


def _made(param: Template | Shifted | Padded, values: dict[str, Iterator[Any]]) -> Iterator[Any]:
    if isinstance(param, Template):
        return _filled(param.text, values)
    values[param.of], base = tee(values[param.of])  # which holds no more than one draw
    if isinstance(param, Shifted):
        return map(param.by.__add__, base)
    return map(f"%0{param.width}d".__mod__, base)


def _filled(text: str, values: dict[str, Iterator[Any]]) -> Iterator[str]:
    """The text with the values of the same draw; `tee` holds no more than that one."""
    names = template_names(text)
    used = []
    for name in names:
        values[name], copy = tee(values[name])
        used.append(copy)
    template = text_template(text, names)
    if isinstance(template, str):
        return repeat(template)
    return (
        map(str, used[0]) if isinstance(template, int) else map(template, zip(*used, strict=True))
    )


def think(param: Param, *, seed: int, worker: int) -> Iterator[int]:
    """Think times in ns, without end, from a param in seconds."""
    source = Source(seed, worker, workers=1, operation="think", continuous=True)
    return (round(seconds * NS_PER_S) for seconds in _VALUES[type(param)](param, source))
