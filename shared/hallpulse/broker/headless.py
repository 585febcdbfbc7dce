"""Message properties without the table of headers, which nobody here reads and anybody may fill.

A hall may send what pika cannot decode: a time beyond all times, tables a thousand deep. pika takes that for a fault of
the connection, and the message would come again on the next one, without end.
"""

from __future__ import annotations

import struct
from typing import Any

from pika import SelectConnection, frame, spec

UNREADABLE = "x-unreadable"
"""The only header of a message whose headers cannot be decoded."""

_FRAME = struct.Struct(">BHL")
"""Frame type, channel, size."""
_BEFORE_PROPERTIES = 12
"""Of a content header: class, weight, size of the body."""
_FLAGS, _SIZE = struct.Struct(">H"), struct.Struct(">L")
_BEFORE_HEADERS = (spec.BasicProperties.FLAG_CONTENT_TYPE, spec.BasicProperties.FLAG_CONTENT_ENCODING)
_HEADERS = spec.BasicProperties.FLAG_HEADERS


def without_headers(properties: bytes) -> bytes:
    """The same properties (AMQP 0-9-1, § 4.2.6.1) but for the headers: stepped over, since their size comes first."""
    (flags,) = _FLAGS.unpack_from(properties)
    if not flags & _HEADERS:
        return properties
    at = _FLAGS.size
    for flag in _BEFORE_HEADERS:
        if flags & flag:
            at += 1 + properties[at]
    (size,) = _SIZE.unpack_from(properties, at)
    return _FLAGS.pack(flags & ~_HEADERS) + properties[_FLAGS.size : at] + properties[at + _SIZE.size + size :]


class HeadlessConnection(SelectConnection):  # type: ignore[misc]  # pika is not typed to the end
    """A SelectConnection whose messages have no headers."""

    def _read_frame(self) -> tuple[int, Any]:
        last = _header_end(self._frame_buffer)
        if last is None:
            read: tuple[int, Any] = super()._read_frame()
            return read
        return _without_headers(self._frame_buffer, last)


class ForgivingConnection(SelectConnection):  # type: ignore[misc]  # as above
    """A SelectConnection that has UNREADABLE for headers which it cannot decode, and goes on."""

    def _read_frame(self) -> tuple[int, Any]:
        try:
            read: tuple[int, Any] = super()._read_frame()
            return read
        except Exception:  # pika lets through whatever its reading of a table runs into
            last = _header_end(self._frame_buffer)
            if last is None:
                raise
        size, header = _without_headers(self._frame_buffer, last)
        if header is not None:
            header.properties.headers = {UNREADABLE: True}
        return size, header


def _header_end(buffer: bytes) -> int | None:
    """Where a content header ends, if the buffer begins with one."""
    if len(buffer) < _FRAME.size or buffer[0] != spec.FRAME_HEADER:
        return None
    return _FRAME.size + int(_FRAME.unpack_from(buffer)[2])


def _without_headers(buffer: bytes, last: int) -> tuple[int, Any]:
    """The content header that ends at a place, decoded without its headers; 0 and None while not all of it is there."""
    if len(buffer) <= last:
        return 0, None
    kind, channel, _ = _FRAME.unpack_from(buffer)
    start = _FRAME.size + _BEFORE_PROPERTIES
    content = buffer[_FRAME.size : start] + without_headers(buffer[start:last])
    shorter = _FRAME.pack(kind, channel, len(content)) + content + buffer[last : last + 1]
    return last + 1, frame.decode_frame(shorter)[1]
