import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.scenario import Threshold
from perfkit.scenario.entries import read_thresholds
from perfkit.scenario.fields import Mistake
from perfkit.scenario.threshold import Metric, Unit, parse_check, render

MS = 1_000_000


@pytest.mark.parametrize(
    ("text", "path", "limit"),
    [
        ("read.response.p95 < 50ms", ("read", "response", "p95"), 50 * MS),
        ("read.response.p(95)<50ms", ("read", "response", "p95"), 50 * MS),
        ("read.response.p95_ms < 50", ("read", "response", "p95"), 50 * MS),
        ("read.response.p99_9_ms < 1.5", ("read", "response", "p99.9"), 1.5 * MS),
        ("read.response.p99_9_ms < 2s", ("read", "response", "p99.9"), 2000 * MS),
        ("total.service.p99.99 < 1s", ("total", "service", "p99.99"), 1000 * MS),
        ("total.service.p97.5 < 1s", ("total", "service", "p97.5"), 1000 * MS),
        ("total.service.p50.0 < 1s", ("total", "service", "p50"), 1000 * MS),
        ("total.lag.avg < 1m30s", ("total", "lag", "mean"), 90_000 * MS),
        ("total.lag.mean_ms < 1", ("total", "lag", "mean"), MS),
        ("total.lag.med < 1us", ("total", "lag", "p50"), 1000),
        ("total.lag.p100 < 1s", ("total", "lag", "max"), 1000 * MS),
        ("total.lag.p(0) < 1s", ("total", "lag", "min"), 1000 * MS),
        ("result.total.lag.stddev < 1s", ("total", "lag", "stddev"), 1000 * MS),
        ("total.errors < 5", ("total", "errors", "count"), 5),
        ("total.errors.count < 1_000", ("total", "errors", "count"), 1000),
        ("total.errors.ratio < 1%", ("total", "errors", "ratio"), 0.01),
        ("total.error_ratio < 0.01", ("total", "errors", "ratio"), 0.01),
        ("total.rate > 450/s", ("total", "rate"), 450),
        ("total.rate > 600/min", ("total", "rate"), 10),
        ("total.rate_per_s > 450", ("total", "rate"), 450),
        ("index.items > 1_000/s", ("index", "items"), 1000),
        ("total.items_per_s > 10", ("total", "items"), 10),
        ("server.hit_ratio > 80%", ("server", "hit_ratio", "mean"), 0.8),
        ("server.rss.max < 2GB", ("server", "rss", "max"), 2e9),
        ("total.count >= 1", ("total", "count"), 1),
        ("a-b_C.tries != 1", ("a-b_C", "tries"), 1),
        ("dropped == 0", ("dropped",), 0),
        ("generator.dropped == 0", ("dropped",), 0),
        ("generator.cpu < 80%", ("generator", "cpu"), 0.8),
        ("generator.achieved_ratio > 0.99", ("generator", "achieved"), 0.99),
        ("generator.delay.p99 < 1ms", ("generator", "delay", "p99"), MS),
        ("generator.delay_max_ms < 1", ("generator", "delay", "max"), MS),
        ("host.cpu < 80%", ("host", "cpu", "mean"), 0.8),
        ("host.cpu.max < 0.8", ("host", "cpu", "max"), 0.8),
        ("server.cache.hit.ratio.min > 0.9", ("server", "cache.hit.ratio", "min"), 0.9),
        ("server.memory.used < 64MiB", ("server", "memory.used", "mean"), 64 * 2**20),
        ("server.lock.wait.max < 5ms", ("server", "lock.wait", "max"), 5 * MS),
        ("server.xact.last < 5/s", ("server", "xact", "last"), 5),
    ],
)  # fmt: skip
def test_a_check_is_a_metric_and_a_limit_in_its_base_unit(
    text: str, path: tuple[str, ...], limit: float
) -> None:
    check = parse_check(text)
    assert (check.path, check.baseline) == (path, False)
    assert check.limit == pytest.approx(limit)


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
def test_every_comparison_with_and_without_spaces(operator: str) -> None:
    assert parse_check(f"total.rate{operator}5").operator == operator
    assert parse_check(f"  total.rate  {operator}  5 ").text == f"total.rate {operator} 5"


