"""Markdown as GitHub reads it."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from perfkit.report import markdown
from perfkit.report.wording import printable
from tests.report.samples import HOSTILE, failed_report, hostile_report, invalid_report

GITHUB = MarkdownIt("gfm-like", {"linkify": False})


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_verdict_is_the_headline() -> None:
    first = markdown.render(failed_report()).splitlines()[0]
    assert first == "### ❌ FAILED: read.response.p99 &lt; 100ms: was 431 ms"


def test_operations_and_checks_are_in_sight_and_the_rest_is_folded() -> None:
    lead, folded = markdown.render(failed_report()).split("<details>")
    assert "**Operations**" in lead
    assert "**Checks**" in lead
    assert "#### Stages" in folded
    assert folded.rstrip().endswith("</details>")


def test_a_run_that_is_not_valid_says_why_in_its_headline() -> None:
    first = markdown.render(invalid_report()).splitlines()[0]
    assert first.startswith("### ⛔ INVALID: The generator could not keep up in 17 of 70 seconds")


def test_no_text_of_a_user_or_server_becomes_markup() -> None:
    page = Page(GITHUB.render(markdown.render(hostile_report())))
    expected = {
        "h3", "h4", "p", "br", "sub", "strong", "code", "table", "thead", "tbody", "tr", "th",
        "td", "ul", "li", "details", "summary",
    }  # fmt: skip
    assert set(page.elements) == expected
    assert "</script><script>alert(1)</script> | `x` @all" in page.text


def test_no_text_calls_people() -> None:
    """GitHub looks for names in the text around code."""
    page = GITHUB.render(markdown.render(hostile_report()))
    outside = [part.split("</code>")[-1] for part in page.split("<code>")]
    assert not any("@all" in part for part in outside)


@given(st.text(max_size=30) | st.just(HOSTILE))
def test_a_name_in_a_table_stays_in_its_cell_word_for_word(name: str) -> None:
    row = f"| a | b |\n| :-- | :-- |\n| {markdown._code(name)} | end |\n"
    page = GITHUB.render(row)
    assert page.count("<td") == 2
    shown = " ".join(printable(name).split())
    assert " ".join(Page(page).text.split()) == f"a b {shown} end".replace("  ", " ")


@pytest.mark.parametrize("text", ["a|b", "*a*", "_a_", "[a](b)", "<b>", "&amp;", "$a$", "~~a~~"])
def test_prose_reads_as_it_was_written(text: str) -> None:
    page = Page(GITHUB.render(markdown._prose(text)))
    assert page.elements == ["p"]
    assert page.text.strip() == text
