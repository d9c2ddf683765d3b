"""The JSON report: the results' dataclasses as they are, numbers raw, and back again."""

import difflib
import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Never

from pydantic import TypeAdapter, ValidationError

from perfkit.errors import UsageError
from perfkit.results import (
    SCHEMA_VERSION,
    BenchResult,
    CompareResult,
    LoadtestResult,
    ProfileList,
    ProfileResult,
    Report,
    Result,
)

_SCHEMA_PREFIX = "perfkit."
_REPORTS: Mapping[str, type[Result]] = {
    "loadtest": LoadtestResult,
    "bench": BenchResult,
    "compare": CompareResult,
    "profile-list": ProfileList,
    "profile": ProfileResult,
}


def to_json(report: Report[Result]) -> str:
    """The report as JSON, indented; a number that is not finite becomes null."""
    raw = _adapter(report.schema).dump_python(report, mode="json", by_alias=True)
    return json.dumps(_writable(raw), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> Report[Any]:
    """The report that `to_json` wrote; keys that are new in a later perfkit are passed over.

    UsageError, whose sentence leaves the name of the file to the caller, when it is none.
    """
    try:
        raw = json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a perfkit report, or only a part of one: {error}") from error
    adapter = _adapter(_known_schema(raw))
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"not a whole perfkit report: {place}: {first['msg']}") from error


def report_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a report, by its name ("loadtest"). UsageError for an unknown one."""
    if name not in _REPORTS:
        near = difflib.get_close_matches(name, _REPORTS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(_REPORTS)}"
        raise UsageError(f"no report is named {name!r}", hint=hint)
    schema = _SCHEMA_PREFIX + name
    document = _adapter(schema).json_schema(mode="serialization", by_alias=True)
    document["properties"]["schema"]["const"] = schema
    document["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:perfkit:report:{name}:{SCHEMA_VERSION}",
        **document,
        "title": f"Report of perfkit {name}",
    }


@cache
def _adapter(schema: str) -> TypeAdapter[Report[Any]]:
    result = _REPORTS[schema.removeprefix(_SCHEMA_PREFIX)]
    return TypeAdapter(Report[result])  # type: ignore[valid-type]  # known only here


def _writable(value: Any) -> Any:
    """JSON has no infinity, and UTF-8 no lone surrogates, as names of files may bring them."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return list(map(_writable, value))
        case dict():
            return {_writable(key): _writable(each) for key, each in value.items()}
        case _:
            return value


def _known_schema(raw: object) -> str:
    if not isinstance(raw, dict) or "schema" not in raw:
        raise UsageError("not a perfkit report: it has no key schema")
    schema, version = raw["schema"], raw.get("schema_version")
    if schema not in [_SCHEMA_PREFIX + name for name in _REPORTS]:
        raise UsageError(f"not a report that can be read here: its schema is {schema!r}")
    if type(version) is not int or version < 1:
        raise UsageError(f"not a perfkit report: its schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"written by a newer perfkit: schema_version {version}, up to {SCHEMA_VERSION} is known",
            hint="update perfkit, or make the report again with this one",
        )
    return str(schema)


def _reject(constant: str) -> Never:
    raise ValueError(f"{constant} is no number in JSON")
