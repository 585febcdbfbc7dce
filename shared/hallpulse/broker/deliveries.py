"""Deliveries read from the bytes of a connection, and the batches that they are gathered in.

The one place that reads AMQP 0-9-1 by bytes (§§ 2.3.5, 4.2); its door is `DirectConnection.deliver`. pika decodes a
message in three steps and some ten objects, one message at a time: 9 µs, where decoding and checking the event takes 4
(docs/decisions/0004-deliveries-from-the-bytes.md). Here whole deliveries, each three frames (the method Basic.Deliver,
a content header with the properties, the body), are taken from the bytes at once, 1.4 µs each; from one sender the
routing key and the properties are the same bytes each time, and are read once. Everything else, and what is not an
ordinary delivery (in several frames, of another channel, without a body), is left to pika.

Message properties come without the table of headers: no one reads it here, and a hall may send what pika cannot decode
(a time beyond all times, tables a thousand deep). pika takes that for a fault of the connection, and the message would
come again on the next one, without end.
"""

from __future__ import annotations

import functools
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pika import SelectConnection, frame, spec

from hallpulse.broker.rejections import ON_BEHALF
from hallpulse.contract.identity import FOR, hall_of, importing

MANY = 64
GATHER_SECONDS = 0.025


class Delivery(NamedTuple):
    """A message as the broker delivered it.

    user_id: the property that the broker checked, and behind it which hall it speaks for, if it says so (`scanner`).
    """

    tag: int
    body: bytes
    content_type: str | None
    routing_key: str
    user_id: str | None


@dataclass(slots=True, eq=False)
class Batch:
    """Deliveries of one channel in their order, up to and with delivery tag `last_tag`.

    opened: when its first delivery came (seconds of a monotonic clock); generation: the connection it came by;
    size: about how many events there are, the broken ones among them; safe: committed, its refused events confirmed;
    left: it comes again instead; aside: of halls that are served more slowly alone.
    """

    generation: int
    opened: float = 0.0
    last_tag: int = 0
    bytes: int = 0
    size: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    safe: bool = False
    left: bool = False
    aside: bool = False

    def add(self, delivery: Delivery, now: float) -> None:
        if not self.deliveries:
            self.opened = now
        self.deliveries.append(delivery)
        self.bytes += len(delivery.body)
        self.size += _events_in(delivery)
        self.last_tag = delivery.tag

    def is_due(self, now: float, *, most_events: int, most_seconds: float, idle: bool) -> bool:
        """Return whether to hand it on: when full or old, and soon when the database has nothing to do.

        idle: nothing is being committed. A few events then go at once; where many come, more are waited for, since
        every batch costs the broker and the database the same however small it is.
        """
        if not self.deliveries:
            return False
        age = now - self.opened
        return self.size >= most_events or age >= most_seconds or (idle and (self.size < MANY or age >= GATHER_SECONDS))


class HallsSlowed(Exception):
    """Raised by a commit that stored nothing: halls of the batch are to be served more slowly, the others without them.

    The batch is to be divided, and committed in parts.
    """


class Gathering:
    """Batches that are not handed on: full ones, and one that is being filled.

    begun: told of each batch's first delivery; aside: of halls that are served more slowly.
    """

    def __init__(
        self, generation: int, most_events: int, begun: Callable[[Batch], None], *, aside: bool = False
    ) -> None:
        self._most = most_events
        self._begun = begun
        self._full: deque[Batch] = deque()
        self._new = functools.partial(Batch, generation, aside=aside)
        self._batch = self._new()

    def __iter__(self) -> Iterator[Batch]:
        """Those that hold something, the oldest first."""
        yield from self._full
        if self._batch.deliveries:
            yield self._batch

    @property
    def has_full(self) -> bool:
        return bool(self._full)

    def take(self, deliveries: Sequence[Delivery], now: float) -> None:
        batch, most = self._batch, self._most
        for delivery in deliveries:
            is_first = not batch.deliveries
            batch.add(delivery, now)
            if is_first:
                self._begun(batch)
            if batch.size >= most:
                self._full.append(batch)
                batch = self._batch = self._new()

    def take_again(self, deliveries: Sequence[Delivery], opened: float) -> None:
        """Take deliveries out of a batch that was divided, in batches apart: they come before what is here."""
        again = deque([self._new()])
        for delivery in deliveries:
            again[-1].add(delivery, opened)
            if again[-1].size >= self._most:
                again.append(self._new())
        divided = [batch for batch in again if batch.deliveries]
        for batch in divided:
            self._begun(batch)
        self._full.extendleft(reversed(divided))

    def next(self, is_due: Callable[[Batch], bool]) -> Batch | None:
        """Hand on the oldest that is full, or the one that is being filled where it is due."""
        if self._full:
            return self._full.popleft()
        if not is_due(self._batch):
            return None
        batch, self._batch = self._batch, self._new()
        return batch

    def leave(self) -> None:
        """Hand on none of what is here: it comes again."""
        for batch in self:
            batch.left = True
        self._full.clear()
        self._batch = self._new()


