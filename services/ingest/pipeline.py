"""Takes a batch through the ingest: guesses its duplicates, has it merged, checks its refusals, counts it."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from hallpulse.broker import Batch, Letter
from hallpulse.broker.refusal_limit import Moves, RefusalLimit
from hallpulse.metrics import IngestMetrics
from hallpulse.store.registry import HallRegistry

from .counting import Counting
from .recent import RecentIds
from .work import Check, Merged, Work

_ids_in = re.compile(rb'"id"\s*:\s*"([^"\\]{1,64})"').findall
"""Ids of events as they are written, without decoding them: good enough for a guess."""


class Merger(Protocol):
    """Merges batches, in other processes or in this one."""

    def do(self, work: Work, check: Check) -> Merged: ...


class Pipeline:
    """Has batches merged, on any number of threads."""

    def __init__(
        self,
        merger: Merger,
        halls: HallRegistry,
        metrics: IngestMetrics,
        limit: RefusalLimit,
        *,
        move: Callable[[Moves], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._merger = merger
        self._counts = Counting(metrics, halls, now)
        self._limit = limit
        self._move = move
        self._recent = RecentIds()
        self._lock = threading.Lock()

    def commit(self, batch: Batch) -> Sequence[Letter]:
        """Merge the batch; its refused events come back. Raises Unavailable, Halt.

        Also RefusalsOverLimit: then nothing of the batch is refused, and it is not acknowledged.
        """
        self._counts.know_halls()  # before the merge: an outage after it would make new events count as repeated ones
        noted, refused = Counter[str](), list[Letter]()

        def check(taken: Mapping[str, int], rejections: Sequence[Letter]) -> None:
            with self._lock:
                self._limit.check(rejections)
            noted.update(taken)
            refused.extend(rejections)
            self._note(taken, rejections)

        merged = self._merger.do(self._work(batch), check)
        if merged.old_duplicates:
            self._recent.missed_some()
        with self._lock:
            self._counts.count(batch.opened, merged, refused)
        if merged.reused:
            self._note({}, merged.reused)
        self._note(Counter(merged.taken) - noted, ())
        return [*refused, *merged.reused]

    def _note(self, taken: Mapping[str, int], letters: Sequence[Letter]) -> None:
        with self._lock:
            moves = self._limit.note(taken, letters)
        self._move(moves)

    def _work(self, batch: Batch) -> Work:
        _, bodies, content_types, routing_keys, user_ids = zip(*batch.deliveries, strict=True)
        doubtful, old_duplicates = self._recent.guess(set(_ids(bodies)))
        return Work(bodies, content_types, routing_keys, user_ids, list(doubtful), old_duplicates)


def _ids(bodies: Iterable[bytes]) -> Iterable[bytes]:
    for body in bodies:
        yield from _ids_in(body)
