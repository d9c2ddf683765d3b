"""The page: complete, self-contained, and safe from what it shows."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.report import html
from perfkit.report.html import thinned
from perfkit.results import LoadtestResult, Report, TimelineRow
from tests.report.samples import SAMPLES, failed_report, hostile_report, passed_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

POINTS = st.lists(st.none() | st.floats(0, 1e6), max_size=300).map(
    lambda values: tuple((float(x), y) for x, y in enumerate(values))
)


class Page(HTMLParser):
    """The elements with their attributes, and the text within each kind."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open = [""]
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def charts(report: Report[LoadtestResult]) -> list[dict[str, Any]]:
    found = re.search(
        r'<script type="application/json" id="charts">(.*?)</script>', html.render(report)
    )
    assert found
    loaded: list[dict[str, Any]] = json.loads(found[1])
    return loaded


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_page_refers_to_nothing_outside_itself(name: str) -> None:
    page = Page(html.render(SAMPLES[name]()))
    attributes = {key for _, attrs in page.elements for key in attrs}
    assert not attributes & {"src", "href", "srcset", "data", "action", "poster"}
    assert "url(" not in page.texts["style"]
    assert "@import" not in page.texts["style"]


def test_only_the_script_of_the_page_may_run() -> None:
    source = html.render(hostile_report())
    scripts = re.findall(r"<script>(.*?)</script>", source, flags=re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in source
    assert "default-src 'none'" in source


def test_no_text_of_a_user_or_server_becomes_an_element() -> None:
    tame, hostile = Page(html.render(failed_report())), Page(html.render(hostile_report()))
    assert hostile.count("script") == tame.count("script") == 2
    assert {tag for tag, _ in hostile.elements} == {tag for tag, _ in tame.elements}
    assert {key for _, attrs in hostile.elements for key in attrs} == {
        key for _, attrs in tame.elements for key in attrs
    }


def test_no_text_ends_the_element_that_holds_the_charts() -> None:
    names = {line["name"] for chart in charts(hostile_report()) for line in chart["lines"]}
    assert any(name.startswith("</script>") for name in names)


def test_the_numbers_are_there_without_the_script() -> None:
    page = html.render(failed_report())
    for number in ("31,991", "22.2 ms", "431 ms", "43.8 %", "19.0 s", "3.17 GiB"):
        assert number in page


def test_a_cell_carries_the_number_by_which_it_sorts() -> None:
    p99_ms = passed_report().result.operations[0].response.p99_ms
    assert f'data-value="{p99_ms!r}">22.2 ms<' in html.render(passed_report())


def test_a_day_makes_a_page_that_still_opens_fast_and_keeps_its_spike() -> None:
    report = passed_report()
    rows = [TimelineRow(float(t), 8, 500, 500, 0, 1.2, 3.4, 0) for t in range(86_400)]
    rows[50_000] = replace(rows[50_000], p99_ms=5_000.0)
    report = replace(report, result=replace(report.result, timeline=tuple(rows)))
    assert len(html.render(report)) < 300_000
    latency = next(chart for chart in charts(report) if chart["title"] == "Response time")
    assert max(latency["lines"][1]["y"]) == 5_000


@given(POINTS, st.integers(8, 100))
def test_thinned_points_are_few_in_order_and_taken_from_the_line(
    points: tuple[html.Point, ...], most: int
) -> None:
    kept = thinned(points, most)
    assert len(kept) <= most
    assert set(kept) <= set(points)
    assert all(one[0] < other[0] for one, other in pairwise(kept))


@given(POINTS.filter(lambda points: any(y is not None for _, y in points)), st.integers(8, 100))
def test_thinning_keeps_both_ends_the_extremes_and_whether_there_are_gaps(
    points: tuple[html.Point, ...], most: int
) -> None:
    kept = thinned(points, most)
    before = [y for _, y in points if y is not None]
    after = [y for _, y in kept if y is not None]
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert (min(after), max(after)) == (min(before), max(before))
    assert any(y is None for _, y in kept) == any(y is None for _, y in points)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("name", ["failed", "hostile", "empty"])
def test_a_browser_draws_every_chart(name: str, tmp_path: Path) -> None:
    report = SAMPLES[name]()
    path = tmp_path / "report.html"
    path.write_text(html.render(report), encoding="utf-8")
    drawn = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=2000", "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    lines = sum(len(chart["lines"]) for chart in charts(report))
    assert len(re.findall(r'<path d="M[^"]*" class="line', drawn)) == lines
    assert 'class="js"' in drawn
    assert "NaN" not in re.sub(r"<script.*?</script>", "", drawn, flags=re.DOTALL)
