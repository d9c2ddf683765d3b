"""The JSON Schema of a scenario file, for editors and for tools that write scenarios."""

from typing import Any

from perfkit.scenario.syntax import FileSyntax
from perfkit.units import NS_PER_S


def scenario_schema() -> dict[str, Any]:
    """The schema (2020-12) of what users write.

    It knows every key and refuses all others; that names exist and parts fit together only
    `load_scenario` can tell.
    """
    schema = readable(FileSyntax.model_json_schema(mode="validation"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:perfkit:scenario:1",
        "title": "Scenario of perfkit",
        **schema,
    }


def readable(value: Any) -> Any:
    """The schema without what pydantic makes of the models and a person has no use for.

    Titles made of field names say nothing new; defaults of quantities are in base units, which is
    not how the file has them, so that the descriptions name those.
    """
    if isinstance(value, dict):
        return {
            key: readable(item)
            for key, item in value.items()
            if not (key == "title" and isinstance(item, str))
            and not (key == "default" and not _is_plain(item))
        }
    if isinstance(value, list):
        return [readable(item) for item in value]
    return value


def _is_plain(default: Any) -> bool:
    return isinstance(default, bool | str) or (
        isinstance(default, int | float) and default < NS_PER_S
    )
