"""JUnit XML: a test suite with one case for each check, as CI systems read it."""

import re
import xml.etree.ElementTree as ET

from perfkit.report.blocks import Verdict
from perfkit.report.document import subject, verdict
from perfkit.results import Check, Report, Result

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report[Result]) -> str:
    """The checks as JUnit XML.

    A failed check of severity "warn" passes with a note. A run that was interrupted or is not
    valid adds a case `measurement` that is an error; so does one without checks, where it passes,
    because CI systems take an empty suite for a mistake.
    """
    outcome = verdict(report)
    broken = outcome.status in {"invalid", "interrupted"}
    suite = ET.Element("testsuite")
    for check in report.checks:
        _add_check(_add_case(suite, report, _name(check)), check)
    if broken or not report.checks:
        _add_measurement(_add_case(suite, report, "measurement"), outcome, broken=broken)
    failures = sum(check.failed for check in report.checks)
    suite.attrib |= {
        "name": f"perfkit {report.schema.removeprefix('perfkit.')}",
        "tests": str(len(suite)),
        "failures": str(failures),
        "errors": str(int(broken)),
        "skipped": "0",
        "time": f"{report.duration_s:.3f}",
        "timestamp": report.started_at,
        "hostname": _clean(report.environment.host),
    }
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_case(suite: ET.Element, report: Report[Result], name: str) -> ET.Element:
    attributes = {
        "classname": _clean(subject(report)),
        "name": _clean(name),
        "time": f"{report.duration_s:.3f}",
    }
    return ET.SubElement(suite, "testcase", attributes)


def _add_check(case: ET.Element, check: Check) -> None:
    asked, observed = _clean(check.check), _clean(check.observed)
    if check.failed:
        summary = {"type": "threshold", "message": f"observed {observed}"}
        ET.SubElement(case, "failure", summary).text = f"asked: {asked}\nobserved: {observed}"
    elif not check.passed:
        note = ET.SubElement(case, "system-out")
        note.text = f"warning: asked: {asked}, observed: {observed}"


def _add_measurement(case: ET.Element, outcome: Verdict, *, broken: bool) -> None:
    if broken:
        why = _clean("; ".join(outcome.reasons))
        ET.SubElement(case, "error", {"type": outcome.status, "message": why}).text = why


def _name(check: Check) -> str:
    places = [place for place in (check.variant, check.stage) if place is not None]
    return f"{check.check} [{', '.join(places)}]" if places else check.check


def _clean(text: str) -> str:
    """XML 1.0 has no way at all to write most control characters."""
    return _NOT_XML.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
