"""The slow, exact check of an event that the fast path did not take: it says what is wrong, where, what was expected.

Events with extension attributes are decoded here too: no fixed type can name those attributes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from hallpulse.contract.envelope import ENVELOPES, Envelope
from hallpulse.contract.events import DATA_CLASSES, DATA_OF, TYPES_BY_NAME, EventType, HallEvent
from hallpulse.contract.reasons import Reason, Refusal, Refused, printable
from hallpulse.contract.validation import MOST_VALUES, bad_time, hall_event, has_too_many_values

Matcher = Callable[[str], object]


def check_texts(envelope: Envelope) -> None:
    """Raise Refused for the first text that does not match its field's pattern."""
    _check(Envelope, envelope, Reason.BAD_ENVELOPE, "")
    if envelope.data is not None:
        _check(type(envelope.data), envelope.data, Reason.BAD_FIELD, "data.")


def _check(cls: type[msgspec.Struct], given: msgspec.Struct, reason: Reason, prefix: str) -> None:
    for name, matches in _PATTERNS[cls]:
        value = getattr(given, name)
        if value is not None and not matches(value):
            raise Refused(reason, prefix + name, f"expected {expectation(cls, name)}, got {_kind_of_text(value)}")


def _patterns(cls: type[msgspec.Struct]) -> tuple[tuple[str, Matcher], ...]:
    """Return the fields with what their texts must match; Python's `$` would also match before a last line feed."""
    listed = ((field.name, _pattern(msgspec.json.schema(field.type))) for field in msgspec.structs.fields(cls))
    return tuple(
        (name, re.compile(pattern.removesuffix("$") + r"\Z").search)
        for name, pattern in listed
        if pattern and name not in _WITH_RULES
    )


def _pattern(schema: dict[str, object]) -> str:
    parts = schema.get("anyOf", [schema])
    assert isinstance(parts, list)
    return next((part["pattern"] for part in parts if "pattern" in part), "")


_WITH_RULES = ("source", "time")
_CLASSES: tuple[type[msgspec.Struct], ...] = (Envelope, *DATA_CLASSES)
_PATTERNS = {cls: _patterns(cls) for cls in _CLASSES}


@cache
def expectation(cls: type[msgspec.Struct], field: str) -> str:
    """Return what is expected of a field of the data or of the envelope, such as `a whole number from 1 to 5`."""
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
    """Describe a value without repeating it: a refused value may be personal data."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, int | float):
        return "a whole number" if isinstance(value, int) else "a number with a fraction"
    return "an array" if isinstance(value, list) else "an object"


def _kind_of_text(text: str) -> str:
    """Name the fault of a text that does not have the shape of its field."""
    if _CONTROL(text):
        return "a text with a control character"
    if text != text.strip():
        return "a text with white space at an end"
    return f"a text of {len(text)} characters"


def _kind_out_of_bounds(schema: Mapping[str, Any], value: object) -> str:
    """Describe a value without repeating it; of a number out of bounds, say on which side it lies."""
    bounds = next((part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"), schema)
    if isinstance(value, int | float) and not isinstance(value, bool) and "maximum" in bounds:
        if value > bounds["maximum"]:
            return "a greater one" if isinstance(value, int) else "a greater number"
        if value < bounds["minimum"]:
            return "a smaller one" if isinstance(value, int) else "a smaller number"
    return kind_of_value(value)


_raw = msgspec.json.Decoder(msgspec.Raw).decode
ATTRIBUTES = frozenset(Envelope.__struct_fields__) | {"type"}
_REQUIRED_ATTRIBUTES = ("specversion", "id", "source", "type", "time")
_REQUIRED_FIELDS = {
    cls: tuple(field.name for field in msgspec.structs.fields(cls) if field.required) for cls in DATA_CLASSES
}
_EXTENSION = re.compile(r"[a-z0-9]{1,20}").fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_PATH = re.compile(r" - at `\$\.([a-z_]+)(?:\.([a-z_]+))?`$").search
EXTENSIONS_SIZE = 8192


class _Object(dict[str, Any]):
    """A JSON object that remembers a name which was given twice."""

    twice: str | None = None


def examine(body: bytes, now: int) -> HallEvent | Refusal:
    """Return the event, or why it is refused; no body makes it raise."""
    source = ""
    try:
        attributes = _attributes(body)
        source = printable(str(attributes.get("source", "")))
        return _event(attributes, now)
    except Refused as refused:
        return refused.refusal(body, source)


def _attributes(body: bytes) -> _Object:
    parsed = _parse(body)
    if not isinstance(parsed, _Object):
        raise Refused(Reason.BAD_ENVELOPE, "", f"expected one JSON object, got {kind_of_value(parsed)}")
    return parsed


def _parse(body: bytes) -> Any:
    try:
        if has_too_many_values(body):
            _skim(body)  # checks only whether it is JSON: no objects are made of it
            raise Refused(Reason.BAD_ENVELOPE, "", f"expected one event, got more than {MOST_VALUES} values")
        parsed = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
        if b"\\u" in body:
            json.dumps(parsed, ensure_ascii=False).encode()  # fails where an escape left half a surrogate pair
    except UnicodeError:
        raise Refused(Reason.NOT_JSON, "", not_text(body) or "expected JSON in UTF-8") from None
    except RecursionError:
        raise Refused(Reason.NOT_JSON, "", "expected an event, got values nested too deeply") from None
    except ValueError as error:
        raise Refused(Reason.NOT_JSON, "", not_text(body) or f"expected JSON: {printable(str(error))}") from None
    return parsed


_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "a ZIP archive", b"BZh": "bzip2"}
_ENCODED = {b"\xef\xbb\xbf": "a byte order mark before it", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def not_text(body: bytes) -> str:
    """Say which format a body has instead of JSON in UTF-8, by its first bytes; empty if they do not tell."""
    packed = next((name for mark, name in _PACKED.items() if body.startswith(mark)), None)
    if packed is not None:
        return f"expected JSON in UTF-8, got {packed}: send it uncompressed"
    encoded = next((name for mark, name in _ENCODED.items() if body.startswith(mark)), None)
    return f"expected JSON in UTF-8, got {encoded}" if encoded is not None else ""


def _skim(body: bytes) -> None:
    """Raise ValueError or RecursionError if a body is not JSON, without making objects of its values."""
    try:
        _raw(body)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) != len(pairs):
        made.twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    return made


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _event(attributes: _Object, now: int) -> HallEvent:
    _check_once(attributes, "")
    attributes.update({name: whole(value) for name, value in attributes.items()})
    _check_extensions({name: value for name, value in attributes.items() if name not in ATTRIBUTES})
    given = {name: value for name, value in attributes.items() if value is not None}
    for name in _REQUIRED_ATTRIBUTES:
        if name not in given:
            raise Refused(Reason.BAD_ENVELOPE, name, f"expected {expectation(Envelope, name)}, got nothing")
    kind = _kind(given.pop("type"))
    _check_data(kind, given.get("data"))
    if isinstance(given.get("data"), dict):
        given["data"] = {name: whole(value) for name, value in given["data"].items()}
    extensions = {name: given.pop(name) for name in given.keys() - ATTRIBUTES}
    envelope = _converted(kind, given)
    check_texts(envelope)
    return hall_event(envelope, now, extensions)


def whole(value: Any) -> Any:
    """Return a number without a fraction as an integer, as JSON Schema counts it: 20.0 and 2e1 are 20."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value


