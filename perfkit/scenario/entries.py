"""What may stand under `thresholds:`: checks as text, checks with more to say, and k6's spelling.

k6: https://grafana.com/docs/k6/latest/using-k6/thresholds/. Its times are milliseconds. A metric
that has no meaning for a database is an error that says so.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from perfkit.scenario.fields import Duration, Flag, Frozen, Key, Mistake, Words, nearest, shown
from perfkit.scenario.threshold import (
    Limit,
    Metric,
    Severity,
    Threshold,
    operation_metric,
    parse_check,
    read_quantity,
    threshold,
)

_K6_TEXT = re.compile(r"\s*(?P<metric>[a-z_]\w*\s*(?:\{[^}]*\})?)\s*:\s*(?P<check>.+)")
_K6_METRIC = re.compile(r"\s*(?P<name>[a-z_]\w*)\s*(?:\{(?P<tags>[^}]*)\})?\s*")
_K6_CHECK = re.compile(
    r"\s*(?P<method>[a-z]+(?:\(\s*[\d.]+\s*\))?)\s*(?P<operator><=|>=|===|==|!=|<|>)"
    r"\s*(?P<number>\d+(?:\.\d+)?)\s*"
)
_TREND = "response.{method}"
_K6_METRICS: Mapping[str, Mapping[str, str]] = {
    "http_req_duration": {"": _TREND},
    "iteration_duration": {"": _TREND},
    "http_req_failed": {"rate": "errors.ratio"},
    "http_reqs": {"count": "count", "rate": "rate"},
    "iterations": {"count": "count", "rate": "rate"},
    "dropped_iterations": {"count": "dropped"},
}
_K6_TREND_METHODS = re.compile(r"avg|min|max|med|p\(\s*[\d.]+\s*\)")


class CheckSyntax(Frozen):
    """A check, and what is to be done about it."""

    check: Annotated[Words, Field(description="The check, as in read.response.p95 < 50ms.")]
    stage: Annotated[Words | None, Field(description="Only over this stage of the load.")] = None
    severity: Annotated[Severity, Field(description="warn: reported, but the verdict stays.")] = (
        "fail"
    )
    abort: Annotated[Flag, Field(description="End the run early when the check fails.")] = False
    after: Annotated[Duration, Field(description="Do so only after this time.")] = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _check_abort(self.after, abort=self.abort, key="after")
        if self.abort and self.severity == "warn":
            raise Mistake("a check of severity warn does not end the run", at=("abort",))
        return self

    def model(self) -> Threshold:
        """The threshold. Mistake where the check is none."""
        try:
            parsed = parse_check(self.check)
        except Mistake as mistake:
            raise Mistake(str(mistake), at=("check",), hint=mistake.hint) from None
        return parsed.model_copy(
            update={
                "stage": self.stage,
                "severity": self.severity,
                "abort": self.abort,
                "after_ns": self.after,
            }
        )


def _milliseconds(value: Any) -> Any:
    return f"{value}ms" if isinstance(value, int) and not isinstance(value, bool) else value


class K6Syntax(Frozen):
    """k6's long form of a threshold."""

    threshold: Annotated[Words, Field(description="k6's check, as in p(95)<500.")]
    abortOnFail: Annotated[Flag, Field(description="As abort.")] = False  # noqa: N815  k6's name
    delayAbortEval: Annotated[  # noqa: N815  k6's name
        Duration, BeforeValidator(_milliseconds), Field(description="As after.")
    ] = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        _check_abort(self.delayAbortEval, abort=self.abortOnFail, key="delayAbortEval")
        return self

    def model(self, metric: str) -> Threshold:
        """The threshold. Mistake where it has no meaning here."""
        parsed = parse_k6(metric, self.threshold)
        return parsed.model_copy(
            update={"abort": self.abortOnFail, "after_ns": self.delayAbortEval}
        )


def _check_abort(after_ns: int, *, abort: bool, key: str) -> None:
    if after_ns and not abort:
        raise Mistake("says when to end the run early, but nothing asks for that", at=(key,))


Entry = tuple[tuple[Key, ...], Threshold | Mistake | ValidationError]


