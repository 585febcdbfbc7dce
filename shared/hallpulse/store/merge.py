"""Merge a batch in one transaction: store new events, fold cases and catalogue again, add differences, commit.

Only new events of a batch are stored; duplicates, and events that reuse another event's id, are returned apart. The
number of events that each hall sent for each day is counted for coverage, freshness and lateness.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Engine, text

from hallpulse.contract.events import CaseData, EventType, Family, HallEvent
from hallpulse.domain.case import CaseEvent, pack_id, unpack_id
from hallpulse.domain.catalogue import first_change
from hallpulse.domain.errors import Outdated
from hallpulse.domain.succession import Succession
from hallpulse.store.archiving.packed_events import archived_rows, event_columns
from hallpulse.store.cases import CaseKey, Differences, Folded, fold_ahead, items_begun, refold
from hallpulse.store.database import (
    case_event,
    copy_into,
    copy_rows,
    of_regions,
    pack_data,
    to_date,
    transaction,
    unpack_data,
)
from hallpulse.store.in_force import ContextCache, Item, TransactionContext, read_successions
from hallpulse.store.item_versions import TimelineChange, store_items
from hallpulse.store.ledger import store_figures, store_tallies
from hallpulse.store.locks import lock_figures, lock_what_is_touched, share_calendars
from hallpulse.store.receipts import (
    MICROSECONDS_A_MINUTE,
    Times,
    arrival,
    note_hall_days,
    note_receipts,
    times_of,
)

_COLUMNS = ("region", "hall", "id", "time", "arrived", "type", "case_id", "data", "extra", "arrived_cs", "imported")
_BY_ID = itemgetter(2, 0, 1)
"""The order of the table's key, in which ids in order of time go to the end of its index."""
EventKey = tuple[int, str, bytes]
"""Region, hall and packed id."""
EventName = tuple[int, str, str]
"""Region, hall and id."""
Imported = frozenset[EventKey]
"""Events that an import repeats from records of the past: told by their sender, which no hall can choose."""
Events = Mapping[EventKey, HallEvent]
Rows = Iterable[tuple[Any, ...]]


class Expected(Enum):
    """The likely kind of a batch: a guess that saves work; a wrong one does no harm."""

    NEW = "none of it is stored"
    SOME_STORED = "some of it was stored long ago"
    ANYTHING = "some of it is stored, or just being stored"


@dataclass(slots=True)
class Sorted:
    """A batch, sorted.

    new: events that are stored now; duplicates: events whose id was stored with the same content; reused: events whose
    id was stored with other content; stored_long_ago: some were stored, though not expected as just being stored.
    """

    new: dict[EventKey, HallEvent] = field(default_factory=dict)
    duplicates: list[HallEvent] = field(default_factory=list)
    reused: list[HallEvent] = field(default_factory=list)
    stored_long_ago: bool = False


def insert_events(
    connection: Connection,
    batch: Sequence[HallEvent],
    arrived: int,
    expected: Expected,
    imported: Imported = frozenset(),
) -> Sorted:
    """Store the events whose (source, id) is new. arrived: microseconds since 1970-01-01 UTC."""
    result = Sorted()
    first = result.new
    for event in batch:
        other = first.setdefault((event.region, event.hall, pack_id(event.id)), event)
        if other is not event:
            (result.duplicates if event.same_content(other) else result.reused).append(event)
    if archived := _archived(connection, first):
        _take_out(archived, result)
        result.stored_long_ago = True
    rows = partial(_event_rows, first, arrived, imported)
    if expected is Expected.NEW and _insert_new(connection, rows()):
        return result
    if expected is not Expected.ANYTHING:
        stored = _stored(connection, sorted(first, key=_BY_ID))
        _take_out(stored, result)
        result.stored_long_ago |= bool(stored)
        if not first or _insert_new(connection, rows()):
            return result
    _take_out(_insert_where_new(connection, rows()), result)
    return result


def _take_out(stored: Events, result: Sorted) -> None:
    """Move events that had been stored before from the new ones to duplicates or reused."""
    for key, before in stored.items():
        event = result.new.pop(key)
        (result.duplicates if event.same_content(before) else result.reused).append(event)


def _insert_new(connection: Connection, rows: Rows) -> bool:
    """Store events straight in the table, in half the time; return False and store none if one is there already."""
    try:
        with connection.begin_nested():
            copy_into(connection, "events", _COLUMNS, rows)
    except UniqueViolation:
        return False
    return True


