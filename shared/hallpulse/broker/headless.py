"""Message properties without the table of headers, which nobody here reads and anybody may fill.

A hall may send what pika cannot decode: a time beyond all times, tables a thousand deep. pika takes that for a fault of
the connection, and the message would come again on the next one, without end.
"""

from __future__ import annotations

import struct
from typing import Any

from pika import SelectConnection, frame, spec

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
        buffer: bytes = self._frame_buffer
        if len(buffer) < _FRAME.size or buffer[0] != spec.FRAME_HEADER:
            read: tuple[int, Any] = super()._read_frame()
            return read
        kind, channel, size = _FRAME.unpack_from(buffer)
        last = _FRAME.size + size
        if len(buffer) <= last:
            return 0, None
        start = _FRAME.size + _BEFORE_PROPERTIES
        content = buffer[_FRAME.size : start] + without_headers(buffer[start:last])
        shorter = _FRAME.pack(kind, channel, len(content)) + content + buffer[last : last + 1]
        return last + 1, frame.decode_frame(shorter)[1]
