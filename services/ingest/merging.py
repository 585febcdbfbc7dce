"""Merge the messages of a batch: decode and check them, store the events, and return the counts.

Several processes can do this, each with its own connection to the database, because one Python interpreter cannot use
two cores (docs/decisions/0006-merging-processes.md). `python -m services.ingest.merging FD` is such a process.
"""

from __future__ import annotations

import gc
import operator
import os
import queue
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hallpulse.broker import Rejection
from hallpulse.contract.decode import decode_message, decode_ordinary
from hallpulse.contract.events import EventType, HallEvent
from hallpulse.contract.identity import publisher_identity, told_apart
from hallpulse.domain.errors import ConnectionEnded, Halt, Outdated, Unavailable
from hallpulse.domain.succession import Succession, ended_codes
from hallpulse.metrics import HallCount
from hallpulse.store import EventName, Expected, MergeOutcome, Store, open_store
from hallpulse.subprocess import Channel, Subprocess, SubprocessEnded, parent_channel
from hallpulse.tracing import Tracing, span_of, tracing_from
from services.ingest.isolating import MergeFault, MergerCutOff, MergerDied
from services.ingest.merge_messages import (
    Answer,
    Check,
    HallTimes,
    Merged,
    MergeDecision,
    MergeFailed,
    MergingSetup,
    Ready,
    RefusedPart,
    Request,
    Work,
)
from services.ingest.refusals import begins_after_end, in_force, reused, row_of_rejection


def own_fault(error: Exception) -> str:
    """Return one line for a person: the unexpected error and the place where it happened."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"stopped by a fault of its own: {type(error).__name__}: {text} ({place.filename}:{place.lineno})"


PART_BYTES = 128 * 1024
"""Bytes decoded at a time. After each part its refusals are checked, so that a flood of rubbish is noticed early."""
_hall_of = operator.attrgetter("region", "hall")
_kind_of = operator.attrgetter(
    "region", "hall", "type._value_"
)  # the value, since hashing a member of an enumeration is slow


class Merging:
    """Merges batches into a store, on any number of threads.

    gateway_users: the broker users that may publish for every hall; tracing: None if it is off.
    """

    def __init__(
        self,
        store: Store,
        gateway_users: frozenset[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tracing: Tracing | None = None,
    ) -> None:
        self._store = store
        self._gateway_users = gateway_users
        self._now = now
        self._tracing = tracing
        self._successions: Sequence[Succession] = ()  # as last read; each merge makes sure that they are still in force

    def do(self, work: Work, check: Check) -> Merged:
        """Merge a batch. First call `check` once for each part in which something is refused.

        Raises Unavailable (a part may then be stored, and is recognised when the batch comes again), Halt, and all that
        `check` raises.
        """
        with span_of(self._tracing, "decode", work.parent):
            events, refused, imported = self._decode_parts(work, check)
        with span_of(self._tracing, "merge and commit", work.parent, **{"hallpulse.events": len(events)}):
            try:
                merged = self._merge(work, events, imported)
            except Outdated:
                self._successions = self._store.codes.list()
                events, begun = in_force(self._store, events, ended_codes(self._successions))
                refused += begun
                if begun:
                    check({}, begun)  # what is taken of their parts is told, or follows in `Merged`
                merged = self._merge(work, events, imported)
        if refused or merged.reused:
            self._store.refused.enter([*map(row_of_rejection, (*refused, *merged.reused))], self._now())
        return merged

    def _merge(self, work: Work, events: list[HallEvent], imported: set[EventName]) -> Merged:
        likely, doubtful = _parted(events, frozenset(id_.decode(errors="replace") for id_ in work.doubtful))
        expected = Expected.SOME_STORED if work.old_duplicates else Expected.NEW
        outcomes = [
            self._store.merge(some, self._now(), kind, imported=imported, successions=self._successions)
            for some, kind in ((likely, expected), (doubtful, Expected.ANYTHING))
        ]
        return _merged(_taken(events), outcomes)

    def _in_force(self, events: list[HallEvent]) -> tuple[list[HallEvent], list[Rejection]]:
        """Return the events whose codes are in force, and the others' rejections by what is declared now."""
        if not begins_after_end(events, ended_codes(self._successions)):
            return events, []
        self._successions = self._store.codes.list()  # a declaration may have been withdrawn
        return in_force(self._store, events, ended_codes(self._successions))

    def _decode_parts(self, work: Work, check: Check) -> tuple[list[HallEvent], list[Rejection], set[EventName]]:
        """Return the events and rejections of a batch, and the names of imported events, after `check` allowed it."""
        events: list[HallEvent] = []
        refused: list[Rejection] = []
        imported: set[EventName] = set()
        for part in _parts(work.bodies):
            good, bad = self._decode(work, part, imported)
            good, begun = self._in_force(good) if self._successions else (good, [])
            bad += begun
            events += good
            refused += bad
            if bad:
                check(_taken(good), bad)
        return events, refused, imported

    def _decode(self, work: Work, part: slice, imported: set[EventName]) -> tuple[list[HallEvent], list[Rejection]]:
        """Return the events and the rejections of a part; add the names of imported events to `imported`.

        Never raises.
        """
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
    """Yield the slices of parts of about PART_BYTES each."""
    start = held = 0
    for index, body in enumerate(bodies, 1):
        held += len(body)
        if held >= PART_BYTES or index == len(bodies):
            yield slice(start, index)
            start, held = index, 0


