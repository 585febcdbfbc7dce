"""Whether the broker keeps what is given back: asked at the start and ever after, told in the log and as a metric."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

from hallpulse.broker import Kept, limits_in_force
from hallpulse.domain.errors import HallpulseError, Halt
from hallpulse.metrics import IngestMetrics

LOOK_SECONDS = 60.0
SETTLE_SECONDS = 15.0
"""The broker tells of a policy that was just set within ten."""


class KeepingWatch:
    """Says what it finds once, and again when it changes; an unlimited queue is as it should be and is not told."""

    def __init__(
        self, amqp_url: str, management_url: str, partitions: int, metrics: IngestMetrics, say: Callable[[str], None]
    ) -> None:
        self._broker = (amqp_url, management_url, partitions)
        self._metrics = metrics
        self._say = say
        self._told = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        if self._look() and not self._stopping.wait(SETTLE_SECONDS):
            self._tell(self._look())
        while not self._stopping.wait(LOOK_SECONDS):
            self._tell(self._look())

    def _look(self) -> str:
        """What is not as it should be, in one line; empty where all is."""
        try:
            found = self._found()
        except HallpulseError:  # an outage, which the consumer tells of
            return self._told
        self._metrics.delivery_limits({queue: kept.limit for queue, kept in found.items()})
        return line_of(found)

    def _found(self) -> Mapping[str, Kept]:
        amqp_url, management_url, partitions = self._broker
        try:
            return limits_in_force(amqp_url, management_url, partitions)
        except Halt:  # a user that may not ask: AMQP tells less
            return limits_in_force(amqp_url, "", partitions)

    def _tell(self, line: str) -> None:
        if line != self._told:
            self._say(line or "the broker now keeps every message that is given back")
        self._told = line


def line_of(found: Mapping[str, Kept]) -> str:
    """The queues from which the broker may take messages, or does not say whether."""
    unknown = sorted(queue for queue, kept in found.items() if kept.limit is None)
    limited = [
        (queue, kept) for queue, kept in sorted(found.items()) if kept.limit is not None and kept.limit < math.inf
    ]
    parts = [
        f"{queue} (after {kept.limit:.0f} times, {'then kept in hall.refused' if kept.caught else 'lost then'})"
        for queue, kept in limited
    ]
    lines = []
    if parts:
        lines.append(f"the broker drops messages that are given back too often from {', '.join(parts)}")
    if unknown:
        lines.append(
            f"whether the broker drops messages that are given back too often cannot be known of {', '.join(unknown)}"
        )
    return "; ".join(lines) + (": see operations, delivery limit" if lines else "")
