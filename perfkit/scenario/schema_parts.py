"""The parts of the JSON Schema that have several spellings in a file."""

from typing import Any

from perfkit.scenario.entries import CheckSyntax, K6Syntax
from perfkit.scenario.fields import Frozen
from perfkit.scenario.values import GENERATORS, Numbers

Schema = dict[str, Any]

_NUMBER: Schema = {"type": ["number", "string"]}
_PAIR: Schema = {"type": "array", "minItems": 2, "maxItems": 2, "items": _NUMBER}
_TABLE: Schema = {"type": "string", "description": "A table of the dataset: all its rows."}
_SIZE: Schema = {"type": ["integer", "string"]}
_SIZES: Schema = {"anyOf": [_SIZE, {"type": "array", "minItems": 2, "maxItems": 2, "items": _SIZE}]}
_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_WEIGHTED: Schema = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": ["number", "string"]},
    "not": {"required": ["values"]},
}
_SHORT_FORMS: dict[str, list[Schema]] = {
    "sequential": [{"type": ["integer", "string", "null"]}, _PAIR],
    "choice": [{"type": "array", "minItems": 1, "items": _SCALAR}, _WEIGHTED],
    "text": _SIZES["anyOf"],
    "bytes": _SIZES["anyOf"],
    "uuid": [{"type": "null"}],
    "timestamp": [
        {"enum": ["now", None]},
        {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string"}},
    ],
    "csv": [],
    "template": [{"type": "string", "minLength": 1}],
    "shifted": [],
    "padded": [],
    "constant": [_SCALAR],
}


def object_schema(model: type[Frozen]) -> Schema:
    """The JSON Schema of a model without parts of its own, ready to stand inside another."""
    schema = model.model_json_schema()
    schema.get("properties", {}).pop("kind", None)
    return schema


def _one_key(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _generator(kind: str) -> Schema:
    model = GENERATORS[kind]
    if kind == "ycsb_key":
        numbers = [each for each in GENERATORS if issubclass(GENERATORS[each], Numbers)]
        forms = [_one_key({each: _generator(each) for each in numbers})]
    else:
        forms = [*_SHORT_FORMS.get(kind, [_PAIR, _TABLE])]
        forms += [object_schema(model)] if kind != "constant" else []
    return {"description": (model.__doc__ or "").partition("\n")[0], "anyOf": forms}


_DURATION: Schema = {"type": ["string", "integer"]}
_DURATIONS: Schema = {"type": "array", "minItems": 2, "maxItems": 2, "items": _DURATION}

PARAM_SCHEMA: Schema = {
    "description": "A literal, or a generator of values.",
    "anyOf": [_SCALAR, _one_key({kind: _generator(kind) for kind in GENERATORS})],
}
THINK_SCHEMA: Schema = {
    "anyOf": [
        {"type": "string", "examples": ["100ms"]},
        {"const": 0},
        _one_key(
            {
                "uniform": {"description": "Evenly between two durations.", **_DURATIONS},
                "normal": {"description": "Gaussian, cut to two durations.", **_DURATIONS},
                "exponential": {"description": "At random with this mean.", **_DURATION},
                "choice": {
                    "description": "One of several durations, evenly or by weight.",
                    "anyOf": [
                        {"type": "array", "minItems": 1, "items": _DURATION},
                        {"type": "object", "minProperties": 1},
                    ],
                },
            }
        ),
    ]
}
SETUP_SCHEMA: Schema = {
    "anyOf": [
        {"type": "string", "description": "SQL"},
        {"type": "array", "description": "A Redis command", "minItems": 1, "items": _SCALAR},
        {"type": "object", "description": "A MongoDB command", "minProperties": 1},
    ]
}
_K6_CHECKS: Schema = {
    "anyOf": [
        {"type": "string"},
        object_schema(K6Syntax),
        {"type": "array", "items": {"anyOf": [{"type": "string"}, object_schema(K6Syntax)]}},
    ]
}
_K6_MAPPING: Schema = {
    "type": "object",
    "patternProperties": {r"^(http_req|iteration|dropped_iterations)[a-z_]*(\{.*\})?$": _K6_CHECKS},
    "additionalProperties": False,
}
THRESHOLDS_SCHEMA: Schema = {
    "anyOf": [
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string", "examples": ["total.response.p95 < 50ms"]},
                    object_schema(CheckSyntax),
                    {**_K6_MAPPING, "minProperties": 1, "maxProperties": 1},
                ]
            },
        },
        _K6_MAPPING,
        {"type": "null"},
    ]
}
