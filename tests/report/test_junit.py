"""JUnit XML as CI systems read it."""

import xml.etree.ElementTree as ET
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from perfkit.report import junit
from perfkit.results import Check, LoadtestResult, Report
from tests.report.samples import (
    failed_report,
    interrupted_report,
    invalid_report,
    passed_report,
)


def suite_of(report: Report[LoadtestResult]) -> ET.Element:
    suite = ET.fromstring(junit.render(report)).find("testsuite")
    assert suite is not None
    return suite


def test_each_check_is_a_case_of_its_scenario() -> None:
    suite = suite_of(failed_report())
    cases = [(case.get("classname"), case.get("name"), case.get("time")) for case in suite]
    assert cases == [
        ("checkout", "read.response.p95 < 50ms", "70.000"),
        ("checkout", "read.response.p99 < 100ms", "70.000"),
        ("checkout", "read.response.p99 < 700ms [steady]", "70.000"),
        ("checkout", "total.response.p95 <= baseline * 1.1", "70.000"),
    ]


def test_a_failed_check_says_what_was_asked_and_what_was_observed() -> None:
    (failure,) = suite_of(failed_report()).iter("failure")
    assert failure.text == "asked: read.response.p99 < 100ms\nobserved: 431 ms"


def test_a_failed_check_that_only_warns_is_a_passed_case_with_a_note() -> None:
    case = suite_of(failed_report())[3]
    assert [each.tag for each in case] == ["system-out"]
    assert case[0].text is not None
    assert "98.7 ms" in case[0].text


def test_the_suite_counts_its_cases() -> None:
    suite = suite_of(failed_report())
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "0")


def test_a_run_that_is_not_valid_is_an_error_of_the_measurement() -> None:
    suite = suite_of(invalid_report())
    assert suite[-1].get("name") == "measurement"
    (error,) = suite.iter("error")
    assert error.get("type") == "invalid"
    assert str(error.get("message")).startswith("The generator could not keep up")
    assert suite.get("errors") == "1"


def test_an_interrupted_run_is_an_error_of_the_measurement() -> None:
    (error,) = suite_of(interrupted_report()).iter("error")
    assert error.get("type") == "interrupted"


def test_a_run_without_checks_is_no_empty_suite() -> None:
    (case,) = suite_of(replace(passed_report(), checks=()))
    assert (case.get("name"), list(case)) == ("measurement", [])


@given(st.text(), st.text())
def test_any_text_makes_xml_that_can_be_read(check: str, observed: str) -> None:
    suite = suite_of(replace(passed_report(), checks=(Check(check, observed, passed=False),)))
    assert len(suite) == 1
