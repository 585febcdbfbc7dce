"""An event's id in few bytes, as it is stored: every case keeps the ids of its events."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_TEXT_MARK = b"\xff"  # never part of UTF-8


def pack_id(id_: str) -> bytes:
    """16 bytes for a UUID in lower case; else 0xff and the text, never 16 bytes long."""
    if len(id_) == 36 and _UUID(id_):
        return bytes.fromhex(id_.replace("-", ""))
    packed = _TEXT_MARK + id_.encode()
    return packed + _TEXT_MARK if len(packed) == 16 else packed


def unpack_id(packed: bytes) -> str:
    if len(packed) == 16:
        text = packed.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return packed.strip(_TEXT_MARK).decode()