def _insert_where_new(connection: Connection, rows: Rows) -> dict[EventKey, HallEvent]:
    """Store the new events; return those that earlier transactions stored under the keys of the others.

    They are read by a separate statement: the insert may have waited for another transaction to commit the same events,
    which its own snapshot does not show.
    """
    copy_rows(connection, "stage_events", "events", _COLUMNS, rows)
    return _stored(connection, [(row[0], row[1], bytes(row[2])) for row in connection.execute(_INSERT)])


def stored_events(connection: Connection, keys: Sequence[EventKey]) -> dict[EventKey, HallEvent]:
    """Return the committed events under these keys, also archived ones."""
    found = _stored(connection, keys)
    return found | _archived(connection, [key for key in keys if key not in found])


def _archived(connection: Connection, keys: Collection[EventKey]) -> dict[EventKey, HallEvent]:
    return {key: event_of(event_columns(row)) for key, row in archived_rows(connection, keys).items()}


def _stored(connection: Connection, keys: Sequence[EventKey]) -> dict[EventKey, HallEvent]:
    if not keys:
        return {}
    regions, halls, ids = (list(column) for column in zip(*keys, strict=True))
    rows = connection.execute(
        text(_STORED + of_regions(connection, "e.region", regions)), {"regions": regions, "halls": halls, "ids": ids}
    )
    return {(row[0], row[1], bytes(row[2])): event_of(tuple(row)) for row in rows}


def _event_rows(events: Events, arrived: int, imported: Imported) -> Iterator[tuple[Any, ...]]:
    """Yield rows in order of the key, so that transactions with the same events never wait in a circle."""
    minute, hundredths = arrival(arrived)
    for key in sorted(events, key=_BY_ID):
        e = events[key]
        mark = True if imported and key in imported else None
        yield (*key, e.time, minute, int(e.type), *pack_data(e.data), e.extra, hundredths, mark)


EVENT_COLUMNS = "region, hall, id, type, time, case_id, data, extra"
_INSERT = text(
    f"WITH inserted AS (INSERT INTO events ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} FROM stage_events"
    " ON CONFLICT DO NOTHING RETURNING region, hall, id)"
    " SELECT region, hall, id FROM stage_events EXCEPT SELECT region, hall, id FROM inserted"
)
_STORED = (
    f"SELECT {', '.join(f'e.{name}' for name in EVENT_COLUMNS.split(', '))} FROM events e JOIN"
    " unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:ids AS bytea[])) AS k(region, hall, id)"
    " ON e.region = k.region AND e.hall = k.hall AND e.id = k.id WHERE true"
)


def event_of(row: Sequence[Any]) -> HallEvent:
    """Return a stored event from a row of EVENT_COLUMNS."""
    region, hall, id_, kind, time, case_id, data, extra = row
    extra = None if extra is None else bytes(extra)
    return HallEvent(
        region, hall, unpack_id(bytes(id_)), EventType(kind), time, unpack_data(kind, case_id, data), extra
    )


CASES_AT_ONCE = 5_000
_NOTHING_AHEAD: Mapping[CaseKey, Folded] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """The outcome of a batch: its new events, its duplicates, and the events that reuse an id (as in `Sorted`).

    redated: number of cases folded again because of a changed catalogue; times: of the new events, by hall.
    """

    new: Sequence[HallEvent] = ()
    duplicates: Sequence[HallEvent] = ()
    reused: Sequence[HallEvent] = ()
    redated: int = 0
    times: Times = field(default_factory=dict)
    stored_long_ago: bool = False


