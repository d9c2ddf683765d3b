"""Thresholds against results: every path, and every way in which nothing was measured."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.drive.checks import (
    NO_SAMPLES,
    Absent,
    Path,
    Reading,
    evaluate,
    operation_reading,
    sampled_reading,
    violations,
)
from perfkit.errors import UsageError
from perfkit.load.histogram import Histogram
from perfkit.results import (
    Check,
    GeneratorResult,
    LoadtestResult,
    OperationResult,
    Resources,
    Series,
    StageResult,
)
from perfkit.scenario import Threshold
from perfkit.units import NS_PER_MS, NS_PER_S

MS = [n * NS_PER_MS for n in range(1, 101)]


def operation(name: str, times_ns: list[int], errors: int = 0, tries: int = 0) -> OperationResult:
    histogram = Histogram()
    histogram.add(np.array(times_ns, np.int64))
    latency, count = histogram.latency(), len(times_ns)
    return OperationResult(
        name=name,
        count=count,
        errors=errors,
        error_ratio=errors / count if count else None,
        rate_per_s=count / 10,
        tries=tries or count,
        response=latency,
        service=latency,
        lag=latency,
    )


def stage(name: str, start_s: float, times_ns: list[int], dropped: int = 0) -> StageResult:
    read = operation("read", times_ns)
    return StageResult(name, start_s, 5, dropped, (read,), replace(read, name="total"))


GENERATOR = GeneratorResult(
    cpu_ratio=0.4,
    delay_p99_ms=0.25,
    delay_max_ms=1.5,
    achieved_ratio=0.99,
    scheduled=200,
    dropped=2,
    saturated=False,
    saturated_seconds=3,
)
HOST = (
    Series("cpu", "ratio", 0.5, 0.1, 0.95, 0.6, ((1.0, 0.1), (2.0, 0.3), (6.0, 0.95), (7.0, None))),
    Series("memory_used", "bytes", 2e9, 1e9, 3e9, 3e9),
    Series("disk_write", "bytes_per_s", 1e6, 0, 4e6, 0),
)
SERVER = (
    Series("cpu", "cores", 0.65, 0.2, 1.5, 0.2),
    Series("checkpoint_write", "ms", 12, 10, 20, 10),
    Series("pg.stat.xact_commit", "per_s", 500, 400, 600, 600),
    Series("never_answered", "count", None, None, None, None, ((1.0, None),)),
)
RESULT = LoadtestResult(
    scenario="checkout",
    model="open",
    seed=1,
    valid=True,
    interrupted=False,
    operations=(operation("read", MS, errors=5, tries=130), operation("never", [])),
    total=operation("total", MS, errors=5),
    stages=(
        stage("ramp", 0, MS[:50]),
        stage("steady", 5, MS[50:], dropped=2),
        stage("rest", 9, []),
    ),
    warmup=None,
    timeline=(),
    errors=(),
    generator=GENERATOR,
    workers=(),
    resources=Resources(HOST, SERVER),
)


def threshold(path: str, sign: str = "<", limit: float = 0, **more: object) -> Threshold:
    """`path` with slashes, for a name or a percentile may have a dot."""
    given = {"text": path, "path": tuple(path.split("/")), "operator": sign, "limit": limit}
    return Threshold.model_validate(given | more)


def check(*arguments: object, **more: object) -> Check:
    return evaluate([threshold(*arguments, **more)], RESULT)[0]  # type: ignore[arg-type]  # passed on as they are


@pytest.mark.parametrize(
    ("path", "value", "observed"),
    [
        ("read/response/p95", 95e6, "95.0 ms"),
        ("read/service/max", 100e6, "100 ms"),
        ("read/lag/min", 1e6, "1.00 ms"),
        ("read/response/mean", 50.5e6, "50.5 ms"),
        ("read/errors/count", 5, "5"),
        ("total/errors/ratio", 0.05, "5 %"),
        ("read/rate", 10, "10/s"),
        ("read/items", 9.5, "9.50/s"),
        ("read/count", 100, "100"),
        ("read/tries", 130, "130"),
        ("dropped", 2, "2"),
        ("generator/cpu", 0.4, "40 %"),
        ("generator/delay/p99", 0.25e6, "250 µs"),
        ("generator/delay/max", 1.5e6, "1.50 ms"),
        ("generator/achieved", 0.99, "99 %"),
        ("generator/scheduled", 200, "200"),
        ("generator/saturated_seconds", 3, "3"),
        ("host/cpu/max", 0.95, "95 %"),
        ("host/memory_used/min", 1e9, "954 MiB"),
        ("host/disk_write/max", 4e6, "3.81 MiB/s"),
        ("server/cpu/mean", 0.65, "0.65 cores"),
        ("server/checkpoint_write/max", 20, "20.0 ms"),
        ("server/pg.stat.xact_commit/last", 600, "600/s"),
    ],
)
def test_every_metric_is_found_by_its_path(path: str, value: float, observed: str) -> None:
    found = check(path, "==", value)
    assert found.observed_value == pytest.approx(value, rel=0.001)
    assert found.observed == observed


def test_a_percentile_that_the_report_has_no_key_for_comes_from_the_histogram() -> None:
    found = check("read/response/p97.5", "<=", 98.1 * NS_PER_MS)
    assert found.observed_value == pytest.approx(98 * NS_PER_MS, rel=0.001)
    assert found.passed


def test_no_percentile_is_above_the_exact_maximum() -> None:
    assert check("read/response/p100", "<=", 100 * NS_PER_MS).passed
    assert check("read/response/p99.999", "<=", 100 * NS_PER_MS).passed


@pytest.mark.parametrize(
    ("sign", "limit", "passed"),
    [
        ("<", 5, False), ("<", 6, True), ("<=", 5, True), ("<=", 4, False), (">", 5, False),
        (">", 4, True), (">=", 5, True), (">=", 6, False), ("==", 5, True), ("==", 4, False),
        ("!=", 5, False), ("!=", 4, True),
    ],
)  # fmt: skip
def test_operators_mean_what_they_say(sign: str, limit: float, passed: bool) -> None:  # noqa: FBT001  a table's column
    assert check("read/errors/count", sign, limit).passed is passed


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize(
    "path",
    [
        "never/response/p95", "never/errors/count", "never/errors/ratio", "never/rate",
        "never/count", "never/tries", "unheard/response/p95", "unheard/count",
        "host/cpux/max", "host/cpu/p95", "server/never_answered/mean", "generator/speed",
        "read/response/p101", "read/colour",
    ],
)  # fmt: skip
def test_what_was_not_measured_fails_whatever_is_asked(path: str, sign: str) -> None:
    found = check(path, sign, 0)
    assert not found.passed
    assert found.observed_value is None


def test_an_operation_that_never_ran_has_no_samples() -> None:
    assert check("never/response/p95").observed == "no samples"
    assert check("never/rate").observed == "no samples"


def test_an_unknown_operation_is_told_with_the_nearest_one() -> None:
    assert check("reed/count").observed == "no samples: no operation 'reed' ran; nearest: read"


def test_an_unknown_metric_of_the_host_is_told_with_the_nearest_ones() -> None:
    assert check("host/memory_usd/max").observed == "no metric 'memory_usd'; nearest: memory_used"
    assert "pg.stat.xact_commit" in check("server/zzz/max").observed


def test_a_run_without_samplers_has_no_samples_of_the_host() -> None:
    result = replace(RESULT, resources=Resources())
    assert evaluate([threshold("host/cpu/max")], result)[0].observed == "no samples"


def test_a_stage_is_looked_at_alone() -> None:
    assert check("read/response/max", "<=", 50 * NS_PER_MS, stage="ramp").passed
    assert check("read/response/min", ">=", 51 * NS_PER_MS, stage="steady").passed
    assert check("total/count", "==", 50, stage="steady").passed
    assert check("dropped", "==", 0, stage="ramp").passed
    assert check("dropped", "==", 2, stage="steady").passed


def test_a_sample_at_the_border_of_two_stages_belongs_to_the_second_that_it_ends() -> None:
    series = (Series("cpu", "ratio", None, None, None, None, ((4.9, 0.2), (5.001, 0.9), (6, 0.1))),)
    before = sampled_reading(Resources(host=series), "host", "cpu", "max", (0, 5))
    after = sampled_reading(Resources(host=series), "host", "cpu", "max", (5, 9))
    assert (before, after) == (Reading(0.9, "ratio"), Reading(0.1, "ratio"))


def test_sampled_metrics_of_a_stage_come_from_its_points() -> None:
    assert check("host/cpu/mean", "==", 0.2, stage="ramp").passed
    assert check("host/cpu/max", "==", 0.95, stage="steady").passed
    assert check("host/cpu/last", stage="rest", limit=1).observed == "no samples"


def test_a_stage_without_samples_fails() -> None:
    assert check("total/errors/count", "==", 0, stage="rest").observed == "no samples"
    assert check("dropped", "==", 0, stage="rest").observed == "no samples"


def test_a_stage_that_did_not_run_fails() -> None:
    found = check("read/count", ">=", 0, stage="spike")
    assert not found.passed
    assert found.observed == "no samples: the stage 'spike' did not run"
    assert found.stage == "spike"


def test_the_generator_is_not_judged_by_stage() -> None:
    assert not check("generator/cpu", "<", 1, stage="ramp").passed


def test_a_limit_with_a_unit_is_compared_in_that_unit() -> None:
    assert check("server/checkpoint_write/max", "<", 21 * NS_PER_MS, unit="ns").passed
    assert not check("server/checkpoint_write/max", "<", 19 * NS_PER_MS, unit="ns").passed
    assert check("host/memory_used/max", "<", 4e9, unit="bytes").passed
    assert check("server/cpu/mean", "<", 0.7, unit="ratio").passed


def test_a_limit_without_a_unit_is_in_the_metrics_own() -> None:
    assert check("server/checkpoint_write/max", "<", 21).passed


def test_a_limit_in_a_unit_of_another_kind_fails() -> None:
    found = check("host/memory_used/max", "<", 0.8, unit="ratio")
    assert not found.passed
    assert found.observed == "2.79 GiB, which does not compare with a limit in ratio"


def test_a_check_carries_its_severity_text_and_limit() -> None:
    found = check("read/errors/count", "<", 1, severity="warn", text="read.errors.count < 1")
    assert (found.check, found.severity, found.limit_value) == ("read.errors.count < 1", "warn", 1)
    assert not found.failed


def test_the_limit_from_a_baseline_is_scaled_and_shifted() -> None:
    asked = threshold("read/count", "<=", None, baseline=True, factor=1.1, offset=-10.0)  # type: ignore[arg-type]  # no limit
    found = evaluate([asked], RESULT, RESULT)[0]
    assert found.limit_value == pytest.approx(100)
    assert found.passed


def test_a_regression_against_the_baseline_fails() -> None:
    slower = replace(RESULT, operations=(operation("read", [2 * ns for ns in MS]),))
    asked = threshold("read/response/p95", "<=", None, baseline=True, factor=1.1)  # type: ignore[arg-type]  # no limit
    assert not evaluate([asked], slower, RESULT)[0].passed
    assert evaluate([asked], RESULT, slower)[0].passed


def test_a_metric_that_the_baseline_lacks_fails() -> None:
    before = replace(RESULT, operations=())
    asked = threshold("read/response/p95", ">", None, baseline=True)  # type: ignore[arg-type]  # no limit
    found = evaluate([asked], RESULT, before)[0]
    assert not found.passed
    assert found.limit_value is None
    assert found.observed.startswith("95.0 ms; in the baseline: no samples")


def test_a_histogram_in_the_baseline_that_is_none_fails_the_check() -> None:
    read = RESULT.operations[0]
    broken = replace(read, response=replace(read.response, hdr="nonsense"))
    asked = threshold("read/response/p97.5", ">", None, baseline=True)  # type: ignore[arg-type]  # no limit
    found = evaluate([asked], RESULT, replace(RESULT, operations=(broken,)))[0]
    assert not found.passed
    assert "in the baseline: no samples" in found.observed


def test_a_baseline_check_without_a_baseline_is_a_usage_error() -> None:
    asked = threshold("read/count", "<=", None, baseline=True)  # type: ignore[arg-type]  # no limit
    with pytest.raises(UsageError, match="baseline"):
        evaluate([asked], RESULT)


def test_checks_come_in_the_order_of_their_thresholds() -> None:
    asked = [threshold("read/count"), threshold("dropped"), threshold("never/rate")]
    assert [found.check for found in evaluate(asked, RESULT)] == [
        "read/count",
        "dropped",
        "never/rate",
    ]


class Now:
    """A running load that has one metric."""

    def __init__(self, path: Path, reading: Reading | Absent) -> None:
        self._path = path
        self._reading = reading

    def reading(self, path: Path, stage: str | None) -> Reading | Absent:
        return self._reading if path == self._path and stage is None else NO_SAMPLES


def aborting(seen: Reading | Absent, elapsed_s: float, **more: object) -> tuple[Check, ...]:
    asked = threshold("read/response/p99", "<", 10, **({"abort": True} | more))
    return violations([asked], Now(asked.path, seen), lambda _: round(elapsed_s * NS_PER_S))


def test_a_running_load_is_aborted_by_a_violated_check() -> None:
    assert [check.observed for check in aborting(Reading(11, "ns"), 1)] == ["11 ns"]


def test_a_running_load_goes_on_while_the_check_holds() -> None:
    assert aborting(Reading(9, "ns"), 1) == ()


def test_a_running_load_goes_on_while_there_are_no_samples() -> None:
    assert aborting(NO_SAMPLES, 1) == ()


def test_a_check_aborts_only_after_its_time() -> None:
    assert aborting(Reading(11, "ns"), 9.9, after_ns=10 * NS_PER_S) == ()
    assert aborting(Reading(11, "ns"), 10, after_ns=10 * NS_PER_S)


def test_only_a_check_that_says_so_aborts() -> None:
    assert aborting(Reading(11, "ns"), 1, abort=False) == ()


def test_a_running_load_is_not_aborted_by_what_the_baseline_lacks() -> None:
    asked = threshold("read/count", "<", None, baseline=True, abort=True)  # type: ignore[arg-type]  # no limit
    before = replace(RESULT, operations=())
    assert violations([asked], Now(asked.path, Reading(5)), lambda _: NS_PER_S, before) == ()


@given(
    st.lists(st.integers(1, 10**10), min_size=1, max_size=50),
    st.sampled_from(["p50", "p97.5", "max"]),
)
def test_a_histogram_in_progress_reads_as_the_finished_latency(
    times: list[int], statistic: str
) -> None:
    finished = operation("read", times)
    histogram = Histogram()
    histogram.add(np.array(times, np.int64))

    class Cell:
        count, errors, tries = len(times), 0, len(times)
        response = service = lag = histogram

    measure = ("response", statistic)
    live = operation_reading(Cell(), measure, 1.0)
    done = operation_reading(finished, measure, 1.0)
    assert isinstance(live, Reading)
    assert isinstance(done, Reading)
    assert live.value == pytest.approx(done.value, abs=0.01)


def test_a_sampled_value_that_is_no_number_is_no_sample() -> None:
    broken = (Series("cpu", "ratio", float("nan"), None, None, None),)
    assert sampled_reading(Resources(broken), "host", "cpu", "mean") == NO_SAMPLES


def test_items_are_those_that_were_counted() -> None:
    bulk = replace(operation("bulk", MS, errors=5), items_per_s=950.0)
    result = replace(RESULT, operations=(bulk,))
    found = evaluate([threshold("bulk/items", ">", 900)], result)[0]
    assert (found.observed_value, found.passed) == (950.0, True)


# -- the hit ratio ----------------------------------------------------------------------------------

LOOKUPS = Series("cache_lookups", "per_s", 340, 10, 1000, 10, ((1, 1000.0), (2, 10.0), (6, 10.0)))
HITS = Series("hit_ratio", "ratio", 0.98, 0.0, 1.0, 0.5, ((1, 1.0), (2, 0.0), (6, 0.5)))


def hit_ratio(resources: Resources, stage: str | None = None) -> Check:
    asked = threshold("server/hit_ratio/mean", ">", 0.8, stage=stage)
    return evaluate([asked], replace(RESULT, resources=resources))[0]


def test_a_second_with_few_lookups_weighs_little_in_a_stage() -> None:
    found = hit_ratio(Resources(server=(LOOKUPS, HITS)), "ramp")
    assert found.observed_value == pytest.approx(1000 / 1010)


def test_a_cache_that_nobody_asked_has_no_hit_ratio() -> None:
    idle = replace(LOOKUPS, mean=0.0, minimum=0.0, maximum=0.0)
    nothing = replace(HITS, mean=None, minimum=None, maximum=None, last=None)
    found = hit_ratio(Resources(server=(idle, nothing)))
    assert (found.passed, found.observed) == (False, "no samples: cache_lookups stayed at 0")


def test_a_metric_that_cant_be_had_fails_with_the_reason() -> None:
    found = hit_ratio(Resources(server=SERVER, absent={"hit_ratio": "it does not tell"}))
    assert (found.passed, found.observed) == (False, "no samples: it does not tell")
