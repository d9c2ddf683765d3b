"""What is said about a run, and in which order."""

from dataclasses import replace

import pytest

from perfkit.report.blocks import Chart, Note, Table, Verdict
from perfkit.report.document import describe, verdict
from perfkit.results import Caveat, Check, LoadtestResult, OperationResult, Report, StageResult
from tests.report.samples import (
    SAMPLES,
    empty_report,
    failed_report,
    interrupted_report,
    invalid_report,
    passed_report,
)

FAILED = Check("read.response.p99 < 1ms", "22.2 ms", passed=False)


def table(report: Report[LoadtestResult], title: str) -> Table:
    return next(
        block for block in describe(report) if isinstance(block, Table) and block.title == title
    )


def note(report: Report[LoadtestResult]) -> str:
    return next(block for block in describe(report) if isinstance(block, Note)).paragraphs[0]


def charts(report: Report[LoadtestResult]) -> dict[str, Chart]:
    return {block.title: block for block in describe(report) if isinstance(block, Chart)}


def with_result(report: Report[LoadtestResult], **changes: object) -> Report[LoadtestResult]:
    result: LoadtestResult = replace(report.result, **changes)  # type: ignore[arg-type]  # any field
    return replace(report, result=result)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_verdict_comes_first_and_only_once(name: str) -> None:
    kinds = [isinstance(block, Verdict) for block in describe(SAMPLES[name]())]
    assert kinds[0]
    assert kinds.count(True) == 1


def test_a_failed_check_is_told_with_what_was_asked_and_what_was_seen() -> None:
    told = verdict(failed_report())
    assert told.status == "failed"
    assert told.reasons == ("read.response.p99 < 100ms: was 431 ms",)


def test_a_check_of_a_stage_names_its_stage() -> None:
    told = verdict(replace(passed_report(), checks=(replace(FAILED, stage="steady"),)))
    assert told.reasons == ("read.response.p99 < 1ms in stage steady: was 22.2 ms",)


def test_a_failed_check_that_only_warns_does_not_turn_the_verdict() -> None:
    told = verdict(replace(passed_report(), checks=(replace(FAILED, severity="warn"),)))
    assert told.status == "passed"
    assert told.reasons == ("0 of 1 check passed",)
    assert told.warnings == ("read.response.p99 < 1ms: was 22.2 ms",)


def test_invalid_goes_before_failed() -> None:
    assert verdict(replace(invalid_report(), checks=(FAILED,))).status == "invalid"


def test_interrupted_goes_before_invalid() -> None:
    assert verdict(with_result(invalid_report(), interrupted=True)).status == "interrupted"


def test_an_interrupted_run_still_names_the_checks_that_failed() -> None:
    told = verdict(replace(interrupted_report(), checks=(FAILED,)))
    assert told.reasons[-1] == "read.response.p99 < 1ms: was 22.2 ms"


def test_an_invalid_run_is_explained_by_the_caveats_that_invalidate_it_and_no_others() -> None:
    (reason,) = verdict(invalid_report()).reasons
    assert reason.startswith("The generator could not keep up")


def test_a_run_in_which_all_failed_is_explained_when_no_caveat_does() -> None:
    report = invalid_report()
    total = replace(report.result.total, errors=report.result.total.count)
    told = verdict(replace(with_result(report, total=total), caveats=()))
    assert told.reasons == ("every operation failed",)


def test_a_run_without_thresholds_is_not_called_passed() -> None:
    assert verdict(replace(passed_report(), checks=())).status == "done"


def test_a_run_without_operations_shows_no_number_that_was_not_measured() -> None:
    row = table(empty_report(), "Operations").rows[0]
    assert [cell.text for cell in row] == ["read", "0", "0/s", "0", "-", "-", "-", "-"]


def test_lag_has_a_column_only_where_it_matters() -> None:
    titles = [column.title for column in table(passed_report(), "Operations").columns]
    assert "lag p99" in titles
    titles = [column.title for column in table(interrupted_report(), "Operations").columns]
    assert "lag p99" not in titles


def test_retries_have_a_column_only_where_there_were_some() -> None:
    report = passed_report()
    assert table(report, "Operations").columns[-1].title == "retries"
    calm = tuple(replace(each, tries=each.count) for each in report.result.operations)
    assert table(with_result(report, operations=calm), "Operations").columns[-1].title != "retries"


