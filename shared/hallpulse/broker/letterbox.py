"""Publishes refused events on a channel with confirms, and says when all of a batch are safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pika import spec
from pika.channel import Channel
from pika.frame import Method

from .refused import Letter, properties_of
from .topology import REFUSED


class Letterbox:
    """One a connection. `lost` is called when the broker will not take a letter: the connection must start anew."""

    def __init__(self, channel: Channel, lost: Callable[[], None]) -> None:
        self._channel = channel
        self._lost = lost
        self._next_tag = 1
        self._waiting: dict[int, _Group] = {}
        channel.confirm_delivery(self._on_confirm)

    def post(self, letters: Sequence[Letter], safe: Callable[[], None]) -> None:
        """Publish the letters and call `safe` once the broker has confirmed every one."""
        if not letters:
            safe()
            return
        group = _Group(len(letters), safe)
        now = datetime.now(UTC)
        for letter in letters:
            self._waiting[self._next_tag] = group
            self._next_tag += 1
            self._channel.basic_publish("", REFUSED, letter.refusal.body, properties_of(letter, now))

    def _on_confirm(self, frame: Method) -> None:
        confirmation = frame.method
        if not isinstance(confirmation, spec.Basic.Ack):
            self._lost()
            return
        first = min(self._waiting, default=0) if confirmation.multiple else confirmation.delivery_tag
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
