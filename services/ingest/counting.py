"""What the ingest says of itself in its metrics."""

from __future__ import annotations

import operator
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate

from hallpulse.broker import Letter
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.metrics import IngestMetrics
from hallpulse.store.registry import HallRegistry

from .work import Merged

KNOW_HALLS_SECONDS = 10.0


class Counting:
    """Counts batches that were stored; not for two threads at once."""

    def __init__(self, metrics: IngestMetrics, halls: HallRegistry, now: Callable[[], datetime]) -> None:
        self._metrics = metrics
        self._halls = halls
        self._now = now
        self._knew_halls = float("-inf")
        self._newest: dict[tuple[int, str], int] = {}

    def know_halls(self) -> None:
        """Only registered halls get series of their own. Raises Unavailable, Halt."""
        if time.monotonic() - self._knew_halls > KNOW_HALLS_SECONDS:
            self._metrics.know_halls([(hall.region, hall.hall) for hall in self._halls.list()])
            self._knew_halls = time.monotonic()

    def count(self, opened: float, merged: Merged, rejections: Sequence[Letter]) -> None:
        """opened: when the batch's first delivery came (of a monotonic clock); rejections: of its refused parts."""
        self._metrics.stored(merged.new)
        for one in merged.times:
            self._count_order((one.region, one.hall), one.times)
        for duplicate in merged.duplicates:
            self._metrics.duplicate(duplicate.region, duplicate.hall, duplicate.count)
        refused = Counter(
            (rejection.routing_key, rejection.refusal.reason) for rejection in (*rejections, *merged.reused)
        )
        for (key, reason), count in refused.items():
            self._metrics.refused(*_sender(key), str(reason), count)
        age = time.monotonic() - opened
        self._metrics.batch(age, sum(merged.taken.values()) + len(rejections), age)

    def _count_order(self, hall: tuple[int, str], times: Sequence[int]) -> None:
        """What came late, and what came after a newer event of its hall, as far as this process has seen."""
        late_before = int(self._now().timestamp() * 1_000_000) - LATE_MINUTES * 60_000_000
        *before, newest = accumulate(times, max, initial=self._newest.get(hall, 0))
        self._newest[hall] = newest
        if late := sum(time < late_before for time in times):
            self._metrics.late(*hall, late)
        if disordered := sum(map(operator.lt, times, before)):
            self._metrics.disordered(*hall, disordered)


def _sender(routing_key: str) -> tuple[int | None, str]:
    """Region and hall of a routing key, as far as it has the form of one."""
    region, _, rest = routing_key.partition(".")
    return int(region) if region.isdecimal() and len(region) == 6 else None, rest.rpartition(".")[0]
