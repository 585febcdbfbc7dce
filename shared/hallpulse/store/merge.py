"""One batch, one transaction: new events in, cases and catalogue folded again, differences added, committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import CaseData, Family, HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.domain.workdays import local_day

from .cases import CaseKey, refold
from .catalogue import Item, store_items
from .cells import Differences
from .codec import case_event
from .context import ContextCache, TransactionContext
from .database import transaction
from .incoming import EventKey, insert_events
from .locks import lock_halls, lock_regions
from .recent import RecentIds
from .reports import store_figures, store_tallies
from .staging import to_date

CASES_AT_ONCE = 5_000
_MICROSECONDS_A_MINUTE = 60_000_000
_OF_THE_REGION = frozenset({Family.ITEM, Family.FIGURE})
"""What several halls of a region may write to at once."""


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """What became of a batch: how many events are new, and which were double or used an id again."""

    new: Sequence[HallEvent] = ()
    duplicates: Sequence[HallEvent] = ()
    reused: Sequence[HallEvent] = ()
    redated: int = field(default=0)


def merge(
    engine: Engine, cache: ContextCache, recent: RecentIds, batch: Sequence[HallEvent], arrived: int
) -> MergeOutcome:
    """Store a batch, all or nothing; storing it again changes nothing.

    arrived: microseconds since 1970-01-01 UTC. Raises Unavailable (try again) or Halt.
    """
    if not batch:
        return MergeOutcome()
    with transaction(engine) as connection:
        regions = {event.region for event in batch}
        rewritten = {event.region for event in batch if event.type.family in _OF_THE_REGION}
        lock_regions(connection, regions, rewritten)
        minute = arrived // _MICROSECONDS_A_MINUTE
        found = insert_events(connection, recent, batch, minute)
        events = list(found.new.values())
        redated = 0
        if events:
            lock_halls(connection, {(event.region, event.hall) for event in events})
            context = cache.begin(connection, regions)
            redated = _take_in(connection, context, found.new, minute)
    return MergeOutcome(events, found.duplicates, found.reused, redated)


def _take_in(
    connection: Connection, context: TransactionContext, events: Mapping[EventKey, HallEvent], arrived: int
) -> int:
    touched: dict[CaseKey, list[CaseEvent]] = defaultdict(list)
    others: dict[Family, list[HallEvent]] = defaultdict(list)
    for (region, hall, key), event in events.items():
        data = event.data
        if isinstance(data, CaseData):
            touched[region, hall, data.case_id].append(case_event(event, key))
        else:
            others[event.type.family].append(event)
    redated = 0
    if others[Family.ITEM]:
        changed = store_items(connection, others[Family.ITEM])
        context.catalogue_changed({region for region, _ in changed})
        redated = _add_cases_of(connection, changed, touched)
    if others[Family.TALLY]:
        store_tallies(connection, others[Family.TALLY])
    if others[Family.FIGURE]:
        store_figures(connection, others[Family.FIGURE])
    refold_all(connection, touched, context)
    _note_hall_days(connection, events.values(), arrived)
    return redated


def refold_all(connection: Connection, touched: dict[CaseKey, list[CaseEvent]], context: TransactionContext) -> None:
    """Fold the touched cases, some thousands at once, and write all differences together."""
    differences = Differences()
    keys = sorted(touched)
    for start in range(0, len(keys), CASES_AT_ONCE):
        refold(connection, {key: touched[key] for key in keys[start : start + CASES_AT_ONCE]}, context, differences)
    differences.write(connection)


def _add_cases_of(connection: Connection, items: Iterable[Item], touched: dict[CaseKey, list[CaseEvent]]) -> int:
    """Cases whose item has another timeline now are folded again, with or without new events of their own."""
    listed = sorted(items)
    rows = connection.execute(
        text(
            "SELECT region, hall, case_id FROM cases JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]))"
            " AS k(region, item_code) USING (region, item_code)"
        ),
        {"regions": [i[0] for i in listed], "codes": [i[1] for i in listed]},
    )
    keys = [(region, hall, case_id) for region, hall, case_id in rows]
    for key in keys:
        touched.setdefault(key, [])
    return len(keys)


def _note_hall_days(connection: Connection, events: Iterable[HallEvent], arrived: int) -> None:
    """How much each hall sent of each day, how much of it late, and the newest of it: coverage and freshness."""
    days: dict[tuple[int, str, int], list[int]] = {}
    for event in events:
        noted = days.setdefault((event.region, event.hall, local_day(event.time)), [0, event.time, 0])
        noted[0] += 1
        noted[1] = max(noted[1], event.time)
        noted[2] += arrived - event.time // _MICROSECONDS_A_MINUTE > LATE_MINUTES
    rows = [(*key[:2], to_date(key[2]), *noted) for key, noted in sorted(days.items())]
    names = ("regions", "halls", "days", "events", "newest", "late")
    connection.execute(
        text(
            "INSERT INTO hall_days (region, hall, day, events, newest, late)"
            " SELECT * FROM unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:days AS date[]),"
            " CAST(:events AS int[]), CAST(:newest AS bigint[]), CAST(:late AS int[]))"
            " ON CONFLICT (region, hall, day) DO UPDATE SET events = hall_days.events + excluded.events,"
            " newest = greatest(hall_days.newest, excluded.newest), late = hall_days.late + excluded.late"
        ),
        {name: [row[index] for row in rows] for index, name in enumerate(names)},
    )
