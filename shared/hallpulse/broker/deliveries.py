"""Deliveries read from the bytes of a connection.

The one place that reads deliveries from the bytes of AMQP 0-9-1 (§§ 2.3.5, 4.2), for `DirectConnection.deliver`. pika
decodes a message in three steps and some ten objects, one message at a time: 9 µs, while decoding and checking the
event takes 4 (docs/decisions/0004-deliveries-from-the-bytes.md). Here whole deliveries of three frames (the method
Basic.Deliver, a content header with the properties, the body) are taken from the bytes at once, 1.4 µs each. A sender's
routing key and properties are the same bytes each time, and are decoded once. All else is left to pika, also unusual
deliveries: in more frames, of another channel, without a body.

Message properties come without the table of headers: no one reads it here, and a hall may send headers that pika cannot
decode (an impossible time, tables a thousand deep). pika would treat that as a fault of the connection, and the message
would come again on the next connection, without end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pika import SelectConnection, frame, spec

from hallpulse.broker.rejections import ON_BEHALF
from hallpulse.contract.identity import FOR, hall_of, importing


class Delivery(NamedTuple):
    """A message as the broker delivered it.

    user_id: the property that the broker checked, followed by the hall that it speaks for, if any (`publisher_of`).
    """

    tag: int
    body: bytes
    content_type: str | None
    routing_key: str
    user_id: str | None


_FRAME = struct.Struct(">BHL")
"""Frame type, channel, size."""
_BEFORE_PROPERTIES = 12
"""Bytes of a content header before the properties: class, weight, size of the body."""
_FLAGS, _SIZE = struct.Struct(">H"), struct.Struct(">L")
_BEFORE_HEADERS = (spec.BasicProperties.FLAG_CONTENT_TYPE, spec.BasicProperties.FLAG_CONTENT_ENCODING)
_HEADERS = spec.BasicProperties.FLAG_HEADERS


def without_headers(properties: bytes) -> bytes:
    """Return properties (AMQP 0-9-1, § 4.2.6.1) without the table of headers, which is skipped by its size."""
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
        last = header_end(self._frame_buffer)
        if last is None:
            read: tuple[int, Any] = super()._read_frame()
            return read
        return decoded_without_headers(self._frame_buffer, last)


def header_end(buffer: bytes) -> int | None:
    """Return where a content header ends, if the buffer begins with one."""
    if len(buffer) < _FRAME.size or buffer[0] != spec.FRAME_HEADER:
        return None
    return _FRAME.size + int(_FRAME.unpack_from(buffer)[2])


def decoded_without_headers(buffer: bytes, last: int) -> tuple[int, Any]:
    """Return the end and the content header decoded without its headers; 0 and None while the buffer lacks its end."""
    if len(buffer) <= last:
        return 0, None
    kind, channel, _ = _FRAME.unpack_from(buffer)
    start = _FRAME.size + _BEFORE_PROPERTIES
    content = buffer[_FRAME.size : start] + without_headers(buffer[start:last])
    shorter = _FRAME.pack(kind, channel, len(content)) + content + buffer[last : last + 1]
    return last + 1, frame.decode_frame(shorter)[1]


_METHOD_FRAME = struct.Struct(">BHLLB").unpack_from
"""Frame type, channel, size; class and method in one; length of the consumer tag."""
_HEADER_FRAME = struct.Struct(">BHLHHQ").unpack_from
"""Frame type, channel, size; class, weight, size of the body."""
_BODY_FRAME = struct.Struct(">BHL").unpack_from
_LONG_LONG = struct.Struct(">Q").unpack_from
_METHOD, _HEADER = spec.FRAME_METHOD, spec.FRAME_HEADER
_FRAME_ENDS = (spec.FRAME_END,) * 3
_DELIVER = spec.Basic.Deliver.INDEX
_KNOWN_AT_MOST, _KNOWN_BYTES = 4096, 512


class Origin(NamedTuple):
    """The properties that the deliveries of one sender share."""

    content_type: str | None
    routing_key: str
    user_id: str | None


class Scanned(NamedTuple):
    """The outcome of a scan of the buffer.

    end: where the found deliveries end; wait: the bytes after it may become one more delivery when the rest has come;
    otherwise they are something else, which is left to pika.
    """

    end: int
    wait: bool


class Scanner:
    """Finds deliveries of one channel. consumers: the tags of the consumers whose messages are wanted."""

    def __init__(self, channel: int) -> None:
        self.consumers: set[bytes] = set()
        self._channel = channel
        self._origins: dict[tuple[bytes, bytes], Origin] = {}

    def scan(self, buffer: bytes, at: int, found: list[Delivery], tags: set[bytes]) -> Scanned:
        """Append the whole deliveries from `at` on in the buffer to `found`, and their consumers' tags to `tags`."""
        end, number, consumers = len(buffer), self._channel, self.consumers
        try:
            while at < end:
                kind, channel, size, method, tag_size = _METHOD_FRAME(buffer, at)
                header = at + 8 + size
                frame, of, header_size, _, _, body_size = _HEADER_FRAME(buffer, header)
                if (kind, channel, method, frame, of) != (_METHOD, number, _DELIVER, _HEADER, number) or not body_size:
                    return Scanned(at, wait=False)
                body = header + 8 + header_size
                after = body + 8 + body_size
                if _BODY_FRAME(buffer, body) != (spec.FRAME_BODY, number, body_size):  # in several frames
                    return Scanned(at, wait=False)
                if after > end:
                    return Scanned(at, wait=True)
                tag_end = at + 12 + tag_size
                tag = buffer[at + 12 : tag_end]
                ends = buffer[header - 1], buffer[body - 1], buffer[after - 1]
                if tag not in consumers or ends != _FRAME_ENDS:
                    return Scanned(at, wait=False)
                tags.add(tag)
                key = buffer[tag_end + 9 : header - 1], buffer[header + 19 : body - 1]
                (delivery_tag,) = _LONG_LONG(buffer, tag_end)
                content = buffer[body + 7 : after - 1]
                found.append(Delivery(delivery_tag, content, *(self._origins.get(key) or self._origin(*key))))
                at = after
        except struct.error:
            return Scanned(at, wait=_may_be_delivery(buffer, at, number))
        return Scanned(at, wait=True)

    def _origin(self, route: bytes, properties: bytes) -> Origin:
        """Return a delivery's origin. route: exchange and routing key, each with its length before it."""
        start = 2 + route[0]
        routing_key = route[start : start + route[start - 1]]
        origin = origin_of(routing_key, spec.BasicProperties().decode(without_headers(properties)))
        if len(properties) > _KNOWN_BYTES:  # headers of the sender's own: not worth the memory
            return origin
        if len(self._origins) >= _KNOWN_AT_MOST:  # senders whose properties differ in each message
            self._origins.clear()
        self._origins[route, properties] = origin
        return origin


