"""What is told of tuning profiles."""

import io
import json
from dataclasses import replace

import jsonschema
import pytest
from rich.console import Console

from perfkit.report import html, jsonfile, markdown, text
from perfkit.report.blocks import Note, Table
from perfkit.report.document import describe, verdict
from perfkit.results import ProfileResult, Report
from tests.report.conftest import Golden
from tests.report.tuning_samples import (
    POOL,
    PROFILE_SAMPLES,
    WAL,
    profile_apply_report,
    profile_diff_report,
    profile_show_report,
)

NAMES = sorted(PROFILE_SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_each_format_looks_as_approved(name: str, golden: Golden) -> None:
    report = PROFILE_SAMPLES[name]()
    page = io.StringIO()
    text.render(report, Console(file=page, width=100, force_terminal=False))
    golden(f"{name}.txt", page.getvalue())
    golden(f"{name}.md", markdown.render(report))


@pytest.mark.parametrize("name", NAMES)
def test_the_json_report_can_be_read_again_and_keeps_to_its_schema(name: str) -> None:
    report = PROFILE_SAMPLES[name]()
    written = jsonfile.to_json(report)
    schema = jsonfile.report_schema(report.schema.removeprefix("perfkit."))
    assert jsonfile.from_json(written) == report
    jsonschema.validate(json.loads(written), schema)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_breaks_out_of_the_page(name: str) -> None:
    assert "<script>alert" not in html.render(PROFILE_SAMPLES[name]())


def rows(report: Report[ProfileResult]) -> dict[str, list[str]]:
    """The first column of each table, by its title."""
    tables = [block for block in describe(report) if isinstance(block, Table)]
    return {table.title: [row[0].text for row in table.rows] for table in tables}


def reasons(report: Report[ProfileResult], **changes: object) -> tuple[str, ...]:
    result = replace(report.result, **changes)  # type: ignore[arg-type]  # any field
    return verdict(replace(report, result=result)).reasons


def test_each_setting_stands_where_it_is_dealt_with() -> None:
    told = rows(profile_diff_report())
    assert told["Differ"] == ["shared_buffers", "synchronous_commit", "cacheSizeGB"]
    assert [statement.split(" =")[0] for statement in told["To run"]] == [
        "ALTER SYSTEM SET shared_buffers",
        "ALTER SYSTEM SET synchronous_commit",
    ]
    assert told["To set by hand"] == ["cacheSizeGB"]
    assert told["Not visible from the server"] == ["default_pool_size"]


def test_what_the_server_does_not_take_is_a_caveat_and_nothing_to_do() -> None:
    everything = [name for names in rows(profile_diff_report()).values() for name in names]
    assert not [name for name in everything if "io_method" in name]
    assert profile_diff_report().caveats[0].message.startswith("io_method")


def test_what_is_as_wanted_is_counted_in_a_sentence() -> None:
    notes = [block for block in describe(profile_diff_report()) if isinstance(block, Note)]
    (note,) = (note for note in notes if note.title == "As wanted")
    assert note.paragraphs == ("1 setting has the value already: wal_compression.",)


def test_what_was_applied_is_not_told_again_as_what_is_to_do() -> None:
    told = rows(profile_apply_report())
    assert told["Set"] == ["shared_buffers", "synchronous_commit"]
    assert told["Differ"] == ["cacheSizeGB"]
    assert "To run" not in told


def test_the_verdict_says_what_waits_for_a_restart() -> None:
    waits = "in effect only after a restart of the server, which is left to its operator"
    assert reasons(profile_diff_report()) == (
        "3 of 4 settings differ; 2 more can't be compared",
        f"{waits}: shared_buffers, cacheSizeGB",
    )
    assert reasons(profile_apply_report()) == (
        "2 of 2 settings set",
        f"{waits}: shared_buffers",
        "undo: perfkit-undo-postgres-oltp-20260504-030201.sql",
    )


def test_the_verdict_says_when_there_is_nothing_to_do() -> None:
    assert reasons(profile_diff_report(), settings=(WAL,)) == ("nothing differs of 1 setting",)
    assert reasons(profile_diff_report(), settings=(POOL,)) == (
        "none of 1 setting can be seen from the server",
    )
    assert reasons(profile_show_report(), settings=()) == ("it sets nothing",)


def test_a_plan_says_that_nothing_was_changed() -> None:
    planned = {"applied": (), "undo_file": None}
    assert reasons(profile_apply_report(), **planned) == (
        "nothing was changed yet: 2 settings would be set",
    )
    assert reasons(profile_apply_report(), **planned, due=()) == (
        "nothing to set from here: 2 of 4 settings differ",
    )


def test_an_interruption_says_what_was_set() -> None:
    report = profile_apply_report()
    assert (
        reasons(report, interrupted=True, applied=("shared_buffers",))[0] == "1 of 2 settings set"
    )
