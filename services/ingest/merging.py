"""Merges the messages of a batch, in this process or in several: decode, check, merge, report the counts.

A merging process has its connection to the database: Python then works on as many cores. One interpreter alone was what
kept two cores from being used (docs/decisions/0006-merging-processes.md). `python -m services.ingest.merging FD`
is such a process.
"""

from __future__ import annotations

import gc
import operator
import os
import queue
import time
import traceback
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from hallpulse.broker import Rejection
from hallpulse.contract.decode import decode_message, decode_ordinary
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import EventType, HallEvent
from hallpulse.contract.identity import publisher_identity, told_apart, user_name
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.metrics import HallCount
from hallpulse.store import EventName, Expected, MergeOutcome, Store, open_store
from hallpulse.subprocess import Channel, Subprocess, SubprocessEnded, parent_channel
from services.ingest.refusals import row_of_rejection


def own_fault(error: Exception) -> str:
    """With the place where it happened."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"stopped by a fault of its own: {type(error).__name__}: {text} ({place.filename}:{place.lineno})"


class MergingSetup(msgspec.Struct, tag="place", array_like=True):
    """The setup of a merging process. gateway_users: the broker users that may speak for any hall."""

    database_url: str
    gateway_users: frozenset[str]


class Work(msgspec.Struct, tag="work", array_like=True):
    """The messages of a batch, column by column, as the broker delivered them.

    doubtful: ids of events, as they are written, that may well be stored already, or just being stored; old_duplicates:
    whether duplicates of what was stored long ago are likely among the others.
    """

    bodies: Sequence[bytes]
    content_types: Sequence[str | None]
    routing_keys: Sequence[str]
    user_ids: Sequence[str | None]
    doubtful: Sequence[bytes]
    old_duplicates: bool


class RefusedPart(msgspec.Struct, tag="refused", array_like=True):
    """Some of a batch is refused, which may be too much. taken: REGION.HALL → events of the same part that are not."""

    taken: Mapping[str, int]
    rejections: Sequence[Rejection]


class MergeDecision(msgspec.Struct, tag="verdict", array_like=True):
    """The answer to a refused part: whether the batch may be merged."""

    merge: bool


class Ready(msgspec.Struct, tag="ready", array_like=True):
    """The process waits for its first batch."""


class HallTimes(msgspec.Struct, array_like=True):
    """The times of a hall's new events.

    packed: when each new event of a hall happened, microseconds since 1970-01-01 UTC, 8 bytes each.
    """

    region: int
    hall: str
    packed: bytes

    @classmethod
    def of(cls, region: int, hall: str, times: Sequence[int]) -> HallTimes:
        return cls(region, hall, array("q", times).tobytes())

    @property
    def times(self) -> Sequence[int]:
        unpacked = array("q")
        unpacked.frombytes(self.packed)
        return unpacked


class Merged(msgspec.Struct, tag="merged", array_like=True):
    """The outcome of a batch; its refused parts have been handed over before.

    taken: REGION.HALL → its events; reused: rejections of events whose id was used before; new, duplicates: by hall and
    family, those stored now and those that had been stored before; old_duplicates: an event that was not doubtful had
    been stored before.
    """

    taken: Mapping[str, int]
    reused: Sequence[Rejection]
    new: Sequence[HallCount]
    duplicates: Sequence[HallCount]
    times: Sequence[HallTimes]
    old_duplicates: bool


class MergeFailed(msgspec.Struct, tag="failed", array_like=True):
    """A batch that was not merged.

    again: the database does not answer; otherwise going on would do damage. line: for a person.
    """

    again: bool
    line: str


Check = Callable[[Mapping[str, int], Sequence[Rejection]], None]
"""Takes a part of a batch of which something is refused (as `RefusedPart`) before any is stored; raises to stop it."""
Request = MergingSetup | Work | MergeDecision
Answer = Ready | RefusedPart | Merged | MergeFailed


PART_BYTES = 128 * 1024
"""Decoded at a time; what of it is refused is then handed over: a flood of rubbish is known early."""
_hall_of = operator.attrgetter("region", "hall")
_kind_of = operator.attrgetter("region", "hall", "type._value_")  # hashing a member of an enumeration is slow


class Merging:
    """Merges batches into a store, on any number of threads.

    gateway_users: the broker users that may speak for any hall.
    """

    def __init__(
        self,
        store: Store,
        gateway_users: frozenset[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._gateway_users = gateway_users
        self._now = now

    def do(self, work: Work, check: Check) -> Merged:
        """Merge a batch; each part of it of which something is refused is handed to `check`, soon and once.

        Raises Unavailable (some of it may be stored then, and is known when it comes again), Halt, what `check` raises.
        """
        events: list[HallEvent] = []
        refused: list[Rejection] = []
        imported: set[EventName] = set()
        for part in _parts(work.bodies):
            good, bad = self._decode(work, part, imported)
            events += good
            refused += bad
            if bad:
                check(_taken(good), bad)
        taken = _taken(events)
        likely, doubtful = _parted(events, frozenset(id_.decode(errors="replace") for id_ in work.doubtful))
        expected = Expected.SOME_STORED if work.old_duplicates else Expected.NEW
        outcomes = [
            self._store.merge(some, self._now(), kind, imported=imported)
            for some, kind in ((likely, expected), (doubtful, Expected.ANYTHING))
        ]
        merged = _merged(taken, outcomes)
        if refused or merged.reused:
            self._store.refused.enter([*map(row_of_rejection, (*refused, *merged.reused))], self._now())
        return merged

    def _decode(self, work: Work, part: slice, imported: set[EventName]) -> tuple[list[HallEvent], list[Rejection]]:
        """Events, good and bad, those that an import sent noted; never raises."""
        now, gateway_users = time.time_ns() // 1000, self._gateway_users
        events: list[HallEvent] = []
        refused: list[Rejection] = []
        columns = (work.bodies[part], work.content_types[part], work.routing_keys[part], work.user_ids[part])
        for body, content_type, routing_key, sender in zip(*columns, strict=True):
            user_id, is_imported = told_apart(sender)
            verify = publisher_identity(routing_key, user_id, gateway_users).check
            if not is_imported and (event := decode_ordinary(body, content_type, verify, now)) is not None:
                events.append(event)
                continue
            decoded = decode_message(
                body,
                content_type=content_type,
                routing_key=routing_key,
                user_id=user_id,
                now=now,
                gateway_users=gateway_users,
            )
            events += decoded.events
            if is_imported:
                imported.update((event.region, event.hall, event.id) for event in decoded.events)
            refused += (Rejection(refusal, routing_key, user_id or "") for refusal in decoded.refusals)
        return events, refused


def _parts(bodies: Sequence[bytes]) -> Iterator[slice]:
    """Of about PART_BYTES each."""
    start = held = 0
    for index, body in enumerate(bodies, 1):
        held += len(body)
        if held >= PART_BYTES or index == len(bodies):
            yield slice(start, index)
            start, held = index, 0


def _taken(events: Iterable[HallEvent]) -> dict[str, int]:
    """REGION.HALL → its events."""
    return {f"{region}.{hall}": count for (region, hall), count in Counter(map(_hall_of, events)).items()}


def _parted(events: list[HallEvent], doubtful: frozenset[str]) -> tuple[list[HallEvent], list[HallEvent]]:
    """Those that are most likely new, and the doubtful ones.

    They are stored one after the other: a duplicate waits for the transaction that is just storing the same event, and
    would have all the others wait with it.
    """
    if not doubtful:
        return events, []
    return [e for e in events if e.id not in doubtful], [e for e in events if e.id in doubtful]


def _merged(taken: dict[str, int], outcomes: Sequence[MergeOutcome]) -> Merged:
    return Merged(
        taken=taken,
        reused=[_reused(event) for outcome in outcomes for event in outcome.reused],
        new=[count for outcome in outcomes for count in _counts(outcome.new)],
        duplicates=[count for outcome in outcomes for count in _counts(outcome.duplicates)],
        times=[HallTimes.of(*hall, times) for outcome in outcomes for hall, times in outcome.times.items()],
        old_duplicates=any(outcome.stored_long_ago for outcome in outcomes),
    )


def _counts(events: Iterable[HallEvent]) -> list[HallCount]:
    counts: Counter[tuple[int, str, str]] = Counter()
    for (region, hall, kind), count in Counter(map(_kind_of, events)).items():
        counts[region, hall, EventType(kind).family.value] += count
    return [HallCount(*key, count) for key, count in counts.items()]


def _reused(event: HallEvent) -> Rejection:
    """An event whose id the same source has used for something else."""
    source = f"/{event.region}/{event.hall}"
    detail = "expected an id that this source has not used for another event"
    refusal = Refusal(Reason.ID_REUSED, "id", detail, source, encode_event(event))
    user = user_name(event.region, event.hall)
    return Rejection(refusal, f"{user}.{event.type.family}", user)


MODULE = "services.ingest.merging"
NICE = 5
"""People who ask wait for an answer; a backlog only takes a little longer."""


class MergingProcesses:
    """A number of processes, which begin to start at once; a batch goes to one that has nothing to do."""

    def __init__(self, place: MergingSetup, count: int) -> None:
        self._all = [_MergingProcess(place) for _ in range(count)]
        self._free: queue.SimpleQueue[_MergingProcess] = queue.SimpleQueue()
        for process in self._all:
            self._free.put(process)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._all]

    def wait(self) -> None:
        """Wait until each is ready. Raise Unavailable, Halt."""
        for process in self._all:
            process.wait()

    def do(self, work: Work, check: Check) -> Merged:
        """Raise Unavailable (also where a process was ended by someone: another takes its place), Halt."""
        process = self._free.get()
        try:
            return process.do(work, check)
        finally:
            self._free.put(process)

    def end(self) -> None:
        """End all; what is under way is rolled back."""
        for process in self._all:
            process.end()


class _MergingProcess:
    def __init__(self, place: MergingSetup) -> None:
        self._place = place
        self._ended = self._ready = False
        self._start()

    @property
    def pid(self) -> int:
        return self._subprocess.pid

    def do(self, work: Work, check: Check) -> Merged:
        self.wait()
        self._subprocess.send(work)
        answer = self._receive()
        while isinstance(answer, RefusedPart):
            try:
                check(answer.taken, answer.rejections)
            except BaseException:
                self._subprocess.send(MergeDecision(False))
                raise
            self._subprocess.send(MergeDecision(True))
            answer = self._receive()
        assert isinstance(answer, Merged)
        return answer

    def wait(self) -> None:
        if not self._ready:
            self._receive()
            self._ready = True

    def end(self) -> None:
        self._ended = True
        self._subprocess.end()

    def _start(self) -> None:
        self._subprocess = Subprocess[Answer](MODULE, Answer)
        self._ready = False
        self._subprocess.send(self._place)

    def _receive(self) -> Ready | RefusedPart | Merged:
        try:
            answer = self._subprocess.receive()
        except SubprocessEnded as ended:
            if not self._ended:
                self._subprocess.end()
                self._start()
            raise Unavailable(f"a merging process {ended}") from None
        if isinstance(answer, MergeFailed):
            raise Unavailable(answer.line) if answer.again else Halt(answer.line)
        return answer


class _Dropped(Exception):
    """The other side does not want this batch merged."""


def serve(channel: Channel[Any]) -> None:
    """Merge the batches that come through a channel, until it ends (EOFError, ConnectionError)."""
    place = channel.receive()
    os.nice(NICE)
    store = open_store(place.database_url, pool_size=1, service="ingest")
    merging = Merging(store, place.gateway_users)
    gc.freeze()  # what is loaded by now stays: collections need not look at it again
    gc.set_threshold(100_000, 20, 100)  # a batch is some ten thousand objects that no cycle holds: look seldom
    channel.send(Ready())
    while True:
        if (answer := _answer(merging, channel)) is not None:
            channel.send(answer)


def _answer(merging: Merging, channel: Channel[Any]) -> Merged | MergeFailed | None:
    def check(taken: Mapping[str, int], rejections: Sequence[Rejection]) -> None:
        channel.send(RefusedPart(taken, rejections))
        if not channel.receive().merge:
            raise _Dropped

    work = channel.receive()
    try:
        return merging.do(work, check)
    except _Dropped:
        return None
    except Unavailable as error:
        return MergeFailed(True, str(error))
    except Halt as error:
        return MergeFailed(False, str(error))
    except (EOFError, ConnectionError):
        raise
    except Exception as error:
        return MergeFailed(False, own_fault(error))


if __name__ == "__main__":
    with suppress(EOFError, ConnectionError):  # the service has ended
        serve(parent_channel(Request))
