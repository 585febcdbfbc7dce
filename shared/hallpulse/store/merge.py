"""One batch, one transaction: new events in, cases and catalogue folded again, differences added, committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import CaseData, Family, HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import first_change

from .cases import CaseKey, refold
from .catalogue import Change, Item, store_items
from .cells import Differences
from .codec import case_event
from .context import ContextCache, TransactionContext
from .database import transaction
from .hall_days import MICROSECONDS_A_MINUTE, Times, note_hall_days, times_of
from .incoming import EventKey, insert_events
from .locks import lock_figures, lock_halls, lock_regions, share_calendars
from .recent import RecentIds
from .reports import store_figures, store_tallies
from .staging import to_date

CASES_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """What became of a batch: which events are new, which were double or used an id again.

    redated: cases that a changed catalogue touched; times: of the new events, by hall.
    """

    new: Sequence[HallEvent] = ()
    duplicates: Sequence[HallEvent] = ()
    reused: Sequence[HallEvent] = ()
    redated: int = 0
    times: Times = field(default_factory=dict)


def merge(
    engine: Engine, cache: ContextCache, recent: RecentIds, batch: Sequence[HallEvent], arrived: int
) -> MergeOutcome:
    """Store a batch, all or nothing; storing it again changes nothing.

    arrived: microseconds since 1970-01-01 UTC. Raises Unavailable (try again) or Halt.
    """
    if not batch:
        return MergeOutcome()
    minute = arrived // MICROSECONDS_A_MINUTE
    with transaction(engine) as connection:
        share_calendars(connection)
        found = insert_events(connection, recent, batch, minute)
        events = list(found.new.values())
        if not events:
            return MergeOutcome((), found.duplicates, found.reused)
        times = times_of(events)
        regions = {region for region, _ in times}
        lock_regions(connection, regions, {e.region for e in events if e.type.family is Family.ITEM})
        lock_halls(connection, times.keys())
        context = cache.begin(connection, regions)
        redated = _take_in(connection, context, found.new)
        note_hall_days(connection, times, minute)
    context.committed()
    return MergeOutcome(events, found.duplicates, found.reused, redated, times)


def _take_in(connection: Connection, context: TransactionContext, events: Mapping[EventKey, HallEvent]) -> int:
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
        context.catalogue_changed({item: change.after for item, change in changed.items()})
        redated = _add_cases_of(connection, changed, touched)
    if others[Family.TALLY]:
        store_tallies(connection, others[Family.TALLY])
    if others[Family.FIGURE]:
        lock_figures(connection, {event.region for event in others[Family.FIGURE]})
        store_figures(connection, others[Family.FIGURE])
    refold_all(connection, touched, context)
    return redated


def refold_all(connection: Connection, touched: dict[CaseKey, list[CaseEvent]], context: TransactionContext) -> None:
    """Fold the touched cases, some thousands at once, and write all differences together."""
    differences = Differences()
    keys = sorted(touched)
    for start in range(0, len(keys), CASES_AT_ONCE):
        refold(connection, {key: touched[key] for key in keys[start : start + CASES_AT_ONCE]}, context, differences)
    differences.write(connection)


def _add_cases_of(
    connection: Connection, changed: Mapping[Item, Change], touched: dict[CaseKey, list[CaseEvent]]
) -> int:
    """Cases for which another version of their item holds now are folded again, with or without events of their own."""
    first = {item: first_change(*change) for item, change in changed.items()}
    listed = sorted((region, code, to_date(day)) for (region, code), day in first.items() if day is not None)
    rows = connection.execute(
        text(
            "SELECT region, hall, case_id FROM cases JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]),"
            " CAST(:days AS date[])) AS k(region, item_code, day) USING (region, item_code) WHERE accepted >= day"
        ),
        {name: [item[index] for item in listed] for index, name in enumerate(("regions", "codes", "days"))},
    )
    keys = [(region, hall, case_id) for region, hall, case_id in rows]
    for key in keys:
        touched.setdefault(key, [])
    return len(keys)
