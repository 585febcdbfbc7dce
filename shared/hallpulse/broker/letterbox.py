"""Publishes refused events on a channel with confirms, and says when all of a batch are safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pika import spec
from pika.channel import Channel
from pika.frame import Method

from .posting import frames_of
from .refused import Letter
from .topology import REFUSED


class Letterbox:
    """One a connection. `lost` is called with a line of text when the broker does not take a letter.

    The connection must then start anew: what is not acknowledged comes again, and so do its letters.
    """

    def __init__(self, channel: Channel, lost: Callable[[str], None]) -> None:
        self._channel = channel
        self._lost = lost
        self._next_tag = 1
        self._waiting: dict[int, _Group] = {}
        channel.confirm_delivery(self._on_confirm)
        channel.add_on_return_callback(self._on_return)

    def post(self, letters: Sequence[Letter], safe: Callable[[], None]) -> None:
        """Publish the letters and call `safe` once the broker has confirmed every one."""
        if not letters:
            safe()
            return
        group = _Group(len(letters), safe)
        for _ in letters:
            self._waiting[self._next_tag] = group
            self._next_tag += 1
        connection = self._channel.connection
        number, frame_max = self._channel.channel_number, connection.params.frame_max
        connection.write(frames_of(letters, datetime.now(UTC), number, frame_max))

    def _on_return(self, *_: Any) -> None:
        """The broker confirms what it returns: it must not count as safe."""
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
