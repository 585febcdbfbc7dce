"""What is done with a delivery and with a batch: decode, store, count."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from hallpulse.broker import Batch, Delivery, Letter
from hallpulse.broker.refusal_limit import RefusalLimit
from hallpulse.contract.decode import Decoded, decode_message
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import Reason
from hallpulse.contract.refusal import Refusal
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.metrics import HallCount, IngestMetrics
from hallpulse.store import MergeOutcome, Store

KNOW_HALLS_SECONDS = 10.0


class Pipeline:
    """Decodes deliveries, on one thread, and merges batches, on any number.

    gateway_users: the broker users that may speak for any hall.
    """

    def __init__(
        self,
        store: Store,
        metrics: IngestMetrics,
        gateway_users: frozenset[str],
        limit: RefusalLimit,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._gateway_users = gateway_users
        self._limit = limit
        self._now = now
        self._counting = threading.Lock()
        self._knew_halls = float("-inf")
        self._newest: dict[tuple[int, str], int] = {}

    def decode(self, delivery: Delivery) -> Decoded:
        """The delivery's events, good and bad; never raises."""
        return decode_message(
            delivery.body,
            content_type=delivery.content_type,
            routing_key=delivery.routing_key,
            user_id=delivery.user_id,
            now=time.time_ns() // 1000,
            gateway_users=self._gateway_users,
        )

    def commit(self, batch: Batch) -> Sequence[Letter]:
        """Merge the batch's events; those that use an id again come back, to be refused. Raises Unavailable, Halt.

        Also RefusalsOverLimit: then nothing of the batch is refused, and it is not acknowledged.
        """
        self._know_halls()  # before the merge: an outage after it would make new events count as repeated ones
        with self._counting:
            tally = self._limit.weigh(batch.events, batch.letters)
        outcome = self._store.merge(batch.events, self._now())
        reused = [_reused(event) for event in outcome.reused]
        with self._counting:
            self._count(batch, outcome)
            self._limit.note(tally, reused)
        return reused

    def _know_halls(self) -> None:
        if time.monotonic() - self._knew_halls > KNOW_HALLS_SECONDS:
            self._metrics.know_halls([(hall.region, hall.hall) for hall in self._store.halls.list()])
            self._knew_halls = time.monotonic()

    def _count(self, batch: Batch, outcome: MergeOutcome) -> None:
        counts: Counter[tuple[int, str, str]] = Counter()
        for (region, hall, kind), count in Counter((e.region, e.hall, e.type) for e in outcome.new).items():
            counts[region, hall, kind.family.value] += count
        self._metrics.stored([HallCount(*key, count) for key, count in counts.items()])
        self._count_order(outcome.new)
        for event in outcome.duplicates:
            self._metrics.duplicate(event.region, event.hall)
        refused = Counter((letter.routing_key, letter.refusal.reason) for letter in batch.letters)
        for (key, reason), count in refused.items():
            self._metrics.refused(*_sender(key), str(reason), count)
        for event in outcome.reused:
            self._metrics.refused(event.region, event.hall, str(Reason.ID_REUSED))
        age = time.monotonic() - batch.opened
        self._metrics.batch(age, batch.size, age)

    def _count_order(self, events: Sequence[HallEvent]) -> None:
        """What came late, and what came after a newer event of its hall, as far as this process has seen."""
        late_before = int(self._now().timestamp() * 1_000_000) - LATE_MINUTES * 60_000_000
        newest = self._newest
        late: Counter[tuple[int, str]] = Counter()
        disordered: Counter[tuple[int, str]] = Counter()
        for event in events:
            hall, time_ = (event.region, event.hall), event.time
            if time_ < late_before:
                late[hall] += 1
            if time_ < newest.get(hall, 0):
                disordered[hall] += 1
            else:
                newest[hall] = time_
        for hall, count in late.items():
            self._metrics.late(*hall, count)
        for hall, count in disordered.items():
            self._metrics.disordered(*hall, count)


def _reused(event: HallEvent) -> Letter:
    """An event whose id the same source has used for something else."""
    source = f"/{event.region}/{event.hall}"
    detail = "expected an id that this source has not used for another event"
    refusal = Refusal(Reason.ID_REUSED, "id", detail, source, encode_event(event))
    return Letter(refusal, f"{event.region}.{event.hall}.{event.type.family}", "")


def _sender(routing_key: str) -> tuple[int | None, str]:
    """Region and hall of a routing key, as far as it has the form of one."""
    region, _, rest = routing_key.partition(".")
    return int(region) if region.isdecimal() and len(region) == 6 else None, rest.rpartition(".")[0]
