"""Takes a batch through ingest: guesses its duplicates, has it merged, checks its refusals, and counts it.

A hall is judged only by its own events, so that halls cannot hold up one another. A hall with too many refused events
is moved to a slow lane, and back once it sends better ones. Ingest as a whole stops only for a fault that no hall can
cause: a broker user that belongs to no hall sends for several (docs/decisions/0003-refusal-limit.md).
"""

from __future__ import annotations

import operator
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import NamedTuple, Protocol

from hallpulse.broker import Batch, HallsSlowed, Rejection
from hallpulse.broker.lanes import Moves
from hallpulse.contract.identity import DENIED, FOR, REFUSED, county_of, is_hall
from hallpulse.contract.reasons import Reason
from hallpulse.domain.errors import HallpulseError, Halt
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.metrics import IngestMetrics
from hallpulse.store.registry import HallRegistry
from hallpulse.tracing import Tracing
from services.ingest.merge_messages import Check, Merged, Work

CALM = 0.5
"""A hall leaves the slow lane once its share of refusals is at most this part of the limit."""
LARGE_BYTES = 4096


class RefusalsOverLimit(Halt):
    """Too much is refused: a person must look before ingest goes on. The batch is neither refused nor acknowledged."""


@dataclass(slots=True)
class _Record:
    """A hall's last events in whole batches, as (events, refused). slow: in the slow lane; None if not yet decided."""

    slow: bool | None = None
    events: int = 0
    refused: int = 0
    batches: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, events: int, refused: int, window: int) -> None:
        self.batches.append((events, refused))
        self.events += events
        self.refused += refused
        while self.events - self.batches[0][0] >= window:
            self._less(*self.batches.popleft())

    def take_back(self, events: int, refused: int) -> None:
        """Forget a batch that was added, unless it is too long ago."""
        if (events, refused) in self.batches:
            self.batches.remove((events, refused))
            self._less(events, refused)

    def _less(self, events: int, refused: int) -> None:
        self.events -= events
        self.refused -= refused


@dataclass(slots=True)
class RefusalLimit:
    """The limit of refusals for each hall.

    share: a hall with a larger share of refusals goes to the slow lane; 0 for no limit; window: the share is measured
    over this many of the hall's last events (whole batches).
    """

    share: float
    window: int
    _halls: dict[str, _Record] = field(default_factory=dict)
    _strangers: dict[str, Counter[str]] = field(default_factory=dict)

    def check(self, rejections: Sequence[Rejection]) -> None:
        """Raise RefusalsOverLimit if a stranger (`is_stranger`) sends for several halls.

        Call it before anything of the batch is stored.
        """
        for rejection in rejections if self.share else ():
            if is_stranger(rejection):
                halls = self._strangers.setdefault(rejection.user_id, Counter())
                halls[_hall_of(rejection)] += 1
                if len(halls) > 1 and halls.total() >= self.window:
                    raise RefusalsOverLimit(_line(rejection.user_id, halls))

    def note(self, taken: Mapping[str, int], rejections: Sequence[Rejection]) -> Moves:
        """Count a batch and return the halls that must change lanes. taken: REGION.HALL → its events not refused."""
        slower, normal = set(), set()
        for hall, events, refused in _of_halls(taken, rejections) if self.share else ():
            record = self._halls.setdefault(hall, _Record())
            record.add(events, refused, self.window)
            if record.events < self.window:
                continue
            if record.slow is not True and record.refused > self.share * record.events:
                record.slow = True
                slower.add(hall)
            elif record.slow is not False and record.refused <= CALM * self.share * record.events:
                record.slow = False
                normal.add(hall)
        return Moves(frozenset(slower), frozenset(normal))

    def take_back(self, taken: Mapping[str, int], rejections: Sequence[Rejection]) -> None:
        """Undo `check` and `note` for what was not merged in the end: it comes again, and counts then."""
        for hall, events, refused in _of_halls(taken, rejections):
            if hall in self._halls:
                self._halls[hall].take_back(events, refused)
        for rejection in filter(is_stranger, rejections):
            halls = self._strangers.get(rejection.user_id, Counter())
            halls[_hall_of(rejection)] -= 1
            self._strangers[rejection.user_id] = +halls


def _of_halls(taken: Mapping[str, int], rejections: Sequence[Rejection]) -> Iterator[tuple[str, int, int]]:
    """Yield each hall with its events and how many of them were refused; those of strangers are no hall's."""
    refused = Counter[str]()
    for rejection in rejections:
        if not is_stranger(rejection):
            refused[_hall_of(rejection)] += _weight(rejection)
    for hall in filter(is_hall, taken.keys() | refused.keys()):
        yield hall, taken.get(hall, 0) + refused[hall], refused[hall]


