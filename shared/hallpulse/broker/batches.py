"""The batches that deliveries are gathered in, divided in, and acknowledged in."""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import compress
from operator import not_

from hallpulse.broker.deliveries import Delivery

MANY = 64
GATHER_SECONDS = 0.025
ENOUGH = 4
"""A batch of this part of a full one goes to a committer that is free."""


@dataclass(slots=True, eq=False)
class Batch:
    """Deliveries of one channel in their order, up to and with delivery tag `last_tag`.

    opened: when its first delivery came (seconds of a monotonic clock); generation: the number of its connection;
    size: about the number of its events, broken ones included; safe: it is committed, and the copies of its refused
    events are confirmed; left: it is not committed, and comes again; aside: it holds only halls in the slow lane; part:
    it was divided from another batch.
    """

    generation: int
    opened: float = 0.0
    last_tag: int = 0
    bytes: int = 0
    size: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    safe: bool = False
    left: bool = False
    aside: bool = False
    part: bool = False

    def add(self, delivery: Delivery, now: float) -> None:
        if not self.deliveries:
            self.opened = now
        self.deliveries.append(delivery)
        self.bytes += len(delivery.body)
        self.size += _events_in(delivery)
        self.last_tag = delivery.tag

    def is_due(self, now: float, *, most_events: int, most_seconds: float, free: bool, idle: bool) -> bool:
        """Return whether to hand the batch on: when it is full or old, or soon if the database has nothing to do.

        free: a committer has nothing to do; a large batch does not wait then, since perhaps it cannot grow: the broker
        gives only so much of a queue before the first of it is acknowledged.
        idle: nothing is being committed. Then a few events go at once. If many come, the batch waits a little for more,
        since every batch costs the broker and the database the same, however small it is.
        """
        if not self.deliveries:
            return False
        age = now - self.opened
        if self.size >= (most_events // ENOUGH if free else most_events) or age >= most_seconds:
            return True
        return idle and (self.size < MANY or age >= GATHER_SECONDS)


class HallsSlowed(Exception):
    """A commit stored nothing, since halls of the batch have just been slowed: divide the batch, commit it in parts."""


class Gathering:
    """Batches that are not handed on yet: full ones, and one that is being filled.

    begun: called with each batch at its first delivery; aside: its batches are those of halls in the slow lane.
    """

    def __init__(
        self, generation: int, most_events: int, begun: Callable[[Batch], None], *, aside: bool = False
    ) -> None:
        self._most = most_events
        self._begun = begun
        self._full: deque[Batch] = deque()
        self._new = functools.partial(Batch, generation, aside=aside)
        self._batch = self._new()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches with deliveries, the oldest first."""
        yield from self._full
        if self._batch.deliveries:
            yield self._batch

    @property
    def has_full(self) -> bool:
        return bool(self._full)

    def take(self, deliveries: Sequence[Delivery], now: float) -> None:
        batch, most = self._batch, self._most
        for delivery in deliveries:
            is_first = not batch.deliveries
            batch.add(delivery, now)
            if is_first:
                self._begun(batch)
            if batch.size >= most:
                self._full.append(batch)
                batch = self._batch = self._new()

    def take_again(self, deliveries: Sequence[Delivery], opened: float) -> None:
        """Take deliveries of a divided batch back, in separate batches that go before those already here."""
        again = deque([self._new()])
        for delivery in deliveries:
            again[-1].add(delivery, opened)
            if again[-1].size >= self._most:
                again.append(self._new())
        divided = [batch for batch in again if batch.deliveries]
        for batch in divided:
            batch.part = True
            self._begun(batch)
        self._full.extendleft(reversed(divided))

    def next(self, is_due: Callable[[Batch], bool]) -> Batch | None:
        """Hand on the oldest full batch, or else the one that is being filled, if it is due."""
        if self._full:
            return self._full.popleft()
        if not is_due(self._batch):
            return None
        batch, self._batch = self._batch, self._new()
        return batch

    def leave(self) -> None:
        """Give up all batches here: their deliveries come again."""
        for batch in self:
            batch.left = True
        self._full.clear()
        self._batch = self._new()


def set_apart(deliveries: Sequence[Delivery], slow: Set[str]) -> tuple[Sequence[Delivery], Sequence[Delivery]]:
    """Return the deliveries of normal halls, and those of halls that are served more slowly.

    slow: the latter halls, as REGION.HALL.
    """
    if not (keys := slow_keys(deliveries, slow)):
        return deliveries, ()
    is_slow = [one.routing_key in keys for one in deliveries]
    return list(compress(deliveries, map(not_, is_slow))), list(compress(deliveries, is_slow))


def slow_keys(deliveries: Iterable[Delivery], slow: Set[str]) -> set[str]:
    """Return the routing keys among these deliveries' of halls that are served more slowly."""
    keys = {one.routing_key for one in deliveries} if slow else ()
    return {key for key in keys if _hall_in(key) in slow}


def by_halls(deliveries: Sequence[Delivery], parts: int) -> list[list[Delivery]]:
    """Return deliveries divided by halls, in their order, in at most `parts` parts of similar size in bytes.

    A part has the halls between two codes: few regions lie in two parts, and the next batches are divided alike.
    """
    sizes = Counter[str]()
    for delivery in deliveries:
        sizes[delivery.routing_key] += len(delivery.body)
    part_of = _parts_of_keys(sizes, parts)
    found: list[list[Delivery]] = [[] for _ in range(parts)]
    for delivery in deliveries:
        found[part_of[delivery.routing_key]].append(delivery)
    return [part for part in found if part]


def _parts_of_keys(sizes: Mapping[str, int], parts: int) -> dict[str, int]:
    """Return for each routing key the part in which the middle of its hall lies, if halls lie one after the other."""
    halls = Counter[str]()
    for key, size in sizes.items():
        halls[_hall_in(key)] += size
    part_of, before, total = dict[str, int](), 0, halls.total()
    for hall in sorted(halls):
        part_of[hall] = min(parts - 1, (2 * before + halls[hall]) * parts // max(1, 2 * total))
        before += halls[hall]
    return {key: part_of[_hall_in(key)] for key in sizes}


def _hall_in(routing_key: str) -> str:
    """Return the hall, as REGION.HALL."""
    return routing_key.rpartition(".")[0]


class Unacknowledged:
    """The batches of a channel from their first delivery to their acknowledgement.

    One acknowledgement is for all deliveries up to its tag, and the broker must still wait for the delivery with that
    tag. So whole batches are acknowledged, each once all deliveries before its last one are safe.
    """

    def __init__(self) -> None:
        self._batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        self._batches.append(batch)

    def divide(self, batch: Batch) -> None:
        """Forget a batch whose deliveries are added again in other batches."""
        self._batches.remove(batch)

    def take_safe(self) -> list[Batch]:
        """Take out the batches that can be acknowledged now, up to the greatest of their last tags."""
        unsafe = min((batch.deliveries[0].tag for batch in self._batches if not batch.safe), default=None)
        done = [batch for batch in self._batches if batch.safe and (unsafe is None or batch.last_tag < unsafe)]
        self._batches = [batch for batch in self._batches if batch not in done]
        return done

    @property
    def is_settled(self) -> bool:
        """Return whether every batch is safe or left."""
        return all(batch.safe or batch.left for batch in self._batches)


def _events_in(delivery: Delivery) -> int:
    """Return about how many events a delivery has: each names its `specversion` once. The decoder counts exactly."""
    if delivery.content_type is None or "batch" not in delivery.content_type:
        return 1
    return delivery.body.count(b'"specversion"') or 1
