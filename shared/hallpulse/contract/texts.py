"""The patterns of all texts of an event, as its types state them; only events that are not plain are looked at so."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from .envelope import Envelope
from .events import DATA_CLASSES
from .expected import expectation, kind_of_value
from .reasons import Reason
from .refusal import Refused

Matcher = Callable[[str], object]


def check_texts(envelope: Envelope) -> None:
    """Raises Refused for the first text that does not have the shape that its field wants."""
    _check(Envelope, envelope, Reason.BAD_ENVELOPE, "")
    if envelope.data is not None:
        _check(type(envelope.data), envelope.data, Reason.BAD_FIELD, "data.")


def _check(cls: type[msgspec.Struct], given: msgspec.Struct, reason: Reason, prefix: str) -> None:
    for name, matches in _PATTERNS[cls]:
        value = getattr(given, name)
        if value is not None and not matches(value):
            raise Refused(reason, prefix + name, f"expected {expectation(cls, name)}, got {kind_of_value(value)}")


def _patterns(cls: type[msgspec.Struct]) -> tuple[tuple[str, Matcher], ...]:
    listed = ((field.name, _pattern(msgspec.json.schema(field.type))) for field in msgspec.structs.fields(cls))
    return tuple((name, re.compile(pattern).search) for name, pattern in listed if pattern and name not in _WITH_RULES)


def _pattern(schema: dict[str, object]) -> str:
    parts = schema.get("anyOf", [schema])
    assert isinstance(parts, list)
    return next((part["pattern"] for part in parts if "pattern" in part), "")


_WITH_RULES = ("source", "time")
_CLASSES: tuple[type[msgspec.Struct], ...] = (Envelope, *DATA_CLASSES)
_PATTERNS = {cls: _patterns(cls) for cls in _CLASSES}