def read_thresholds(value: Any) -> Iterator[Entry]:
    """Each threshold, or what is wrong with it, with its path below `thresholds`."""
    if isinstance(value, dict):
        for metric, checks in value.items():
            yield from _k6_entries((metric,), metric, checks)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _entry((index,), entry)
    elif value not in (None, ()):
        yield (), Mistake(f"{shown(value)} is no list of checks")


def _entry(at: tuple[Key, ...], entry: Any) -> Iterator[Entry]:
    if isinstance(entry, dict) and len(entry) == 1:
        metric, checks = next(iter(entry.items()))
        if metric not in CheckSyntax.model_fields and _K6_METRIC.fullmatch(metric):
            yield from _k6_entries((*at, metric), metric, checks)
            return
    read = _read_entry(entry)
    yield at, read
    if isinstance(read, ValidationError):
        # An unknown key must not hide what is wrong with the check itself.
        known = {key: entry[key] for key in entry if key in CheckSyntax.model_fields}
        again = _read_entry(known)
        if not isinstance(again, ValidationError):
            yield at, again


def _read_entry(entry: Any) -> Threshold | Mistake | ValidationError:
    try:
        if isinstance(entry, dict):
            return CheckSyntax.model_validate(entry).model()
        if not isinstance(entry, str):
            return Mistake(f"{shown(entry)} is no check: write total.response.p95 < 50ms")
        if k6 := _K6_TEXT.fullmatch(entry):
            return parse_k6(k6["metric"], k6["check"])
        return parse_check(entry)
    except (Mistake, ValidationError) as error:
        return error


def _k6_entries(at: tuple[Key, ...], metric: str, checks: Any) -> Iterator[Entry]:
    if isinstance(checks, list):
        for index, check in enumerate(checks):
            yield (*at, index), _read_k6(metric, check)
    else:
        yield at, _read_k6(metric, checks)


def _read_k6(metric: str, check: Any) -> Threshold | Mistake | ValidationError:
    try:
        if isinstance(check, dict):
            return K6Syntax.model_validate(check).model(metric)
        if not isinstance(check, str):
            return Mistake(f"{shown(check)} is no check: write p(95)<500")
        return parse_k6(metric, check)
    except (Mistake, ValidationError) as error:
        return error


def parse_k6(metric: str, check: str) -> Threshold:
    """The threshold for k6's metric, perhaps with tags, and its check. Mistake where it has none."""
    named = _K6_METRIC.fullmatch(metric)
    name = named["name"] if named else metric
    if named is None or name not in _K6_METRICS:
        known = ", ".join(_K6_METRICS)
        raise Mistake(f"{name!r} has no meaning here: of k6's metrics there are {known}")
    match = _K6_CHECK.fullmatch(check)
    if not match:
        raise Mistake(f"{check!r} is none of k6's checks: write p(95)<500, avg<200 or rate<0.01")
    meaning = _k6_meaning(_operation_of(named["tags"]), name, match["method"])
    value, unit = read_quantity(match["number"], meaning)
    limit = Limit(limit=value, unit=unit)
    return threshold(f"{metric}: {check}", meaning, match["operator"], limit)


def _k6_meaning(operation: str, name: str, method: str) -> Metric:
    methods = _K6_METRICS[name]
    if "" in methods and _K6_TREND_METHODS.fullmatch(method):
        found = operation_metric(operation, _TREND.format(method=method.replace(" ", "")))
        return Metric(found.path, found.unit, in_ms=True)
    if method not in methods:
        known = ["avg", "min", "max", "med", "p(95)"] if "" in methods else list(methods)
        raise Mistake(f"{name} has no {method!r}", hint=nearest(method, known))
    if methods[method] == "dropped":
        if operation != "total":
            raise Mistake(f"{name} is known for all operations together only")
        return Metric(("dropped",), "count")
    return operation_metric(operation, methods[method])


def _operation_of(tags: str | None) -> str:
    if tags is None:
        return "total"
    key, colon, name = tags.partition(":")
    if key.strip() != "name" or not colon or not name.strip() or "," in name:
        raise Mistake(f"the tag {tags.strip()!r} has no meaning here: write {{name:operation}}")
    return name.strip()