def _weight(rejection: Rejection) -> int:
    """Return how many events a rejection counts as: a large one costs as much as several small ones."""
    return 1 + len(rejection.refusal.body) // LARGE_BYTES


def is_stranger(rejection: Rejection) -> bool:
    """Return whether the publisher is a stranger: a broker user of no hall, which may not publish for all halls.

    Only an operator can make such a user. A gateway is no stranger: a forged event goes out under the hall whose token
    was shown. A county's suite is none either: its routing keys allow only its own halls.
    """
    if rejection.refusal.reason is not Reason.SOURCE_MISMATCH or rejection.routing_key.endswith(
        (f".{REFUSED}", f".{DENIED}")
    ):
        return False
    user = rejection.user_id
    return bool(user) and FOR not in user and not is_hall(user) and county_of(user) is None


def _hall_of(rejection: Rejection) -> str:
    """Return the hall in the routing key, REGION.HALL. The broker lets a hall use only its own key."""
    return rejection.routing_key.rpartition(".")[0]


def _line(user: str, halls: Counter[str]) -> str:
    return (
        f"refusal limit: the broker user {user!r} is no hall's and may not speak for others, yet sent"
        f" {halls.total()} events of {len(halls)} halls: {most_of(halls)}; a gateway that logs in under the wrong name?"
        " Nothing more is taken off the queues. See `hallpulse refused list`, mend the deployment, then"
        " `hallpulse refused resume`; if it is right to refuse them, start ingest with HALLPULSE_REFUSAL_LIMIT=off"
    )


def most_of(counts: Counter[str], most: int = 3) -> str:
    """Return the most frequent names with their counts, for a line that a person reads."""
    named = ", ".join(f"{name} {count}" for name, count in counts.most_common(most))
    return named + (", …" if len(counts) > most else "")


REMEMBERED = 200_000
"""Ids remembered at least; at most twice this number, which takes about 40 MB."""
DISTRUST_BATCHES = 10


class Guess(NamedTuple):
    """A guess which events of a batch are duplicates.

    doubtful: ids that may be stored already; old_duplicates: whether other ids may be too, since some were lately.
    """

    doubtful: Set[bytes]
    old_duplicates: bool