_EXACT = 2.0**53


def _check_once(value: _Object, prefix: str) -> None:
    if value.twice is not None:
        raise Refused(Reason.DUPLICATE_FIELD, prefix + value.twice, "expected once, got twice")


def _check_extensions(extensions: Mapping[str, Any]) -> None:
    for name, value in extensions.items():
        if not _EXTENSION(name):
            raise Refused(
                Reason.UNKNOWN_ATTRIBUTE,
                name,
                "expected an attribute of the contract, or an extension: 1 to 20 of a-z, 0-9",
            )
        if not _is_extension_value(value):
            raise Refused(
                Reason.BAD_ENVELOPE,
                name,
                "expected text without control characters, a whole number of 32 bits, or true or false,"
                f" got {kind_of_value(value)}",
            )
    if sum(len(str(value)) for value in extensions.values()) > EXTENSIONS_SIZE:
        raise Refused(Reason.BAD_ENVELOPE, next(iter(extensions)), f"expected at most {EXTENSIONS_SIZE} characters")


def _is_extension_value(value: object) -> bool:
    if isinstance(value, str):
        return not _CONTROL(value)
    return value is None or isinstance(value, bool) or (isinstance(value, int) and -(2**31) <= value < 2**31)


def _kind(name: object) -> EventType:
    kind = TYPES_BY_NAME.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Refused(
            Reason.UNKNOWN_TYPE, "type", "expected an event type of the contract, such as hall.case.received.v1"
        )
    return kind


def _check_data(kind: EventType, data: object) -> None:
    cls = DATA_OF[kind]
    required = _REQUIRED_FIELDS[cls]
    if data is None and not required:
        return
    if data is None:
        raise Refused(Reason.MISSING_FIELD, "data", f"expected an object with {', '.join(required)}")
    if not isinstance(data, _Object):
        raise Refused(Reason.BAD_FIELD, "data", f"expected an object, got {kind_of_value(data)}")
    _check_once(data, "data.")
    _check_names(data, required, cls.__struct_fields__)


def _check_names(data: Mapping[str, Any], required: Iterable[str], known: Iterable[str]) -> None:
    for name in data:
        if name not in known:
            raise Refused(Reason.UNKNOWN_FIELD, f"data.{name}", f"expected only {', '.join(known)}")
    for name in required:
        if name not in data:
            raise Refused(Reason.MISSING_FIELD, f"data.{name}", "expected a value, got nothing")


def _converted(kind: EventType, attributes: dict[str, Any]) -> Envelope:
    try:
        return msgspec.convert(attributes | {"type": kind.wire_name}, ENVELOPES[kind])
    except msgspec.ValidationError as error:
        raise _refused_value(kind, attributes, str(error)) from None


def _refused_value(kind: EventType, attributes: Mapping[str, Any], message: str) -> Refused:
    found = _PATH(message)
    attribute, field = found.groups() if found else ("", None)
    if field is None:
        reason = Reason.BAD_TIME if attribute == "time" else Reason.BAD_ENVELOPE
        if reason is Reason.BAD_TIME and isinstance(attributes["time"], str):
            return Refused(reason, attribute, bad_time(attributes["time"]))
        wanted, value = expectation(Envelope, attribute), attributes.get(attribute)
        return Refused(reason, attribute, f"expected {wanted}, got {kind_of_value(value)}")
    cls = DATA_OF[kind]
    schema = next(msgspec.json.schema(one.type) for one in msgspec.structs.fields(cls) if one.name == field)
    got = _kind_out_of_bounds(schema, attributes["data"][field])
    return Refused(Reason.BAD_FIELD, f"data.{field}", f"expected {expectation(cls, field)}, got {got}")
