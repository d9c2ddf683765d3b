"""The JSON Schema of a profile file, for editors."""

from typing import Any

from perfkit.scenario.schema import readable
from perfkit.tuning.syntax import ProfileSyntax


def profile_schema() -> dict[str, Any]:
    """The schema (2020-12) of what users write; whether a formula can be read only perfkit can tell."""
    schema = readable(ProfileSyntax.model_json_schema(mode="validation"))
    schema["$defs"]["SettingSyntax"]["oneOf"] = [{"required": ["value"]}, {"required": ["formula"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:perfkit:profile:1",
        "title": "Tuning profile of perfkit",
        **schema,
    }