class Unacknowledged:
    """The batches of a channel from their first delivery to their acknowledgement.

    One acknowledgement stands for all deliveries up to its tag, and the tag must be that of a delivery which the broker
    still waits for. So whole batches are acknowledged, each once no delivery before its last one is unsafe.
    """

    def __init__(self) -> None:
        self._batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        self._batches.append(batch)

    def divide(self, batch: Batch) -> None:
        """Forget a batch whose deliveries were added again in others."""
        self._batches.remove(batch)

    def take_safe(self) -> list[Batch]:
        """Take out the batches that can be acknowledged now, up to the greatest of their last tags."""
        unsafe = min((batch.deliveries[0].tag for batch in self._batches if not batch.safe), default=None)
        done = [batch for batch in self._batches if batch.safe and (unsafe is None or batch.last_tag < unsafe)]
        self._batches = [batch for batch in self._batches if batch not in done]
        return done

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is on its way to being safe."""
        return all(batch.safe or batch.left for batch in self._batches)


def _events_in(delivery: Delivery) -> int:
    """Each event names the version of its specification once; the decoder counts exactly."""
    if delivery.content_type is None or "batch" not in delivery.content_type:
        return 1
    return delivery.body.count(b'"specversion"') or 1


_FRAME = struct.Struct(">BHL")
"""Frame type, channel, size."""
_BEFORE_PROPERTIES = 12
"""Of a content header: class, weight, size of the body."""
_FLAGS, _SIZE = struct.Struct(">H"), struct.Struct(">L")
_BEFORE_HEADERS = (spec.BasicProperties.FLAG_CONTENT_TYPE, spec.BasicProperties.FLAG_CONTENT_ENCODING)
_HEADERS = spec.BasicProperties.FLAG_HEADERS


def without_headers(properties: bytes) -> bytes:
    """Properties (AMQP 0-9-1, § 4.2.6.1) without the headers, which are stepped over, since their size comes first."""
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
    """The content header that ends at a place, decoded without its headers; 0 and None while not all of it is there."""
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

    end: where the deliveries end that were found; wait: what follows may be one more, once it is all there.

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
        """Return a delivery's origin. route: exchange and routing key, each with its length before it."""
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
    """pika hands over what is no UTF-8 as bytes: no user has such a name, and it is refused."""
    app = _text(properties.app_id) or ""
    user = importing(publisher_of(_text(properties.user_id), app), app)
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
    """Return whether what there is of a frame fits a delivery of this channel."""
    start = struct.pack(">BH", _METHOD, channel)
    method = buffer[at + 7 : at + 11]
    return start.startswith(buffer[at : at + 3]) and struct.pack(">L", _DELIVER).startswith(method)


_RECEIVE_BYTES = 128 * 1024
"""Bytes to be read from the socket at once; pika's own 4 KiB are ten messages."""

Take = Callable[[Sequence[Delivery], set[bytes]], None]
"""Called with deliveries in their order, and the tags of the consumers they are for. It must not raise."""


class DirectConnection(HeadlessConnection):
    """A connection that hands over the deliveries of one channel in bulk, once `deliver` was called."""

    _scanner: Scanner | None = None
    _take: Take | None = None

    def deliver(self, scanner: Scanner, take: Take) -> None:
        self._scanner, self._take = scanner, take

    def write(self, frames: bytes) -> None:
        """Frames as they are, behind what was written before."""
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
        """Take the deliveries that the buffer begins with; whether the rest must wait for more bytes."""
        found: list[Delivery] = []
        tags: set[bytes] = set()
        end, wait = scanner.scan(self._frame_buffer, 0, found, tags)
        if found:
            self._trim_frame_buffer(end)
            take(found, tags)
        return wait
