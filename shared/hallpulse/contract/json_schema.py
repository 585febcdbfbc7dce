"""JSON Schemas of everything on the wire, from the types that decode it and the rules that the types cannot state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hallpulse.contract.validation import COMPUTED_IDS

from .decode import MAX_BATCH
from .envelope import ENVELOPES
from .events import EventType
from .examine import EXTENSIONS_SIZE
from .examples import example
from .values import anchored

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LOCAL = "#/$defs/{name}"
_NAMES: Schema = {"maxLength": 20, **anchored("^[a-z0-9]+$")}
"""The form of attribute names: those of the contract have it, and extensions must."""
_EXTENSION: Schema = {
    "title": "Extension",
    "description": "a CloudEvents extension: text without control characters, a whole number of 32 bits, true or false",
    "anyOf": [
        {"type": "string", "maxLength": EXTENSIONS_SIZE, **anchored(r"^[^\x00-\x1f\x7f]*$")},
        {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        {"type": ["boolean", "null"]},
    ],
}


def components(kinds: Iterable[EventType] = EventType, ref_template: str = _LOCAL) -> dict[str, Schema]:
    """Return schemas by name: the envelopes of these event types, and their data."""
    wanted = [ENVELOPES[kind] for kind in kinds]
    _, defs = msgspec.json.schema_components(wanted, ref_template=ref_template)
    defs["Extension"] = _EXTENSION
    for envelope in wanted:
        defs[envelope.__name__]["propertyNames"] = _NAMES
        defs[envelope.__name__]["additionalProperties"] = {"$ref": ref_template.format(name="Extension")}
    if (item := defs.get("ItemPublished")) is not None:
        item["if"] = {"properties": {"handling": {"const": "instant"}}}
        item["then"] = {"properties": {"promised_days": {"enum": [0, None]}}}
    if (figure := defs.get("FigureReported")) is not None:
        indicator = figure["properties"]["indicator"]
        indicator["not"] = {"anyOf": [indicator["not"], {"enum": sorted(COMPUTED_IDS)}]}
    return {name: _portable(schema) for name, schema in sorted(defs.items())}


def _portable(value: Any) -> Any:
    """Return a schema with its patterns as JSON Schema writes them; msgspec gives some in Python's notation."""
    if isinstance(value, dict):
        return {
            name: one.replace(r"\Z", "$") if name == "pattern" and isinstance(one, str) else _portable(one)
            for name, one in value.items()
        }
    return [_portable(one) for one in value] if isinstance(value, list) else value


def event_schema(kind: EventType) -> Schema:
    """Return the schema of one event type, complete in itself."""
    return {
        "$schema": DIALECT,
        "$id": f"urn:hallpulse:schema:{kind.wire_name}",
        "title": kind.wire_name,
        "$ref": _LOCAL.format(name=ENVELOPES[kind].__name__),
        "examples": [example(kind)],
        "$defs": components([kind]),
    }


def batch_schema() -> Schema:
    """Return the schema of a batch, complete in itself."""
    return {
        "$schema": DIALECT,
        "$id": "urn:hallpulse:schema:batch",
        "title": "batch",
        **batch_of(_LOCAL),
        "$defs": components(),
    }


def batch_of(ref_template: str) -> Schema:
    """Return the schema of an array of events; the template makes the references to their schemas."""
    listed = [{"$ref": ref_template.format(name=ENVELOPES[kind].__name__)} for kind in EventType]
    return {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": {"anyOf": listed}}