@pytest.mark.parametrize(
    ("limit", "factor", "offset"),
    [
        ("baseline", 1, 0),
        ("baseline * 1.1", 1.1, 0),
        ("baseline*1.1", 1.1, 0),
        ("baseline + 5ms", 1, 5 * MS),
        ("baseline - 5ms", 1, -5 * MS),
        ("baseline * .9 + 5ms", 0.9, 5 * MS),
        ("baseline *2-1s", 2, -1000 * MS),
    ],
)
def test_a_limit_may_be_made_from_the_baseline(limit: str, factor: float, offset: float) -> None:
    check = parse_check(f"total.response.p95 <= {limit}")
    assert (check.baseline, check.limit, check.factor, check.offset) == (True, None, factor, offset)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("total.response.p95 < 50", "'50' has no unit: write 50ms or 50s"),
        ("total.response.p95 < 5MiB", "'5MiB' is no duration"),
        ("total.response.p95 < -5ms", "'-5ms' is no duration"),
        ("total.response.p95 < baseline + 5", "'5' has no unit"),
        ("total.response.p95 < baseline * -1", "is no limit: write baseline"),
        ("total.response.p95 < baseline * 0", "compares with nothing"),
        ("total.response < 5ms", "unknown metric 'response'"),
        ("total.response.p101 < 5ms", "unknown metric 'response.p101'"),
        ("total.response.p < 5ms", "unknown metric 'response.p'"),
        ("total < 5ms", "'total' is no metric"),
        ("total.rate > 5ms", "'5ms' is no rate"),
        ("total.count > 5/s", "'5/s' is no count"),
        ("total.errors.ratio < 150%", "'150%' is more than all"),
        ("generator.cqu < 5%", "unknown metric 'generator.cqu'"),
        ("host. < 5", "a metric of the host is missing"),
        ("host.max < 5", "a metric of the host is missing"),
        ("host.cpu..x < 5", "a metric of the host is missing"),
        ("server.x < 5 apples", "'5 apples' is no limit"),
        ("total.rate > > 5", "is no check|is no rate"),
        ("total.rate 5", "is no check"),
        ("total.rate >", "is no check"),
        ("", "is no check"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        parse_check(text)


_OPERATIONS = st.sampled_from(["total", "read", "a-b_1"])
_METRICS = st.one_of(
    st.builds(
        lambda name, kind, statistic: Metric((name, kind, statistic), "ns"),
        _OPERATIONS,
        st.sampled_from(["response", "service", "lag"]),
        st.one_of(
            st.sampled_from(["min", "mean", "stddev", "max"]),
            st.integers(1, 99).map("p{}".format),
            st.sampled_from(["p99.9", "p99.99", "p0.5", "p12.345"]),
        ),
    ),
    st.builds(lambda name: Metric((name, "errors", "ratio"), "ratio"), _OPERATIONS),
    st.builds(lambda name: Metric((name, "errors", "count"), "count"), _OPERATIONS),
    st.builds(
        lambda name, word: Metric((name, word), "per_s"),
        _OPERATIONS,
        st.sampled_from(["rate", "items"]),
    ),
    st.sampled_from(
        [Metric(("dropped",), "count"), Metric(("generator", "delay", "p99"), "ns")]
    ),
    st.builds(
        lambda side, name, statistic, unit: Metric((side, name, statistic), unit),
        st.sampled_from(["host", "server"]),
        st.sampled_from(["cpu", "disk.read", "a.b.c"]),
        st.sampled_from(["min", "mean", "max", "last"]),
        st.sampled_from([None, "ns", "bytes", "per_s"]),
    ),
)  # fmt: skip


def _quantities(unit: Unit | None) -> st.SearchStrategy[float]:
    if unit in {"ns", "bytes"}:
        return st.integers(0, 10**15).map(float)
    highest = 1.0 if unit == "ratio" else 1e9
    return st.floats(0, highest).map(lambda value: value if value > 1e-300 else 0.0)


@st.composite
def _thresholds(draw: st.DrawFn) -> Threshold:
    metric = draw(_METRICS)
    baseline = draw(st.booleans())
    quantity = draw(_quantities(metric.unit))
    sampled = metric.path[0] in {"host", "server"}
    return Threshold(
        text="",
        path=metric.path,
        operator=draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="])),
        limit=None if baseline else quantity,
        baseline=baseline,
        factor=draw(st.floats(0.01, 100)) if baseline else 1.0,
        offset=quantity * draw(st.sampled_from([1, -1])) if baseline else 0.0,
        unit=None if baseline and sampled and not quantity else metric.unit,
    )


@given(_thresholds())
def test_what_is_rendered_is_parsed_as_the_same(check: Threshold) -> None:
    text = render(check)
    assert parse_check(text) == check.model_copy(update={"text": text})
    assert render(parse_check(text)) == text


def entries(value: object) -> list[Threshold]:
    read = [entry for _, entry in read_thresholds(value)]
    assert all(isinstance(entry, Threshold) for entry in read), read
    return [entry for entry in read if isinstance(entry, Threshold)]


@pytest.mark.parametrize(
    ("value", "path", "operator", "limit"),
    [
        (["http_req_duration: p(95)<500"], ("total", "response", "p95"), "<", 500 * MS),
        (
            [{"http_req_duration": "p( 99.9 ) <= 1.5"}],
            ("total", "response", "p99.9"),
            "<=",
            1.5 * MS,
        ),
        ({"http_req_duration": ["avg < 200"]}, ("total", "response", "mean"), "<", 200 * MS),
        ({"iteration_duration": "med<5"}, ("total", "response", "p50"), "<", 5 * MS),
        ({"http_req_duration{name:read}": ["max<5"]}, ("read", "response", "max"), "<", 5 * MS),
        (["http_req_failed{ name: read }: rate<0.01"], ("read", "errors", "ratio"), "<", 0.01),
        ({"http_reqs": ["rate>100"]}, ("total", "rate"), ">", 100),
        ({"iterations": ["count===100"]}, ("total", "count"), "==", 100),
        ({"dropped_iterations": ["count==0"]}, ("dropped",), "==", 0),
    ],
)
def test_k6_is_understood_where_it_has_a_meaning(
    value: object, path: tuple[str, ...], operator: str, limit: float
) -> None:
    (check,) = entries(value)
    assert (check.path, check.operator, check.limit) == (path, operator, limit)


def test_a_k6_mapping_has_many_checks_in_order() -> None:
    value = {"http_req_failed": ["rate<0.01"], "http_req_duration": ["p(90)<5", "p(95)<9"]}
    assert [check.text for check in entries(value)] == [
        "http_req_failed: rate<0.01",
        "http_req_duration: p(90)<5",
        "http_req_duration: p(95)<9",
    ]


@pytest.mark.parametrize(("delay", "after_ns"), [("10s", 10_000 * MS), (1500, 1500 * MS)])
def test_k6s_long_form_can_end_a_run(delay: object, after_ns: int) -> None:
    entry = {"threshold": "p(95)<5", "abortOnFail": True, "delayAbortEval": delay}
    (check,) = entries({"http_req_duration": [entry]})
    assert (check.abort, check.after_ns) == (True, after_ns)


@pytest.mark.parametrize(
    ("metric", "check", "said"),
    [
        ("vus", "value>5", "'vus' has no meaning here"),
        ("http_req_waiting", "p(95)<5", "'http_req_waiting' has no meaning here"),
        ("http_req_failed", "count<5", "http_req_failed has no 'count'"),
        ("http_req_duration", "p(101)<5", r"unknown metric 'response.p\(101\)'"),
        ("http_req_duration{name:a,b:c}", "p(95)<5", "has no meaning here: write {name:operation}"),
        ("dropped_iterations{name:a}", "count<5", "for all operations together only"),
        ("http_req_duration", "p(95)<5ms", "is none of k6's checks"),
    ],
)
def test_k6_is_refused_where_it_has_none(metric: str, check: str, said: str) -> None:
    ((_, mistake),) = read_thresholds({metric: [check]})
    assert isinstance(mistake, Mistake)
    with pytest.raises(Mistake, match=said):
        raise mistake
