"""pika's connection with a short cut for what comes by the thousands.

pika decodes a message in three steps and some ten objects, one message at a time; that took more than a third of all
that a consumer does for an event. Here whole deliveries are taken from the bytes at once; everything else, and what is
not an ordinary delivery (in several frames, of another channel, without a body), is left to pika.
See docs/decisions/0004-deliveries-from-the-bytes.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .batch import Delivery
from .headless import HeadlessConnection
from .scanner import Scanner

_RECEIVE_BYTES = 128 * 1024
"""What is asked of the socket at once; pika's own 4 KiB are ten messages."""

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
