"""Rejections: refused events on a queue that loses nothing, each with its own bytes and the reason.

All rejections of a batch are written at once, as the bytes of their frames (AMQP 0-9-1, §§ 2.3.5, 4.2). pika encodes a
message value by value and writes each of its three frames with one system call: that took longer than all other work on
a refused event, and woke the broker for each frame.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pika import spec
from pika.channel import Channel
from pika.frame import Method
from pika.spec import BasicProperties

from hallpulse.broker.topology import REFUSED
from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.contract.reasons import Refusal

REASON, DETAIL, FIELD, SOURCE, REFUSED_AT = "x-reason", "x-detail", "x-field", "x-source", "x-refused-at"
ROUTING_KEY, USER = "x-routing-key", "x-user"
DEAD_LETTERED = "dead-lettered"
"""The x-reason of a message that no ingest refused: the broker took it off a partition, by a limit that is not ours."""
ON_BEHALF = "on-behalf-of:"
"""Stands before REGION.HALL in the property app_id of a message that a gateway's user sends for that hall.

A consumer accepts only that hall's events from the message, whatever its routing key and its body say.
"""
HEADERS = (REASON, DETAIL, FIELD, SOURCE, REFUSED_AT, ROUTING_KEY, USER)


class Rejection(NamedTuple):
    """A refusal with the routing key and user of its message, as `hall.refused` keeps it. user_id: as in `Delivery`."""

    refusal: Refusal
    routing_key: str
    user_id: str


def values_of(rejection: Rejection, at: str) -> tuple[str, ...]:
    """Return the headers of a refused event, in the order of HEADERS. at: the time of refusal."""
    refusal = rejection.refusal
    return (
        str(refusal.reason), refusal.detail, refusal.field, refusal.source, at,
        rejection.routing_key, rejection.user_id,
    )  # fmt: skip


def id_of(rejection: Rejection) -> str:
    """Return a refusal's id, 32 hexadecimal digits: the same on every copy, and if the same event is refused again."""
    refusal = rejection.refusal
    return id_from(str(refusal.reason), rejection.routing_key, rejection.user_id, refusal.body)


def id_from(reason: str, routing_key: str, user: str, body: bytes) -> str:
    """Return a refusal's id from the headers and the body of a copy."""
    digest = hashlib.sha256()
    for part in (reason, routing_key, user):
        raw = part.encode(errors="replace")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    digest.update(body)
    return digest.hexdigest()[:32]


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
"""The encoded names of headers, each followed by the sign of a text value."""
_TO_REFUSED = struct.pack(">HHH", _BASIC, _PUBLISH, 0) + _short("") + _short(REFUSED) + bytes([_MANDATORY])
_TYPE = _short(EVENT_TYPE)


def frames_of(rejections: Sequence[Rejection], at: datetime, channel: int, frame_max: int) -> bytes:
    """Return the frames that publish rejections to the refused queue: persistent, mandatory, the reason in headers."""
    method = _frame(_METHOD, channel, _TO_REFUSED)
    last = _LAST.pack(_PERSISTENT, int(at.timestamp()))
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds")
    parts: list[bytes] = []
    for rejection in rejections:
        body = rejection.refusal.body
        content = _CONTENT.pack(_BASIC, 0, len(body), _FLAGS) + _TYPE + _table(values_of(rejection, moment)) + last
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


class RejectionPublisher:
    """Publishes the rejections of one connection. lost: called with a line of text if the broker does not take one.

    The connection must then be opened again: messages that are not acknowledged come again, and so do their rejections.
    """

    def __init__(self, channel: Channel, lost: Callable[[str], None]) -> None:
        self._channel = channel
        self._lost = lost
        self._next_tag = 1
        self._waiting: dict[int, _Group] = {}
        channel.confirm_delivery(self._on_confirm)
        channel.add_on_return_callback(self._on_return)

    def post(self, rejections: Sequence[Rejection], safe: Callable[[], None]) -> None:
        """Publish the rejections and call `safe` once the broker has confirmed every one."""
        if not rejections:
            safe()
            return
        group = _Group(len(rejections), safe)
        for _ in rejections:
            self._waiting[self._next_tag] = group
            self._next_tag += 1
        connection = self._channel.connection
        number, frame_max = self._channel.channel_number, connection.params.frame_max
        connection.write(frames_of(rejections, datetime.now(UTC), number, frame_max))

    def _on_return(self, *_: Any) -> None:
        """Report the queue missing. The broker also confirms a message that it returns: it must not count as safe."""
        self._waiting.clear()
        self._lost(f"{REFUSED} is not there")

    def _on_confirm(self, frame: Method) -> None:
        confirmation = frame.method
        if not isinstance(confirmation, spec.Basic.Ack):
            self._waiting.clear()
            self._lost(f"{REFUSED} takes no more messages")
            return
        first = next(iter(self._waiting), 0) if confirmation.multiple else confirmation.delivery_tag
        for tag in range(first, confirmation.delivery_tag + 1):
            group = self._waiting.pop(tag, None)
            if group is not None:
                group.confirmed()


class _Group:
    def __init__(self, count: int, safe: Callable[[], None]) -> None:
        self._count = count
        self._safe = safe

    def confirmed(self) -> None:
        self._count -= 1
        if self._count == 0:
            self._safe()
