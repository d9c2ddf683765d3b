"""Each format of each sample report, as it was approved."""

import io
import json
import re
from typing import Any

from rich.console import Console

from perfkit.report import html, jsonfile, junit, markdown, text
from perfkit.results import LoadtestResult, Report
from tests.report.conftest import Golden


def test_text_looks_as_approved(sample: tuple[str, Report[LoadtestResult]], golden: Golden) -> None:
    name, report = sample
    page = io.StringIO()
    text.render(report, Console(file=page, width=100, force_terminal=False))
    golden(f"{name}.txt", page.getvalue())


def test_markdown_looks_as_approved(
    sample: tuple[str, Report[LoadtestResult]], golden: Golden
) -> None:
    name, report = sample
    golden(f"{name}.md", markdown.render(report))


def test_junit_looks_as_approved(
    sample: tuple[str, Report[LoadtestResult]], golden: Golden
) -> None:
    name, report = sample
    golden(f"{name}.xml", junit.render(report))


def test_html_has_the_approved_content(
    sample: tuple[str, Report[LoadtestResult]], golden: Golden
) -> None:
    """Style, script and points are left out: pictures are judged by looking at them."""
    name, report = sample
    page = html.render(report)
    for start, end in (("<style>", "</style>"), ("<script>", "</script>"), ("sha256-", "'")):
        page = re.sub(f"{start}.*?{end}", f"{start}…{end}", page, flags=re.DOTALL)
    golden(f"{name}.html", re.sub(r'"([xy])":\[[^]]*\]', r'"\1":[…]', page))


def test_json_has_the_approved_content(
    sample: tuple[str, Report[LoadtestResult]], golden: Golden
) -> None:
    name, report = sample
    content = _shortened(json.loads(jsonfile.to_json(report)))
    golden(f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _shortened(value: Any, key: str = "") -> Any:
    """Long lists by their first two; compressed bytes and last digits differ between machines."""
    if key == "hdr":
        return "…"
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _shortened(each, name) for name, each in value.items()}
    if isinstance(value, list):
        kept = value[:2] if key in {"timeline", "points"} else value
        return [_shortened(each) for each in kept]
    return value
