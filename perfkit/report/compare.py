"""What is told of two reports that are compared."""

from perfkit.report.blocks import Facts, Figure, Tone
from perfkit.report.cells import Telling, counted, machine
from perfkit.report.comparisons import comparisons_table
from perfkit.results import CompareResult, Report, Side, Verdict
from perfkit.units import show_count, show_ratio


def tell(report: Report[CompareResult]) -> Telling:
    """Every comparison, which are the checks too; then what the two reports are."""
    result = report.result
    old, new = result.old, result.new
    return Telling(
        subject=f"{old.file} against {new.file}",
        context=f"{_named(old)} against {_named(new)}, tolerance {show_ratio(result.tolerance)}",
        figures=_figures(result),
        conclusion=(_conclusion(result),),
        blocks=(comparisons_table(result.comparisons, ("old", "new")), _facts(report)),
        shows_checks=True,
    )


def _conclusion(result: CompareResult) -> str:
    """Of a comparison in which nothing became slower."""
    verdicts = [each.verdict for each in result.comparisons]
    words: dict[Verdict, str] = {
        "faster": "faster", "same": "without a difference that matters", "unknown": "can't be told",
    }  # fmt: skip
    found = [f"{verdicts.count(name)} {told}" for name, told in words.items() if name in verdicts]
    certain = " for certain" if "unknown" in verdicts else ""
    comparisons = counted(len(verdicts), "comparison")
    return f"nothing is slower{certain}; {comparisons}: {', '.join(found)}"


def _named(side: Side) -> str:
    return f"{side.file} ({counted(side.runs, 'run')}, {side.started_at[:16].replace('T', ' ')})"


def _figures(result: CompareResult) -> tuple[Figure, ...]:
    def count(name: str, verdict: Verdict, tone: Tone) -> Figure:
        found = sum(each.verdict == verdict for each in result.comparisons)
        return Figure(name, show_count(found), tone=tone if found else "plain")

    return (
        count("slower", "slower", "bad"),
        count("faster", "faster", "good"),
        count("no difference", "same", "plain"),
        count("can't tell", "unknown", "warn"),
    )


def _facts(report: Report[CompareResult]) -> Facts:
    result = report.result
    sides = (("old", result.old), ("new", result.new))
    rows = [
        (f"{name}: {what}", value)
        for name, side in sides
        for what, value in (
            ("file", side.file),
            ("measured", side.started_at),
            ("runs", show_count(side.runs)),
            ("host", side.host),
            ("server", side.server),
            ("perfkit", side.perfkit_version),
        )
    ]
    return Facts("Reports", (*rows, ("new: machine", machine(report.environment))))
