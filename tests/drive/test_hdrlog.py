"""The interval log, read back by HdrHistogram's own reader."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from perfkit.drive.hdrlog import HdrLog
from perfkit.errors import UsageError
from perfkit.load.histogram import HIGHEST_NS

STARTED_AT = datetime(2026, 5, 4, 12, 0, 0, 250_000, UTC)


def times(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


def read_back(path: Path) -> list[HdrHistogram]:
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_NS, 3))
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    assert reader.get_start_time_sec() == pytest.approx(STARTED_AT.timestamp())
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.hlog"


def test_every_interval_is_read_back_with_its_tag_times_and_values(path: Path) -> None:
    with HdrLog(path, STARTED_AT) as log:
        log.interval("read", 0, 1, times(1_000_000, 2_000_000))
        log.interval("write", 0, 1, times(5_000))
        log.interval("read", 1, 2, times(3_000_000))
    first, second, third = read_back(path)
    assert [h.get_tag() for h in (first, second, third)] == ["read", "write", "read"]
    assert [h.get_total_count() for h in (first, second, third)] == [2, 1, 1]
    assert first.get_max_value() == pytest.approx(2_000_000, rel=0.001)
    assert third.get_start_time_stamp() == pytest.approx((STARTED_AT.timestamp() + 1) * 1000)
    assert third.get_end_time_stamp() == pytest.approx((STARTED_AT.timestamp() + 2) * 1000)


def test_the_log_begins_as_the_format_says(path: Path) -> None:
    with HdrLog(path, STARTED_AT) as log:
        log.interval("read", 0.5, 1.5, times(2_500_000))
    lines = path.read_text().splitlines()
    assert lines[1] == "#[Histogram log format version 1.3]"
    assert lines[2].startswith(
        "#[StartTime: 1777896000.250 (seconds since epoch), 2026-05-04 12:00"
    )
    assert lines[3] == "#[BaseTime: 1777896000.250 (seconds since epoch)]"
    assert (
        lines[4]
        == '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    )
    assert lines[5].startswith("Tag=read,0.500,1.000,2.500,HISTFAAAA")


def test_an_interval_in_which_nothing_ended_is_logged_as_empty(path: Path) -> None:
    with HdrLog(path, STARTED_AT) as log:
        log.interval("read", 0, 1, times())
    assert [h.get_total_count() for h in read_back(path)] == [0]


def test_a_name_that_would_end_the_tag_is_made_fit(path: Path) -> None:
    with HdrLog(path, STARTED_AT) as log:
        log.interval("read, by\nid", 0, 1, times(1))
    assert [h.get_tag() for h in read_back(path)] == ["read__by_id"]


def test_each_line_is_on_disk_when_it_is_written(path: Path) -> None:
    with HdrLog(path, STARTED_AT) as log:
        log.interval("read", 0, 1, times(1))
        assert len(read_back(path)) == 1


def test_a_log_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="histogram log"),
        HdrLog(tmp_path / "no" / "log", STARTED_AT),
    ):
        pass


def test_a_full_disk_ends_the_log_and_not_the_load() -> None:
    with HdrLog(Path("/dev/full"), STARTED_AT) as log:
        log.interval("read", 0, 1, times(1))
        log.interval("read", 1, 2, times(1))
    assert [caveat.code for caveat in log.caveats] == ["hdr_log_incomplete"]
    assert "No space left" in log.caveats[0].message
