"""How ids, events and case histories lie in the database: MessagePack, ids of UUID form in 16 bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hallpulse.contract.events import DATA_OF, Accepted, CaseData, Data, EventType, HallEvent, Received
from hallpulse.domain.case import CaseEvent, Opening
from hallpulse.domain.measures import Entry

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TEXT_MARK = b"\xff"  # never part of UTF-8
_encoder = msgspec.msgpack.Encoder()
_encode = _encoder.encode
_history_decoder = msgspec.msgpack.Decoder(list[tuple[int, int, bytes, int | None, str | None, Opening | None]])
_entries_decoder = msgspec.msgpack.Decoder(list[Entry])
_decode_fields = msgspec.msgpack.Decoder(list[Any]).decode


def pack_id(id_: str) -> bytes:
    """16 bytes for a UUID in lower case; else 0xff and the text, never 16 bytes long."""
    if len(id_) == 36 and _UUID.fullmatch(id_):
        return bytes.fromhex(id_.replace("-", ""))
    packed = _TEXT_MARK + id_.encode()
    return packed + _TEXT_MARK if len(packed) == 16 else packed


def unpack_id(packed: bytes) -> str:
    if len(packed) == 16:
        text = packed.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return packed.strip(_TEXT_MARK).decode()


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


def case_event(event: HallEvent) -> CaseEvent:
    """What the fold needs of a case event."""
    data = event.data
    number: int | None = None
    text: str | None = None
    opening: Opening | None = None
    if isinstance(data, Received):
        opening = Opening(
            data.item_code,
            data.department,
            data.channel,
            data.unified,
            data.full_process,
            data.tolerated_missing,
            data.commitment,
            data.statutory_days,
            data.promised_days,
        )
    elif isinstance(data, Accepted):
        opening = Opening(
            None,
            None,
            None,
            data.unified,
            data.full_process,
            data.tolerated_missing,
            data.commitment,
            data.statutory_days,
            data.promised_days,
        )
    else:
        number = getattr(data, "days", None) or getattr(data, "score", None)
        text = getattr(data, "event_id", None) or getattr(data, "procedure", None)
    return CaseEvent(int(event.type), event.time, event.id, number, text, opening)


def pack_history(events: Sequence[CaseEvent], before: bytes = b"") -> bytes:
    """A history of events, those of an earlier one first: they are taken over as they are."""
    packed = [_encode((e.kind, e.time, pack_id(e.id), e.number, e.text, e.opening)) for e in events]
    count, start = _array_header(before) if before else (0, 0)
    return b"".join((_array_of(count + len(packed)), before[start:], *packed))


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
    return [
        CaseEvent(kind, time, unpack_id(id_), number, text, opening)
        for kind, time, id_, number, text, opening in _history_decoder.decode(packed)
    ]


def pack_entries(entries: Sequence[Entry]) -> bytes:
    return _encode(entries)


def unpack_entries(packed: bytes) -> list[Entry]:
    return _entries_decoder.decode(packed)
