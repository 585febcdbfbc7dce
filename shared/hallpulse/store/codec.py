"""How ids, events and case histories lie in the database: MessagePack, ids of UUID form in 16 bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hallpulse.contract.events import (
    DATA_OF,
    Accepted,
    CaseData,
    CaseOnly,
    CaseRetracted,
    Data,
    Decided,
    EventType,
    Extended,
    HallEvent,
    Rated,
    Received,
    Rejected,
    Suspended,
)
from hallpulse.domain.case import CaseEvent, Kind, Opening
from hallpulse.domain.measures import Entry

_encoder = msgspec.msgpack.Encoder()
_encode = _encoder.encode
_decode_history = msgspec.msgpack.Decoder(list[CaseEvent]).decode
_entries_decoder = msgspec.msgpack.Decoder(list[Entry])
_decode_fields = msgspec.msgpack.Decoder(list[Any]).decode


def pack_data(data: Data) -> tuple[str, bytes]:
    """The case id (empty where there is none) and the other fields in their order; new ones go to the end."""
    fields = msgspec.structs.astuple(data)
    if isinstance(data, CaseData):
        return data.case_id, _encode(fields[1:])
    return "", _encode(fields)


def unpack_data(kind: int, case_id: str, packed: bytes) -> Data:
    cls = DATA_OF[EventType(kind)]
    fields = _decode_fields(packed)
    return cls(case_id, *fields) if issubclass(cls, CaseData) else cls(*fields)


def case_event(event: HallEvent, key: bytes) -> CaseEvent:
    """What the fold needs of a case event; key: its packed id."""
    number, text, opening = _PARTS[type(event.data)](event.data)
    return CaseEvent(int(event.type), event.time, key, number, text, opening)


_Parts = tuple[int | None, str | None, Opening | None]
_NOTHING: _Parts = (None, None, None)
_fields = msgspec.structs.astuple


def _received(data: Received) -> _Parts:
    return None, None, Opening(*_fields(data)[1:])


def _accepted(data: Accepted) -> _Parts:
    return None, None, Opening(None, None, None, *_fields(data)[1:])


_PARTS: dict[type[Data], Callable[[Any], _Parts]] = {
    Received: _received,
    Accepted: _accepted,
    CaseOnly: lambda _: _NOTHING,
    Rejected: lambda _: _NOTHING,
    Decided: lambda _: _NOTHING,
    Suspended: lambda data: (None, data.procedure, None),
    Extended: lambda data: (data.days, None, None),
    Rated: lambda data: (data.score, None, None),
    CaseRetracted: lambda data: (None, data.event_id, None),
}
"""Data class → (number, text, opening) of `CaseEvent`; the fields of an opening are those of the data, in order."""


def stored_case_event(kind: int, time: int, key: bytes, fields: Sequence[Any]) -> CaseEvent:
    """The same, from what `events` holds: without the classes of the contract, which takes a third of the time."""
    return _FROM_FIELDS[kind](kind, time, key, fields)


_FromFields = Callable[[int, int, bytes, Sequence[Any]], CaseEvent]
_FROM_FIELDS: dict[int, _FromFields] = {
    **dict.fromkeys(map(int, Kind), lambda kind, time, key, _: CaseEvent(kind, time, key)),
    Kind.RECEIVED: lambda kind, time, key, fields: CaseEvent(kind, time, key, None, None, Opening(*fields)),
    Kind.ACCEPTED: lambda kind, time, key, fields: CaseEvent(
        kind, time, key, None, None, Opening(None, None, None, *fields)
    ),
    Kind.SUSPENDED: lambda kind, time, key, fields: CaseEvent(kind, time, key, None, fields[0]),
    Kind.EXTENDED: lambda kind, time, key, fields: CaseEvent(kind, time, key, fields[0]),
    Kind.RATED: lambda kind, time, key, fields: CaseEvent(kind, time, key, fields[0]),
    Kind.RETRACTED: lambda kind, time, key, fields: CaseEvent(kind, time, key, None, fields[0]),
}


def pack_history(events: Sequence[CaseEvent], before: bytes = b"") -> bytes:
    """A history of events, those of an earlier one first: they are taken over as they are."""
    packed = _encode(events)
    if not before:
        return packed
    (count, start), (more, at) = _array_header(before), _array_header(packed)
    return _array_of(count + more) + before[start:] + packed[at:]


def _array_header(packed: bytes) -> tuple[int, int]:
    """How many elements a MessagePack array has, and where the first begins."""
    if packed[0] & 0xF0 == 0x90:
        return packed[0] & 0x0F, 1
    width = 2 if packed[0] == 0xDC else 4
    return int.from_bytes(packed[1 : 1 + width], "big"), 1 + width


def _array_of(count: int) -> bytes:
    """The header of a MessagePack array."""
    if count < 16:
        return bytes((0x90 | count,))
    return b"\xdc" + count.to_bytes(2, "big") if count < 65_536 else b"\xdd" + count.to_bytes(4, "big")


def unpack_history(packed: bytes) -> list[CaseEvent]:
    return _decode_history(packed)


def pack_entries(entries: Sequence[Entry]) -> bytes:
    return _encode(entries)


def unpack_entries(packed: bytes) -> list[Entry]:
    return _entries_decoder.decode(packed)
