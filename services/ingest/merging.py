"""What is done with the messages of a batch: decode, weigh, merge, and say in few words what became of them."""

from __future__ import annotations

import operator
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from hallpulse.broker import Letter
from hallpulse.contract.decode import decode_message, decode_ordinary
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import EventType, HallEvent
from hallpulse.contract.reasons import Reason
from hallpulse.contract.refusal import Refusal
from hallpulse.contract.speaker import speaker, user_name
from hallpulse.metrics import HallCount
from hallpulse.store import Expected, MergeOutcome, Store

from .refusals import rejected_letter
from .work import HallTimes, Merged, Weigh, Work

PART_BYTES = 128 * 1024
"""So much is decoded before it is said what of it is refused: a flood of rubbish is known early."""
_hall_of = operator.attrgetter("region", "hall")
_kind_of = operator.attrgetter("region", "hall", "type._value_")  # hashing a member of an enumeration is slow


class Merging:
    """On a store of its own or a shared one; for any number of threads.

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

    def do(self, work: Work, weigh: Weigh) -> Merged:
        """Merge a batch; `weigh` is asked, soon and once for each part of it, where some of that part is refused.

        Raises Unavailable (some of it may be stored then, and is known when it comes again), Halt, what `weigh` raises.
        """
        events: list[HallEvent] = []
        refused: list[Letter] = []
        for part in _parts(work.bodies):
            good, bad = self._decode(work, part)
            events += good
            refused += bad
            if bad:
                weigh(_taken(good), bad)
        taken = _taken(events)
        likely, doubtful = _parted(events, frozenset(id_.decode(errors="replace") for id_ in work.doubtful))
        expected = Expected.SOME_STORED if work.old_doubles else Expected.NEW
        merged = _merged(taken, refused, [self._merge(likely, expected), self._merge(doubtful, Expected.ANYTHING)])
        self._store.refused.enter([*map(rejected_letter, (*refused, *merged.reused))], self._now())
        return merged

    def _merge(self, events: Sequence[HallEvent], expected: Expected) -> MergeOutcome:
        return self._store.merge(events, self._now(), expected)

    def _decode(self, work: Work, part: slice) -> tuple[list[HallEvent], list[Letter]]:
        """Events, good and bad; never raises."""
        now, gateway_users = time.time_ns() // 1000, self._gateway_users
        events: list[HallEvent] = []
        refused: list[Letter] = []
        columns = (work.bodies[part], work.content_types[part], work.routing_keys[part], work.user_ids[part])
        for body, content_type, routing_key, user_id in zip(*columns, strict=True):
            check = speaker(routing_key, user_id, gateway_users).check
            if (event := decode_ordinary(body, content_type, check, now)) is not None:
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
            refused += (Letter(refusal, routing_key, user_id or "") for refusal in decoded.refusals)
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

    They are stored one after the other: a double has to wait for whoever is just storing the same, and would have all
    the others wait with it.
    """
    if not doubtful:
        return events, []
    return [e for e in events if e.id not in doubtful], [e for e in events if e.id in doubtful]


def _merged(taken: dict[str, int], refused: Sequence[Letter], outcomes: Sequence[MergeOutcome]) -> Merged:
    return Merged(
        taken=taken,
        refused=refused,
        reused=[_reused(event) for outcome in outcomes for event in outcome.reused],
        new=[count for outcome in outcomes for count in _counts(outcome.new)],
        duplicates=[count for outcome in outcomes for count in _counts(outcome.duplicates)],
        times=[HallTimes.of(*hall, times) for outcome in outcomes for hall, times in outcome.times.items()],
        old_doubles=any(outcome.stored_long_ago for outcome in outcomes),
    )


def _counts(events: Iterable[HallEvent]) -> list[HallCount]:
    counts: Counter[tuple[int, str, str]] = Counter()
    for (region, hall, kind), count in Counter(map(_kind_of, events)).items():
        counts[region, hall, EventType(kind).family.value] += count
    return [HallCount(*key, count) for key, count in counts.items()]


def _reused(event: HallEvent) -> Letter:
    """An event whose id the same source has used for something else."""
    source = f"/{event.region}/{event.hall}"
    detail = "expected an id that this source has not used for another event"
    refusal = Refusal(Reason.ID_REUSED, "id", detail, source, encode_event(event))
    user = user_name(event.region, event.hall)
    return Letter(refusal, f"{user}.{event.type.family}", user)
