"""Golden files: what a report looked like when somebody last looked at it and found it good.

`pytest tests/report --update-golden` writes them anew; the diff is then for a person to read.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from perfkit.results import LoadtestResult, Report
from tests.report.samples import SAMPLES

GOLDEN = Path(__file__).parents[1] / "golden"

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files of reports anew"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(params=sorted(SAMPLES))
def sample(request: pytest.FixtureRequest) -> tuple[str, Report[LoadtestResult]]:
    """Each of the sample reports with its name."""
    return request.param, SAMPLES[request.param]()
