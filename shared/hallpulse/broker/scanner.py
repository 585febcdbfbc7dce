"""Whole deliveries straight from the bytes of a connection, as AMQP 0-9-1 lays them out (§ 2.3.5, 4.2).

A delivery is three frames: the method Basic.Deliver, a content header with the properties, and the body. From one
sender the routing key and the properties are the same bytes each time, and are read once.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from pika import spec

from hallpulse.contract.speaker import FOR, hall_of

from .batch import Delivery
from .headless import without_headers
from .refused import ON_BEHALF

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
    """What the deliveries of one sender share."""

    content_type: str | None
    routing_key: str
    user_id: str | None


class Scanned(NamedTuple):
    """end: where the deliveries end that were found; wait: what follows may be one more, once it is all there.

    Otherwise what follows is something else, for pika to look at.
    """

    end: int
    wait: bool


class Scanner:
    """Finds deliveries of one channel; `consumers`: the tags of those whose messages are wanted."""

    def __init__(self, channel: int) -> None:
        self.consumers: set[bytes] = set()
        self._channel = channel
        self._origins: dict[tuple[bytes, bytes], Origin] = {}

    def scan(self, buffer: bytes, at: int, found: list[Delivery], tags: set[bytes]) -> Scanned:
        """Append the deliveries that begin at a place and lie in the buffer whole, and note their consumers' tags."""
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
        """route: the exchange and the routing key, each with its length before it."""
        start = 2 + route[0]
        routing_key = route[start : start + route[start - 1]]
        origin = origin_of(routing_key, spec.BasicProperties().decode(without_headers(properties)))
        if len(properties) > _KNOWN_BYTES:  # headers, which only the sender can want: not worth the memory
            return origin
        if len(self._origins) >= _KNOWN_AT_MOST:  # senders that put something new into each message
            self._origins.clear()
        self._origins[route, properties] = origin
        return origin


def origin_of(routing_key: str | bytes, properties: spec.BasicProperties) -> Origin:
    """pika hands over what is no UTF-8 as bytes: such text is nobody's, and is refused for it."""
    user = publisher_of(_text(properties.user_id), _text(properties.app_id) or "")
    return Origin(_text(properties.content_type), _text(routing_key) or "", user)


def publisher_of(user: str | None, app: str) -> str | None:
    """The user, and which hall it says it speaks for: a hall's own user speaks for no other, whatever it says."""
    if not user or not app.startswith(ON_BEHALF) or hall_of(user) is not None:
        return user
    named = app.removeprefix(ON_BEHALF)
    return user + FOR + (named if hall_of(named) is not None else "?")


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _may_be_delivery(buffer: bytes, at: int, channel: int) -> bool:
    """Whether what there is of a frame fits a delivery of this channel."""
    start = struct.pack(">BH", _METHOD, channel)
    method = buffer[at + 7 : at + 11]
    return start.startswith(buffer[at : at + 3]) and struct.pack(">L", _DELIVER).startswith(method)