def origin_of(routing_key: str | bytes, properties: spec.BasicProperties) -> Origin:
    """Return the origin of a message. pika gives texts that are not UTF-8 as bytes: no user has such a name."""
    app = _text(properties.app_id) or ""
    user = importing(publisher_of(_text(properties.user_id), app), app)
    return Origin(_text(properties.content_type), _text(routing_key) or "", user)


def publisher_of(user: str | None, app: str) -> str | None:
    """Return the user, followed by the hall that it says it speaks for; a hall's own user speaks for no other hall."""
    if not user or not app.startswith(ON_BEHALF) or hall_of(user) is not None:
        return user
    named = app.removeprefix(ON_BEHALF)
    return user + FOR + (named if hall_of(named) is not None else "?")


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _may_be_delivery(buffer: bytes, at: int, channel: int) -> bool:
    """Return whether the bytes of an incomplete frame may begin a delivery of this channel."""
    start = struct.pack(">BH", _METHOD, channel)
    method = buffer[at + 7 : at + 11]
    return start.startswith(buffer[at : at + 3]) and struct.pack(">L", _DELIVER).startswith(method)


_RECEIVE_BYTES = 128 * 1024
"""Bytes read from the socket at once; pika's own 4 KiB would be ten messages."""

Take = Callable[[Sequence[Delivery], set[bytes]], None]
"""A function called with deliveries in order, and the tags of their consumers. It must not raise."""


class DirectConnection(HeadlessConnection):
    """A connection that hands over the deliveries of one channel in bulk, once `deliver` has been called."""

    _scanner: Scanner | None = None
    _take: Take | None = None

    def deliver(self, scanner: Scanner, take: Take) -> None:
        self._scanner, self._take = scanner, take

    def write(self, frames: bytes) -> None:
        """Write frames as they are, after all that was written before."""
        self._adapter_emit_data(frames)

    def _proto_connection_made(self, transport: Any) -> None:
        transport._MAX_RECV_BYTES = _RECEIVE_BYTES  # of this transport alone
        super()._proto_connection_made(transport)

    def _on_data_available(self, data_in: bytes) -> None:
        if self._scanner is None or self._take is None:
            super()._on_data_available(data_in)
            return
        self._frame_buffer += data_in
        while self._frame_buffer and not self._hand_over(self._scanner, self._take):
            consumed, value = self._read_frame()
            if not value:
                return
            self._trim_frame_buffer(consumed)
            self._process_frame(value)

    def _hand_over(self, scanner: Scanner, take: Take) -> bool:
        """Take the deliveries at the beginning of the buffer; return whether the rest must wait for more bytes."""
        found: list[Delivery] = []
        tags: set[bytes] = set()
        end, wait = scanner.scan(self._frame_buffer, 0, found, tags)
        if found:
            self._trim_frame_buffer(end)
            take(found, tags)
        return wait
