"""Comparisons as a table, for benchmarks and for reports that are compared."""

from collections.abc import Mapping, Sequence

from perfkit.comparison import change_text
from perfkit.report.blocks import Cell, Column, Row, Table, Tone
from perfkit.report.cells import numeric_columns
from perfkit.report.wording import show_quantity
from perfkit.results import Comparison, Verdict
from perfkit.stats import MOST_RUNS
from perfkit.units import show_count, show_ratio

__all__ = ["change_text", "comparisons_table", "verdict_cell"]

_TONES: Mapping[Verdict, Tone] = {
    "faster": "good", "slower": "bad", "same": "plain", "unknown": "warn",
}  # fmt: skip


def comparisons_table(
    comparisons: Sequence[Comparison], titles: tuple[str, str] | None = None
) -> Table | None:
    """A row for each; None where there are none.

    `titles` are those of the two columns of values; without them, the variants' names where all
    rows are about the same two.
    """
    if not comparisons:
        return None
    pairs = dict.fromkeys((each.baseline, each.candidate) for each in comparisons)
    several = len(pairs) > 1
    baselines = {baseline for baseline, _ in pairs}
    alone = len(baselines) == 1  # then it stands once, over the column of its values
    if titles is None:
        first = next(iter(pairs))
        titles = (first[0] if alone else "baseline", "candidate") if several else first

    def row(each: Comparison) -> Row:
        unit = "ms" if each.metric.endswith("_ms") else "per_s"
        return (
            *((Cell(each.candidate if alone else _pair(each)),) if several else ()),
            Cell(each.operation),
            Cell(each.metric.removesuffix("_ms").removesuffix("_per_s")),
            Cell(show_quantity(each.baseline_value, unit), each.baseline_value),
            Cell(show_quantity(each.candidate_value, unit), each.candidate_value),
            Cell(change_text(each), each.change_ratio),
            verdict_cell(each),
        )

    return Table(
        title="Comparisons",
        columns=(
            *((Column("variant", literal=True),) if several else ()),
            Column("operation", literal=True),
            Column("metric"),
            *numeric_columns(*titles, "change"),
            Column("verdict"),
        ),
        rows=tuple(map(row, comparisons)),
        caption=_caption(comparisons),
        place="lead",
    )


def verdict_cell(comparison: Comparison) -> Cell:
    """What is said of it: faster, slower, no difference that matters, or that it can't be told."""
    words = {"same": "no difference that matters", "unknown": _cannot_tell(comparison)}
    verdict = comparison.verdict
    return Cell(words.get(verdict, verdict), tone=_TONES[verdict])


def _cannot_tell(comparison: Comparison) -> str:
    if comparison.runs_needed is None:
        return f"can't tell, nor would {show_count(MOST_RUNS)} runs"
    more = comparison.runs_needed - min(comparison.baseline_runs, comparison.candidate_runs)
    return f"can't tell: {more} more run{'' if more == 1 else 's'} would"


def _pair(comparison: Comparison) -> str:
    if comparison.baseline == comparison.candidate:
        return comparison.candidate
    return f"{comparison.candidate} against {comparison.baseline}"


def _caption(comparisons: Sequence[Comparison]) -> str:
    first = comparisons[0]
    return (
        f"By {_runs(first)}; values are geometric means of them. With {show_ratio(first.confidence)} "
        "certainty all the true changes of a pair lie within their intervals."
    )


def _runs(comparison: Comparison) -> str:
    before, after = comparison.baseline_runs, comparison.candidate_runs
    return f"{before} runs of each" if before == after else f"{before} runs and {after}"
