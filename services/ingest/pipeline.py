"""What is done with a delivery and with a batch: decode, store, count."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from hallpulse.broker import Batch, Delivery, Letter
from hallpulse.broker.refusal_limit import RefusalLimit
from hallpulse.contract.decode import Decoded, decode_message
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import Reason
from hallpulse.contract.refusal import Refusal
from hallpulse.metrics import IngestMetrics
from hallpulse.store import Store
from services.ingest.counting import Counting


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
        self._counts = Counting(metrics, store.halls, now)
        self._gateway_users = gateway_users
        self._limit = limit
        self._now = now
        self._counting = threading.Lock()

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
        self._counts.know_halls()  # before the merge: an outage after it would make new events count as repeated ones
        with self._counting:
            tally = self._limit.weigh(batch.events, batch.letters)
        outcome = self._store.merge(batch.events, self._now())
        reused = [_reused(event) for event in outcome.reused]
        with self._counting:
            self._counts.count(batch, outcome)
            self._limit.note(tally, reused)
        return reused


def _reused(event: HallEvent) -> Letter:
    """An event whose id the same source has used for something else."""
    source = f"/{event.region}/{event.hall}"
    detail = "expected an id that this source has not used for another event"
    refusal = Refusal(Reason.ID_REUSED, "id", detail, source, encode_event(event))
    return Letter(refusal, f"{event.region}.{event.hall}.{event.type.family}", "")
