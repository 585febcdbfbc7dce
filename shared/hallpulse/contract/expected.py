"""What a field expects, in one line, read off the type that validates it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec


@cache
def expectation(cls: type[msgspec.Struct], field: str) -> str:
    """Such as `a whole number from 1 to 5`, for a field of an event's data or an attribute of the envelope."""
    for declared in msgspec.structs.fields(cls):
        if declared.name == field:
            return in_words(msgspec.json.schema(declared.type))
    return "a value of the contract"


def in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return in_words(next(part for part in schema["anyOf"] if part.get("type") != "null"))
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if schema.get("type") == "integer":
        return f"a whole number from {schema['minimum']} to {schema['maximum']}"
    if schema.get("type") == "boolean":
        return "true or false"
    return str(schema.get("description", "a text"))


def kind_of_value(value: object) -> str:
    """What was given, without saying it: a refused value may be personal data."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, int | float):
        return "a whole number" if isinstance(value, int) else "a number with a fraction"
    return "an array" if isinstance(value, list) else "an object"