def merge(
    engine: Engine,
    cache: ContextCache,
    batch: Sequence[HallEvent],
    arrived: int,
    expected: Expected,
    *,
    imported: Collection[EventName] = (),
    successions: Sequence[Succession] | None = None,
) -> MergeOutcome:
    """Store a batch, all or nothing; storing it again changes nothing.

    arrived: microseconds since 1970-01-01 UTC; expected: the likely kind of the batch; imported: those of its events
    that an import repeats from records of the past; successions: those by which its events were checked, if they were.
    Raises Outdated if others are in force, Unavailable (try again) or Halt.
    """
    if not batch:
        return MergeOutcome()
    repeated = frozenset((region, hall, pack_id(id_)) for region, hall, id_ in imported)
    with transaction(engine) as connection:
        share_calendars(connection)
        if successions is not None and read_successions(connection) != [*successions]:
            raise Outdated("region codes have changed")
        found = insert_events(connection, batch, arrived, expected, repeated)
        events = list(found.new.values())
        if not events:
            note_receipts(connection, {}, found.duplicates, arrived)
            return MergeOutcome((), found.duplicates, found.reused, stored_long_ago=found.stored_long_ago)
        times = times_of(events)
        never_late = times_of(event for key, event in found.new.items() if key in repeated) if repeated else {}
        taken = _taken(connection, found.new, cache)  # before others have to wait for our locks
        regions = {region for region, _ in times}
        lock_what_is_touched(connection, times, {e.region for e in events if e.type.family is Family.ITEM})
        context = cache.begin(connection, regions)
        redated = _take_in(connection, context, taken)
        note_receipts(connection, times, found.duplicates, arrived)
        note_hall_days(connection, times, never_late, arrived // MICROSECONDS_A_MINUTE)
    context.committed()
    return MergeOutcome(events, found.duplicates, found.reused, redated, times, found.stored_long_ago)


@dataclass(frozen=True, slots=True)
class _Taken:
    """New events sorted by what they touch: events of cases by case, the others by family.

    begun: the items that `received` events name; ahead: cases that begin, folded already.
    """

    cases: dict[CaseKey, list[CaseEvent]]
    begun: Collection[Item]
    ahead: Mapping[CaseKey, Folded]
    others: Mapping[Family, Sequence[HallEvent]]


def _taken(connection: Connection, events: Mapping[EventKey, HallEvent], cache: ContextCache) -> _Taken:
    cases: dict[CaseKey, list[CaseEvent]] = defaultdict(list)
    others: dict[Family, list[HallEvent]] = defaultdict(list)
    for (region, hall, key), event in events.items():
        data = event.data
        if isinstance(data, CaseData):
            cases[region, hall, data.case_id].append(case_event(event, key))
        else:
            others[event.type.family].append(event)
    begun = items_begun(cases)
    cache.foresee(connection, begun)
    return _Taken(cases, begun, fold_ahead(cases, cache.last_seen), others)


def _take_in(connection: Connection, context: TransactionContext, taken: _Taken) -> int:
    touched, others = taken.cases, taken.others
    redated = 0
    if items := others.get(Family.ITEM):
        changed = store_items(connection, items)
        context.catalogue_changed({item: change.after for item, change in changed.items()})
        redated = add_cases_of(connection, changed, touched)
    if tallies := others.get(Family.TALLY):
        store_tallies(connection, tallies)
    if figures := others.get(Family.FIGURE):
        lock_figures(connection, {event.region for event in figures})
        store_figures(connection, figures)
    refold_all(connection, touched, context, taken.begun, taken.ahead)
    return redated


def refold_all(
    connection: Connection,
    touched: Mapping[CaseKey, Sequence[CaseEvent]],
    context: TransactionContext,
    begun: Collection[Item] = (),
    ahead: Mapping[CaseKey, Folded] = _NOTHING_AHEAD,
) -> None:
    """Fold the touched cases, some thousands at a time, and write all differences together.

    begun: the items that new `received` events name, if there are any.
    """
    context.want(begun)
    differences = Differences()
    keys = sorted(touched)
    for start in range(0, len(keys), CASES_AT_ONCE):
        some = {key: touched[key] for key in keys[start : start + CASES_AT_ONCE]}
        refold(connection, some, ahead, context, differences)
    differences.write(connection)


def add_cases_of(
    connection: Connection, changed: Mapping[Item, TimelineChange], touched: dict[CaseKey, list[CaseEvent]]
) -> int:
    """Add the cases whose item now has another version, so that they are folded again; return their number."""
    first = {item: first_change(*change) for item, change in changed.items()}
    listed = sorted((region, code, to_date(day)) for (region, code), day in first.items() if day is not None)
    if not listed:
        return 0
    rows = connection.execute(
        text(
            "SELECT region, hall, case_id FROM cases JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]),"
            " CAST(:days AS date[])) AS k(region, item_code, day) USING (region, item_code) WHERE accepted >= day"
            + of_regions(connection, "cases.region", (region for region, *_ in listed))
        ),
        {name: [item[index] for item in listed] for index, name in enumerate(("regions", "codes", "days"))},
    )
    keys = [(region, hall, case_id) for region, hall, case_id in rows]
    for key in keys:
        touched.setdefault(key, [])
    return len(keys)