def test_a_single_operation_needs_no_total() -> None:
    report = passed_report()
    assert table(report, "Operations").footer is not None
    single = with_result(report, operations=report.result.operations[:1])
    assert table(single, "Operations").footer is None


def test_one_stage_and_one_worker_get_no_table_of_their_own() -> None:
    report = passed_report()
    result = report.result
    few = with_result(report, stages=result.stages[:1], workers=result.workers[:1])
    titles = {block.title for block in describe(few) if isinstance(block, Table)}
    assert not titles & {"Stages", "Worker processes"}


def test_the_time_that_was_waited_is_told_apart_from_the_time_that_was_served() -> None:
    report = passed_report()
    total = report.result.total
    assert total.service.mean_ms == pytest.approx(2.72, abs=0.01)
    assert total.lag.mean_ms == pytest.approx(3.49, abs=0.01)
    assert "2.72 ms (43.8 %) was spent in the database" in note(report)
    assert "3.49 ms (56.2 %) waiting for a free connection" in note(report)


def test_waiting_is_blamed_on_the_generator_when_it_was_its_own_delay() -> None:
    assert "waiting for the generator to send it" in note(invalid_report())
    assert "It was the limit in 17 seconds." in note(invalid_report())


def test_closed_load_did_not_wait() -> None:
    assert "all was spent in the database" in note(interrupted_report())


def test_the_warm_up_is_said_to_be_apart() -> None:
    report = passed_report()
    warmup = replace(report.result.stages[0], name="warmup", start_s=-10.0)
    shown = table(with_result(report, warmup=warmup), "Operations")
    assert shown.caption.endswith("A warm-up of 2,500 operations is not in them.")


def test_caveats_are_all_told() -> None:
    report = replace(passed_report(), caveats=(Caveat("a", "One."), Caveat("b", "Two.")))
    told = [block for block in describe(report) if getattr(block, "title", "") == "Caveats"]
    assert [each.text for each in told[0].remarks] == ["One.", "Two."]  # type: ignore[union-attr]  # by title


def test_the_spectrum_ends_at_the_maximum() -> None:
    report = passed_report()
    line = charts(report)["Response time by percentile"].lines[0]
    read = report.result.operations[0]
    assert line.name == "read"
    assert line.points[-1][0] == read.count
    assert line.points[-1][1] == pytest.approx(read.response.max_ms, rel=0.001)


def test_the_spectrum_passes_through_the_percentiles_of_the_table() -> None:
    report = passed_report()
    line = charts(report)["Response time by percentile"].lines[0]
    at_p50 = next(y for x, y in line.points if x == 2)
    assert at_p50 == pytest.approx(report.result.operations[0].response.p50_ms, rel=0.001)


def test_closed_load_has_no_chart_of_asked_rates_and_of_lag() -> None:
    drawn = charts(interrupted_report())
    assert [line.name for line in drawn["Rate"].lines] == ["achieved"]
    assert "Response time against service time" not in drawn


def test_nothing_is_drawn_of_errors_that_did_not_happen() -> None:
    assert "Errors" in charts(passed_report())
    assert "Errors" not in charts(interrupted_report())


def test_a_metric_that_stays_the_same_is_left_to_the_table() -> None:
    drawn = charts(passed_report())
    assert "Server: commits" in drawn
    assert "Server: connections" not in drawn
    metrics = [row[1].text for row in table(passed_report(), "Machine and server").rows]
    assert "connections" in metrics


def test_many_operations_are_drawn_by_the_busiest_six() -> None:
    report = passed_report()
    read = report.result.operations[0]
    many: tuple[OperationResult, ...] = tuple(
        replace(read, name=f"op{number}", count=100 + number) for number in range(9)
    )
    drawn = charts(with_result(report, operations=many))["Response time by percentile"]
    assert [line.name for line in drawn.lines] == [*(f"op{n}" for n in range(3, 9)), "total"]


def test_dropped_arrivals_show_in_the_stage_and_among_the_figures() -> None:
    report = invalid_report()
    stages: tuple[StageResult, ...] = tuple(
        replace(stage, dropped=6_120 * (stage.name == "spike")) for stage in report.result.stages
    )
    shown = table(with_result(report, stages=stages), "Stages")
    assert shown.columns[-1].title == "dropped"
    assert [row[-1].text for row in shown.rows] == ["0", "0", "6,120", "0"]
    assert verdict(report).figures[-1].value == "6,120"
