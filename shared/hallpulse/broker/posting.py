"""Refused events as the bytes of their frames, those of a batch at once (AMQP 0-9-1, §§ 2.3.5, 4.2).

pika encodes a message value by value and writes each of its three frames with a system call of its own: for a refused
event that took longer than all else that is done with it, and the broker was woken for each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pika.spec import BasicProperties

from hallpulse.contract.decode import EVENT_TYPE

from .refused import HEADERS, Letter, values_of
from .topology import REFUSED

_FRAME, _LONG = struct.Struct(">BHL"), struct.Struct(">L")
_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_ABOUT_A_FRAME = _FRAME.size + len(_END)
_CONTENT, _LAST = struct.Struct(">HHQH"), struct.Struct(">BQ")
"""Before the content type: class, weight, size of the body, flags; after the headers: delivery mode, timestamp."""
_BASIC, _PUBLISH, _MANDATORY, _PERSISTENT = 60, 40, 1, 2
_FLAGS = (
    BasicProperties.FLAG_CONTENT_TYPE
    | BasicProperties.FLAG_HEADERS
    | BasicProperties.FLAG_DELIVERY_MODE
    | BasicProperties.FLAG_TIMESTAMP
)


def _short(text: str) -> bytes:
    raw = text.encode()
    return bytes([len(raw)]) + raw


_NAMES = tuple(_short(name) + b"S" for name in HEADERS)
"""Each with the sign of a text behind it."""
_TO_REFUSED = struct.pack(">HHH", _BASIC, _PUBLISH, 0) + _short("") + _short(REFUSED) + bytes([_MANDATORY])
_TYPE = _short(EVENT_TYPE)


def frames_of(letters: Sequence[Letter], at: datetime, channel: int, frame_max: int) -> bytes:
    """The letters published to the refused queue: persistent and mandatory, with the reason in their headers."""
    method = _frame(_METHOD, channel, _TO_REFUSED)
    last = _LAST.pack(_PERSISTENT, int(at.timestamp()))
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds")
    parts: list[bytes] = []
    for letter in letters:
        body = letter.refusal.body
        content = _CONTENT.pack(_BASIC, 0, len(body), _FLAGS) + _TYPE + _table(values_of(letter, moment)) + last
        parts += (method, _frame(_HEADER, channel, content), *_bodies(body, channel, frame_max - _ABOUT_A_FRAME))
    return b"".join(parts)


def _bodies(body: bytes, channel: int, most: int) -> Iterator[bytes]:
    for start in range(0, len(body), most):
        yield _frame(_BODY, channel, body[start : start + most])


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel, len(payload)) + payload + _END


def _table(values: Sequence[str]) -> bytes:
    entries = b"".join([name + _long(value) for name, value in zip(_NAMES, values, strict=True)])
    return _LONG.pack(len(entries)) + entries


def _long(text: str) -> bytes:
    raw = text.encode(errors="replace")
    return _LONG.pack(len(raw)) + raw
