"""What the ingest says of itself in its metrics."""

from __future__ import annotations

import operator
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate

from hallpulse.broker import Batch
from hallpulse.contract.reasons import Reason
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.metrics import HallCount, IngestMetrics
from hallpulse.store import MergeOutcome
from hallpulse.store.registry import HallRegistry

KNOW_HALLS_SECONDS = 10.0
_kind_of = operator.attrgetter("region", "hall", "type")


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

    def count(self, batch: Batch, outcome: MergeOutcome) -> None:
        counts: Counter[tuple[int, str, str]] = Counter()
        for (region, hall, kind), count in Counter(map(_kind_of, outcome.new)).items():
            counts[region, hall, kind.family.value] += count
        self._metrics.stored([HallCount(*key, count) for key, count in counts.items()])
        for hall, times in outcome.times.items():
            self._count_order(hall, times)
        for event in outcome.duplicates:
            self._metrics.duplicate(event.region, event.hall)
        refused = Counter((letter.routing_key, letter.refusal.reason) for letter in batch.letters)
        for (key, reason), count in refused.items():
            self._metrics.refused(*_sender(key), str(reason), count)
        for event in outcome.reused:
            self._metrics.refused(event.region, event.hall, str(Reason.ID_REUSED))
        age = time.monotonic() - batch.opened
        self._metrics.batch(age, batch.size, age)

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