def _taken(events: Iterable[HallEvent]) -> dict[str, int]:
    """Return REGION.HALL → number of its events."""
    return {f"{region}.{hall}": count for (region, hall), count in Counter(map(_hall_of, events)).items()}


def _parted(events: list[HallEvent], doubtful: frozenset[str]) -> tuple[list[HallEvent], list[HallEvent]]:
    """Return the events that are most likely new, and the doubtful ones, which are stored after them.

    A duplicate waits for the transaction that is just storing the same event; the new events must not wait with it.
    """
    if not doubtful:
        return events, []
    return [e for e in events if e.id not in doubtful], [e for e in events if e.id in doubtful]


def _merged(taken: dict[str, int], outcomes: Sequence[MergeOutcome]) -> Merged:
    return Merged(
        taken=taken,
        reused=[reused(event) for outcome in outcomes for event in outcome.reused],
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


MODULE = "services.ingest.merging"
NICE = 5
"""The processes' niceness: people wait for answers of the other services, a backlog can take a little longer."""


class MergingProcesses:
    """A fixed number of merging processes, started at once. A batch goes to one that is free."""

    def __init__(self, place: MergingSetup, count: int) -> None:
        self._all = [_MergingProcess(place) for _ in range(count)]
        self._free: queue.SimpleQueue[_MergingProcess] = queue.SimpleQueue()
        for process in self._all:
            self._free.put(process)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._all]

    def wait(self) -> None:
        """Wait until each process is ready. Raises Unavailable, Halt."""
        for process in self._all:
            process.wait()

    def do(self, work: Work, check: Check) -> Merged:
        """Merge a batch in a free process. Raises Halt, Unavailable (also if a process was killed; it is replaced)."""
        process = self._free.get()
        try:
            return process.do(work, check)
        finally:
            self._free.put(process)

    def end(self) -> None:
        """End all processes; running transactions are rolled back."""
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
            raise (Unavailable if self._ended else MergerDied)(f"a merging process {ended}") from None
        if isinstance(answer, MergeFailed):
            if answer.ended:
                raise MergerCutOff(answer.line)
            raise Unavailable(answer.line) if answer.again else MergeFault(answer.line)
        return answer


class _Dropped(Exception):
    """The service decided that this batch must not be merged."""


def serve(channel: Channel[Any]) -> None:
    """Merge the batches that come through a channel. Raises EOFError or ConnectionError when it ends."""
    place = channel.receive()
    os.nice(NICE)
    store = open_store(place.database_url, pool_size=1, service="ingest")
    merging = Merging(store, place.gateway_users, tracing=tracing_from(os.environ, "ingest"))
    gc.freeze()  # loaded modules stay: collections need not look at them again
    gc.set_threshold(1_000_000, 20, 100)  # collect seldom: a batch is half a million objects without cycles
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
        return MergeFailed(True, str(error), isinstance(error, ConnectionEnded))
    except Halt as error:
        return MergeFailed(False, str(error))
    except (EOFError, ConnectionError):
        raise
    except Exception as error:
        return MergeFailed(False, own_fault(error))


if __name__ == "__main__":
    with suppress(EOFError, ConnectionError):  # the service has ended
        serve(parent_channel(Request))
