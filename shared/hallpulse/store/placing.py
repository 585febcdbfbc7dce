"""Merges on Citus go to the workers themselves, each to the one on which its regions lie.

There a transaction is one of PostgreSQL on one machine: no row passes through the coordinator, whose work then does not
grow with the events, and nothing is committed on several machines. A batch becomes one transaction for each worker,
all at the same time.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Engine, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.succession import Succession

from .database import is_spread, open_engine, transaction
from .in_force import ContextCache
from .merge import EventName, Expected, MergeOutcome, merge

KNOWN_SECONDS = 15.0
"""So long it is taken as known where a region lies. A worker from which it has moved meanwhile passes its rows on."""
MOST_AT_ONCE = 16
"""Most parts of batches that a store sends to workers at the same time."""
_Node = tuple[str, int]
_PLACES = text(
    "SELECT r, p.nodename, p.nodeport FROM unnest(CAST(:regions AS int[])) AS r JOIN pg_dist_shard_placement p"
    " ON p.shardid = get_shard_id_for_distribution_column('events', r)"
    " WHERE EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = CAST('events' AS regclass))"
)


class BatchPart(NamedTuple):
    """The events of a batch that are stored by one transaction, and the database that it is sent to."""

    engine: Engine
    events: Sequence[HallEvent]


@dataclass(frozen=True, slots=True)
class _Place:
    node: _Node
    until: float


class PartThreads:
    """Threads that merge the parts of batches at the same time. May itself be shared by threads.

    A part waits for no other part: it holds its locks only while a thread works on it, and only on its own worker.
    Batches of one part, as all are on PostgreSQL, are merged without any thread.
    """

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    def do(self, work: Callable[[BatchPart], MergeOutcome], parts: Sequence[BatchPart]) -> list[MergeOutcome]:
        """Return the outcome of each part, in order. Each is worked on to its end, also where another one fails.

        Raises what failed: first what must not be tried again, then the first part's error.
        """
        first, *others = parts
        started = [self._start(work, part) for part in others]
        own: Future[MergeOutcome] = Future()
        try:
            own.set_result(work(first))
        except BaseException as error:
            own.set_exception(error)
        failed = [found for one in (own, *started) if (found := one.exception()) is not None]
        if failed:
            raise min(failed, key=lambda found: isinstance(found, Unavailable))
        return [one.result() for one in (own, *started)]

    def close(self) -> None:
        """End the threads once their parts are merged."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()

    def _start(self, work: Callable[[BatchPart], MergeOutcome], part: BatchPart) -> Future[MergeOutcome]:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="merge")
            return self._threads.submit(work, part)


class Placement:
    """The databases to which merges go. May be shared by threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._spread: bool | None = None
        self._places: dict[int, _Place] = {}
        self._workers: dict[_Node, Engine] = {}
        self.threads = PartThreads()

    def parts(self, events: Sequence[HallEvent]) -> list[BatchPart]:
        """Return the parts of a batch; on PostgreSQL it is one.

        Raises Unavailable if one of their databases does not answer: then none of the batch is stored, rather than a
        part of it again and again.
        """
        if self._spread is None:
            with transaction(self._engine) as connection:
                self._spread = is_spread(connection)
        if not self._spread or not events:
            return [BatchPart(self._engine, events)]
        places = self._places_of({event.region for event in events})
        by_node: dict[_Node | None, list[HallEvent]] = defaultdict(list)
        for event in events:
            by_node[places.get(event.region)].append(event)
        parts = [BatchPart(self._engine_of(node), by_node[node]) for node in sorted(by_node, key=str)]
        with ExitStack() as stack:
            for part in parts:
                stack.enter_context(transaction(part.engine))  # its connection is tried before it is handed out
        return parts

    def close(self) -> None:
        self.threads.close()
        for engine in self._workers.values():
            engine.dispose()

    def _places_of(self, regions: Collection[int]) -> Mapping[int, _Node]:
        """Return region → the node on which it lies; no region if the tables are not spread yet."""
        now = time.monotonic()
        unknown = [region for region in regions if region not in self._places or self._places[region].until < now]
        if unknown:
            with transaction(self._engine) as connection:
                for region, host, port in connection.execute(_PLACES, {"regions": unknown}):
                    self._places[region] = _Place((host, port), now + KNOWN_SECONDS)
        return {region: self._places[region].node for region in regions if region in self._places}

    def _engine_of(self, node: _Node | None) -> Engine:
        """Return the engine of a node, which knows the same databases, users and passwords as the coordinator."""
        if node is None:
            return self._engine
        with self._lock:
            known = self._workers.get(node)
            if known is None:
                url = self._engine.url.set(host=node[0], port=node[1])
                known = self._workers[node] = open_engine(
                    url.render_as_string(hide_password=False), service=_service_of(self._engine)
                )
            return known


def merge_parts(
    parts: Sequence[BatchPart],
    threads: PartThreads,
    cache: ContextCache,
    arrived: int,
    expected: Expected,
    *,
    imported: Collection[EventName] = (),
    successions: Sequence[Succession] | None = None,
) -> MergeOutcome:
    """Store the parts of a batch at the same time, each all or nothing, and return the outcome of all.

    Raises as `merge` does if any part fails. The others are stored then, and recognised when the batch comes again.
    """

    def merged(part: BatchPart) -> MergeOutcome:
        return merge(part.engine, cache, part.events, arrived, expected, imported=imported, successions=successions)

    some = threads.do(merged, parts)
    if len(some) == 1:
        return some[0]
    return MergeOutcome(
        [event for one in some for event in one.new],
        [event for one in some for event in one.duplicates],
        [event for one in some for event in one.reused],
        sum(one.redated for one in some),
        {hall: times for one in some for hall, times in one.times.items()},
        any(one.stored_long_ago for one in some),
    )


def _service_of(engine: Engine) -> str:
    """Return the service under which an engine's connections are seen."""
    return str(engine.get_execution_options().get("service", ""))