class RecentIds:
    """The ids of recent events, shared by all threads that store batches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()
        self._distrust = 0

    def guess(self, ids: Set[bytes]) -> Guess:
        """Return which ids of a batch may be duplicates, and remember all of them."""
        with self._lock:
            known = (self._newer & ids) | (self._older & ids)
            self._newer |= ids
            if len(self._newer) >= REMEMBERED:
                self._newer, self._older = set(), self._newer
            old_duplicates = self._distrust > 0
            self._distrust -= old_duplicates
            return Guess(known, old_duplicates)

    def missed_some(self) -> None:
        """Note that a batch held duplicates not remembered: in the next ten batches, ids are looked up first."""
        with self._lock:
            self._distrust = DISTRUST_BATCHES


KNOW_HALLS_SECONDS = 10.0


class Counting:
    """Counts stored batches in the metrics. It must not be used by two threads at once."""

    def __init__(self, metrics: IngestMetrics, halls: HallRegistry, now: Callable[[], datetime]) -> None:
        self._metrics = metrics
        self._halls = halls
        self._now = now
        self._knew_halls = float("-inf")
        self._newest: dict[tuple[int, str], int] = {}

    def know_halls(self) -> None:
        """Tell the metrics the registered halls, the only ones that get series. Raises Unavailable, Halt."""
        if time.monotonic() - self._knew_halls > KNOW_HALLS_SECONDS:
            self._metrics.know_halls([(hall.region, hall.hall) for hall in self._halls.list()])
            self._knew_halls = time.monotonic()

    def count(self, opened: float, merged: Merged, rejections: Sequence[Rejection]) -> None:
        """Count a merged batch.

        opened: when its first delivery came, in monotonic seconds; rejections: from its refused parts.
        """
        self._metrics.stored(merged.new)
        for one in merged.times:
            self._count_order((one.region, one.hall), one.times)
        for duplicate in merged.duplicates:
            self._metrics.duplicate(duplicate.region, duplicate.hall, duplicate.count)
        self.count_refused([*rejections, *merged.reused])
        self._metrics.batch(time.monotonic() - opened, sum(merged.taken.values()) + len(rejections))

    def count_refused(self, rejections: Sequence[Rejection]) -> None:
        """Count refusals by hall and reason."""
        refused = Counter((rejection.routing_key, rejection.refusal.reason) for rejection in rejections)
        for (key, reason), count in refused.items():
            self._metrics.refused(*_sender(key), str(reason), count)

    def _count_order(self, hall: tuple[int, str], times: Sequence[int]) -> None:
        """Count events that came late, or after a newer event of their hall that this process has seen."""
        late_before = int(self._now().timestamp() * 1_000_000) - LATE_MINUTES * 60_000_000
        *before, newest = accumulate(times, max, initial=self._newest.get(hall, 0))
        self._newest[hall] = newest
        if late := sum(time < late_before for time in times):
            self._metrics.late(*hall, late)
        if disordered := sum(map(operator.lt, times, before)):
            self._metrics.disordered(*hall, disordered)


def _sender(routing_key: str) -> tuple[int | None, str]:
    """Return region and hall of a routing key; region None if the key does not begin with one."""
    region, _, rest = routing_key.partition(".")
    return int(region) if region.isdecimal() and len(region) == 6 else None, rest.rpartition(".")[0]


_ids_in = re.compile(rb'"id"\s*:\s*"([^"\\]{1,64})"').findall
"""Finds the ids of events without decoding the events, which is good enough for a guess."""


class Merger(Protocol):
    """Merges batches, in other processes or in this one."""

    def do(self, work: Work, check: Check) -> Merged: ...


class IngestWorker:
    """Has batches merged, on any number of threads.

    move: changes the lanes of halls; slow: the halls in the slow lane, as REGION.HALL, which `move` keeps up to date;
    tracing: None if it is off.
    """

    def __init__(
        self,
        merger: Merger,
        halls: HallRegistry,
        metrics: IngestMetrics,
        limit: RefusalLimit,
        *,
        move: Callable[[Moves], None] = lambda _: None,
        slow: Set[str] = frozenset(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tracing: Tracing | None = None,
    ) -> None:
        self._merger = merger
        self._tracing = tracing
        self._counts = Counting(metrics, halls, now)
        self._limit = limit
        self._move = move
        self._slow = slow
        self._recent = RecentIds()
        self._lock = threading.Lock()

    def commit(self, batch: Batch) -> Sequence[Rejection]:
        """Merge the batch and return its rejections. Raises Unavailable, Halt.

        Raises RefusalsOverLimit, and then nothing of the batch is refused or acknowledged. Raises HallsSlowed before
        anything is stored, if refused events of halls in the slow lane would delay those of the others.
        """
        if self._tracing is None:
            return self._commit(batch)
        with self._tracing.receive([delivery.body for delivery in batch.deliveries], batch.opened) as received:
            rejections = self._commit(batch, received.parent)
        received.settle((rejection.refusal.body, rejection.refusal.reason) for rejection in rejections)
        return rejections

    def _commit(self, batch: Batch, parent: str = "") -> Sequence[Rejection]:
        self._counts.know_halls()  # before the merge: after an outage the stored events would count as duplicates
        parts = list[tuple[Mapping[str, int], Sequence[Rejection]]]()

        def check(taken: Mapping[str, int], rejections: Sequence[Rejection]) -> None:
            with self._lock:
                self._limit.check(rejections)
            parts.append((taken, rejections))
            self._note(taken, rejections)
            if not batch.aside and not self._slow.isdisjoint(map(_hall_of, rejections)):
                raise HallsSlowed

        try:
            merged = self._merger.do(self._work(batch, parent), check)
        except (HallpulseError, HallsSlowed):
            with self._lock:
                for part in parts:
                    self._limit.take_back(*part)
            raise
        noted, refused = Counter[str](), list[Rejection]()
        for taken, rejections in parts:
            noted.update(taken)
            refused.extend(rejections)
        if merged.old_duplicates:
            self._recent.missed_some()
        with self._lock:
            self._counts.count(batch.opened, merged, refused)
        reused = Counter(
            map(_hall_of, merged.reused)
        )  # noted together with the rest, or the hall would seem to improve
        self._note(Counter(merged.taken) - noted - reused, merged.reused)
        return [*refused, *merged.reused]

    def isolated(self, rejections: Sequence[Rejection]) -> None:
        """Count messages that were refused since merging fails on each of them alone."""
        with self._lock:
            self._counts.count_refused(rejections)
        self._note({}, rejections)

    def _note(self, taken: Mapping[str, int], rejections: Sequence[Rejection]) -> None:
        with self._lock:
            moves = self._limit.note(taken, rejections)
        if any(moves):
            self._move(moves)

    def _work(self, batch: Batch, parent: str) -> Work:
        _, bodies, content_types, routing_keys, user_ids = zip(*batch.deliveries, strict=True)
        doubtful, old_duplicates = self._recent.guess(set(_ids(bodies)))
        return Work(bodies, content_types, routing_keys, user_ids, list(doubtful), old_duplicates, parent)


def _ids(bodies: Iterable[bytes]) -> Iterable[bytes]:
    for body in bodies:
        yield from _ids_in(body)
