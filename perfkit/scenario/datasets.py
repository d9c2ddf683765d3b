"""The built-in datasets by name: their tables, and how many rows each has.

A scenario may give a range by a table's name; what the rows hold is the backends' matter.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from perfkit.scenario.fields import Key, Mistake, at_least, nearest, shown
from perfkit.scenario.values import RANGED

DatasetName = Literal["kv", "documents", "orders", "ycsb", "pgbench", "sysbench", "redis-benchmark"]

ROWS_PER_BRANCH = 100_000  # accounts of a branch in pgbench's tables
TELLERS_PER_BRANCH = 10
ORDERS_PER_CUSTOMER = 10
DEFAULT_ROWS = 10_000

UNIT_ROWS: Mapping[str, int] = {
    "kv": 10_000,
    "documents": 10_000,
    "orders": 10_000,
    "ycsb": 1_000,
    "pgbench": ROWS_PER_BRANCH,
    "sysbench": 10_000,
    "redis-benchmark": 100_000,
}
"""Rows of each dataset at `--scale 1`: for the standard workloads, what their authors call one."""


def table_rows(use: str, rows: int) -> dict[str, int]:
    """The tables of a dataset and their numbers of rows. Mistake for a number that it can't have."""
    return _TABLES[use](rows)


def items_of(orders: int) -> int:
    """One to five items an order, by the order's number: 1 + 2 + 3 + 4 + 5 items for five orders."""
    whole, rest = divmod(orders, 5)
    return 15 * whole + rest * (rest + 1) // 2


def _orders(rows: int) -> dict[str, int]:
    customers = max(1, rows // ORDERS_PER_CUSTOMER)
    return {"customers": customers, "orders": rows, "items": items_of(rows)}


def _pgbench(rows: int) -> dict[str, int]:
    if rows % ROWS_PER_BRANCH:
        raise Mistake(
            f"pgbench's accounts come in branches of {ROWS_PER_BRANCH:,}: {rows:,} is no multiple of it"
        )
    branches = rows // ROWS_PER_BRANCH
    return {
        "pgbench_accounts": rows,
        "pgbench_tellers": branches * TELLERS_PER_BRANCH,
        "pgbench_branches": branches,
    }


_TABLES: Mapping[str, Callable[[int], dict[str, int]]] = {
    "kv": lambda rows: {"kv": rows},
    "documents": lambda rows: {"documents": rows},
    "orders": _orders,
    "ycsb": lambda rows: {"usertable": rows},
    "pgbench": _pgbench,
    "sysbench": lambda rows: {"sbtest1": rows},
    "redis-benchmark": lambda rows: {"key": rows},
}


def with_ranges(
    content: dict[str, Any],
) -> tuple[dict[str, Any], list[tuple[tuple[Key, ...], Mistake]]]:
    """A scenario's content in which every table's name stands as the range of its rows.

    `uniform: usertable` is [1, its rows], `sequential: {after: usertable}` begins behind them. With
    it, by their paths, the names that no table has.
    """
    operations = content.get("operations")
    if not isinstance(operations, list):
        return content, []
    tables = _tables(content.get("data"))
    mistakes: list[tuple[tuple[Key, ...], Mistake]] = []
    changed = list(operations)
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict) or not isinstance(operation.get("params"), dict):
            continue
        params = {}
        for name, param in operation["params"].items():
            try:
                params[name] = _with_range(param, tables)
            except Mistake as mistake:
                params[name] = 0  # which has been said
                path = ("operations", index, "params", name, *mistake.at)
                mistakes.append((path, mistake))
        changed[index] = {**operation, "params": params}
    return {**content, "operations": changed}, mistakes


def _tables(data: Any) -> dict[str, int] | None:
    """The tables of the dataset with their rows; None where `data` has a mistake of its own."""
    if data is None or (isinstance(data, dict) and data.get("use") is None):
        return {}
    try:
        return table_rows(data["use"], at_least(1)(data.get("rows", DEFAULT_ROWS)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _with_range(param: Any, tables: Mapping[str, int] | None) -> Any:
    if not isinstance(param, dict) or len(param) != 1:
        return param
    kind, given = next(iter(param.items()))
    if kind == "ycsb_key":
        try:
            return {kind: _with_range(given, tables)}
        except Mistake as mistake:
            mistake.at = (kind, *mistake.at)
            raise
    if kind in RANGED and isinstance(given, str):
        return {kind: [1, _rows(given, tables, (kind,))]}
    if kind in RANGED and isinstance(given, dict) and isinstance(given.get("range"), str):
        rows = _rows(given["range"], tables, (kind, "range"))
        return {kind: {**given, "range": [1, rows]}}
    if kind == "sequential" and isinstance(given, dict) and "after" in given:
        rows = _rows(given["after"], tables, (kind, "after"))
        if "start" in given:
            raise Mistake("says where it begins twice: after and start", at=(kind, "start"))
        rest = {key: value for key, value in given.items() if key != "after"}
        return {kind: {"start": rows + 1, **rest}}
    return param


def _rows(name: Any, tables: Mapping[str, int] | None, at: tuple[Key, ...]) -> int:
    if tables is None:
        return 1  # what is wrong is told of `data`
    if not tables and isinstance(name, str):
        raise Mistake(
            f"{name!r} is the name of a table only with a built-in dataset: data.use", at=at
        )
    if name not in tables:
        taken = "no" if at[-1] == "after" else "neither a range [low, high] nor a"
        raise Mistake(
            f"{shown(name)} is {taken} table of the dataset",
            at=at,
            hint=nearest(str(name), list(tables)),
        )
    return tables[name]
