"""Which events may take the fast path: those where msgspec's pass, and a look at the bytes, say all there is to say."""

from __future__ import annotations

import re

import msgspec

from .envelope import Envelope
from .events import DATA_CLASSES, Code, ItemPublished

_DELETE, _BACKSLASH = b"\x7f\\"  # as numbers, which are looked up in bytes seven times as fast
_ESCAPED_CONTROL_OR_COLON = re.compile(rb"\\(?:[bfnrt]|u00[0137])").search


def is_plain(envelope: Envelope, body: bytes) -> bool:
    """Whether surely no name is given twice, no text has control characters, no code has white space at an end.

    False means: look closer. Control characters can only be escaped in JSON (but U+007F). msgspec takes the last of
    two fields of one name, so names are counted by their colons: `time` has the only others of a plain event.
    """
    data = envelope.data
    if type(data) is ItemPublished:  # a flag left out looks like a flag sent false: its names cannot be counted
        return False
    if envelope.datacontenttype not in (None, "application/json"):
        return False
    attributes = msgspec.structs.astuple(envelope)
    colons = 1 + len(attributes) - attributes.count(None) + envelope.time.count(":")
    if data is not None:
        fields = msgspec.structs.astuple(data)
        colons += len(fields) - fields.count(None)
        for position in _CODES[type(data)]:
            code = fields[position]
            if code is not None and code != code.strip():
                return False
    if body.count(b":") != colons or _DELETE in body:
        return False
    return _BACKSLASH not in body or not _ESCAPED_CONTROL_OR_COLON(body)


def _code_positions(cls: type[msgspec.Struct]) -> tuple[int, ...]:
    return tuple(
        position for position, field in enumerate(msgspec.structs.fields(cls)) if field.type in (Code, Code | None)
    )


_CODES = {cls: _code_positions(cls) for cls in DATA_CLASSES}
