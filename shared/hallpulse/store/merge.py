"""One batch, one transaction: new events in, cases and catalogue folded again, differences added, committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import CaseData, Family, HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import first_change

from .cases import CaseKey, Folded, fold_ahead, refold
from .catalogue import Change, Item, store_items
from .cells import Differences
from .codec import case_event
from .context import ContextCache, TransactionContext
from .database import transaction
from .hall_days import MICROSECONDS_A_MINUTE, Times, note_hall_days, times_of
from .incoming import EventKey, Expected, insert_events
from .locks import lock_figures, lock_halls, lock_regions, share_calendars
from .reports import store_figures, store_tallies
from .staging import to_date

CASES_AT_ONCE = 5_000
_NOTHING_AHEAD: Mapping[CaseKey, Folded] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """What became of a batch: which events are new, which were double or used an id again.

    redated: cases that a changed catalogue touched; times: of the new events, by hall;
    stored_long_ago: some of it was, where the batch was not expected to be anything.
    """

    new: Sequence[HallEvent] = ()
    duplicates: Sequence[HallEvent] = ()
    reused: Sequence[HallEvent] = ()
    redated: int = 0
    times: Times = field(default_factory=dict)
    stored_long_ago: bool = False


def merge(
    engine: Engine, cache: ContextCache, batch: Sequence[HallEvent], arrived: int, expected: Expected
) -> MergeOutcome:
    """Store a batch, all or nothing; storing it again changes nothing.

    arrived: microseconds since 1970-01-01 UTC; expected: what the batch most likely is. Raises Unavailable (try
    again) or Halt.
    """
    if not batch:
        return MergeOutcome()
    minute = arrived // MICROSECONDS_A_MINUTE
    with transaction(engine) as connection:
        share_calendars(connection)
        found = insert_events(connection, batch, minute, expected)
        events = list(found.new.values())
        if not events:
            return MergeOutcome((), found.duplicates, found.reused, stored_long_ago=found.stored_long_ago)
        times, taken = times_of(events), _taken(found.new, cache)  # before anybody has to wait for us
        regions = {region for region, _ in times}
        lock_regions(connection, regions, {e.region for e in events if e.type.family is Family.ITEM})
        lock_halls(connection, times.keys())
        context = cache.begin(connection, regions)
        redated = _take_in(connection, context, taken)
        note_hall_days(connection, times, minute)
    context.committed()
    return MergeOutcome(events, found.duplicates, found.reused, redated, times, found.stored_long_ago)


@dataclass(frozen=True, slots=True)
class _Taken:
    """New events by what they touch: those of cases by case, the others by family."""

    cases: dict[CaseKey, list[CaseEvent]]
    ahead: Mapping[CaseKey, Folded]
    others: Mapping[Family, Sequence[HallEvent]]


def _taken(events: Mapping[EventKey, HallEvent], cache: ContextCache) -> _Taken:
    cases: dict[CaseKey, list[CaseEvent]] = defaultdict(list)
    others: dict[Family, list[HallEvent]] = defaultdict(list)
    for (region, hall, key), event in events.items():
        data = event.data
        if isinstance(data, CaseData):
            cases[region, hall, data.case_id].append(case_event(event, key))
        else:
            others[event.type.family].append(event)
    return _Taken(cases, fold_ahead(cases, cache.last_seen), others)


def _take_in(connection: Connection, context: TransactionContext, taken: _Taken) -> int:
    touched, others = taken.cases, taken.others
    redated = 0
    if items := others.get(Family.ITEM):
        changed = store_items(connection, items)
        context.catalogue_changed({item: change.after for item, change in changed.items()})
        redated = _add_cases_of(connection, changed, touched)
    if tallies := others.get(Family.TALLY):
        store_tallies(connection, tallies)
    if figures := others.get(Family.FIGURE):
        lock_figures(connection, {event.region for event in figures})
        store_figures(connection, figures)
    refold_all(connection, touched, context, taken.ahead)
    return redated


def refold_all(
    connection: Connection,
    touched: Mapping[CaseKey, Sequence[CaseEvent]],
    context: TransactionContext,
    ahead: Mapping[CaseKey, Folded] = _NOTHING_AHEAD,
) -> None:
    """Fold the touched cases, some thousands at once, and write all differences together."""
    differences = Differences()
    keys = sorted(touched)
    for start in range(0, len(keys), CASES_AT_ONCE):
        some = {key: touched[key] for key in keys[start : start + CASES_AT_ONCE]}
        refold(connection, some, ahead, context, differences)
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
