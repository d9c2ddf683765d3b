"""What pydantic found wrong, as problems with a place and one sentence that a person can act on."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import ValidationError

from perfkit.errors import Problem
from perfkit.scenario.document import Document, Keys, child_of
from perfkit.scenario.fields import Frozen, Mistake, nearest, shown
from perfkit.scenario.values import GENERATORS

_SENTENCES = {
    "string_type": "{shown} is no text",
    "model_type": "{shown} is no mapping: write its keys below it",
    "model_attributes_type": "{shown} is no mapping: write its keys below it",
    "dict_type": "{shown} is no mapping: write its keys below it",
    "list_type": "{shown} is no list",
    "tuple_type": "{shown} is no list",
    "too_short": "is empty",
    "too_long": "has too many items: at most {max_length}",
    "greater_than_equal": "{shown} is too low: at least {ge}",
    "less_than_equal": "{shown} is too high: at most {le}",
}


def problems_of(
    error: ValidationError, model: type[Frozen], document: Document, prefix: Keys = ()
) -> Iterator[Problem | None]:
    """A problem for each error; None for one in a place that has a problem already."""
    for each in error.errors(include_url=False):
        if each["type"] == "too_short" and each["input"]:
            continue  # pydantic counts only the items that it could read
        yield _problem(dict(each), model, document, prefix)


def mistake_problem(mistake: Mistake, document: Document, path: Keys) -> Problem | None:
    """The problem of a mistake that was found at a path."""
    at = _existing(document, (*path, *mistake.at))
    where = at[:-1] if mistake.at_key else at
    message = _say(document, where, str(mistake))
    return document.problem(at, message, hint=mistake.hint, at_key=mistake.at_key)


def _problem(
    error: dict[str, Any], model: type[Frozen], document: Document, prefix: Keys
) -> Problem | None:
    loc: Keys = error["loc"]
    if loc and loc[-1] == "[key]":
        at = (*_existing(document, (*prefix, *loc[:-2])), loc[-2])
        return document.problem(at, _say(document, at[:-1], _sentence(error)), at_key=True)
    if error["type"] == "missing":
        above = _existing(document, (*prefix, *loc[:-1]))
        meaning = _model_at(model, loc[:-1]).model_fields[str(loc[-1])].description
        message = _say(document, above, f"{loc[-1]} is missing")
        return document.problem(above, message, hint=meaning and meaning.rstrip("."))
    if error["type"] == "extra_forbidden":
        at = (*_existing(document, (*prefix, *loc[:-1])), loc[-1])
        fields = _model_at(model, loc[:-1]).model_fields.items()
        known = [field.alias or key for key, field in fields if key != "kind"]
        message = _say(document, at[:-1], f"unknown key {str(loc[-1])!r}")
        return document.problem(at, message, hint=nearest(str(loc[-1]), known), at_key=True)
    at = _existing(document, (*prefix, *loc))
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Mistake):
        return mistake_problem(cause, document, at)
    return document.problem(at, _say(document, at, _sentence(error)), hint=_hint(error))


def _sentence(error: dict[str, Any]) -> str:
    context = error.get("ctx", {})
    if "error" in context:
        return str(context["error"])
    if error["type"] == "literal_error":
        return f"{shown(error['input'])} is none of {context['expected'].replace(' or ', ', ')}"
    if template := _SENTENCES.get(error["type"]):
        return template.format(shown=shown(error["input"]), **context)
    return f"{shown(error['input'])}: {error['msg']}"


def _hint(error: dict[str, Any]) -> str | None:
    if error["type"] != "literal_error" or not isinstance(error["input"], str):
        return None
    expected = error["ctx"]["expected"].replace(" or ", ", ")
    words = [word.strip("'") for word in expected.split(", ")]
    hint = nearest(error["input"], words)
    return hint if hint and hint.startswith("did") else None


def _say(document: Document, path: Keys, message: str) -> str:
    where = document.show(path)
    return f"{where}: {message}" if where else message


def _existing(document: Document, path: Keys) -> Keys:
    """The path without what the file does not have, such as `range` in `zipfian: [1, 9]`."""
    node, found = document.root, []
    for key in path:
        child = child_of(node, key)
        if child is not None:
            node = child
            found.append(key)
    return tuple(found)


def _model_at(model: type[Frozen], loc: Keys) -> type[Frozen]:
    """The model whose keys stand at a place."""
    for key in loc:
        if key in GENERATORS:
            model = GENERATORS[str(key)]
        elif key in model.model_fields:
            model = _model_in(model.model_fields[str(key)].annotation) or model
    return model


def _model_in(annotation: Any) -> type[Frozen] | None:
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model), None)
