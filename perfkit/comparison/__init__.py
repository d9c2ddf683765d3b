"""Runs against runs: within a benchmark, and between two reports."""

from perfkit.comparison.reports import compare_reports
from perfkit.comparison.variants import ERRORS_THAT_MATTER, caveats_of, compare_variants
from perfkit.comparison.wording import change_text, show_change

__all__ = [
    "ERRORS_THAT_MATTER",
    "caveats_of",
    "change_text",
    "compare_reports",
    "compare_variants",
    "show_change",
]
