"""Message properties that no client library makes: a table of headers given as bytes."""

from __future__ import annotations

import struct
from typing import Any

import pika

_EMPTY = b"\0\0\0\0"
"""A table without fields: its length alone."""


class RawHeaders(pika.BasicProperties):
    """As BasicProperties, but for a table of headers that is put in as it is (AMQP 0-9-1, § 4.2.5.5)."""

    def __init__(self, table: bytes, **given: Any) -> None:
        super().__init__(headers={}, **given)
        self._table = struct.pack(">I", len(table)) + table

    def encode(self) -> list[bytes]:
        pieces: list[bytes] = super().encode()
        pieces[pieces.index(_EMPTY)] = self._table
        return pieces


def timestamp_beyond_time() -> bytes:
    """A moment some 600 thousand million years ahead."""
    return b"\x01tT" + b"\xff" * 8


def tables_in_tables(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = b"\x01tF" + struct.pack(">I", len(inner)) + inner
    return inner


def arrays_in_arrays(depth: int) -> bytes:
    inner = b"V"
    for _ in range(depth):
        inner = b"A" + struct.pack(">I", len(inner)) + inner
    return b"\x01a" + inner


def as_many_as_fit() -> bytes:
    """Thousands of headers, all that one frame holds."""
    return b"".join(b"\x05" + b"%05d" % number + b"V" for number in range(18_000))
