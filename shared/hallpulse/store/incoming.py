"""New, double or reused: what of a batch is stored for the first time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, text

from hallpulse.contract.events import EventType, HallEvent
from hallpulse.domain.event_id import pack_id, unpack_id

from .codec import pack_data, unpack_data
from .staging import copy_into, copy_rows

_COLUMNS = ("region", "hall", "id", "time", "arrived", "type", "case_id", "data", "extra")
_BY_ID = itemgetter(2, 0, 1)
"""The order of the table's key. Ids in order of time then go to the end of its index."""
EventKey = tuple[int, str, bytes]
"""Region, hall and packed id."""
Events = Mapping[EventKey, HallEvent]


class Expected(Enum):
    """What a batch most likely is: a guess that saves work, and is never relied upon."""

    NEW = "none of it is stored"
    SOME_STORED = "some of it was stored long ago"
    ANYTHING = "some of it is stored, or just being stored"


@dataclass(slots=True)
class Sorted:
    """A batch, sorted: `new` is stored now; `duplicates` said the same before; `reused` said something else.

    stored_long_ago: some of a batch that was not expected to be anything had been stored.
    """

    new: dict[EventKey, HallEvent] = field(default_factory=dict)
    duplicates: list[HallEvent] = field(default_factory=list)
    reused: list[HallEvent] = field(default_factory=list)
    stored_long_ago: bool = False


def insert_events(connection: Connection, batch: Sequence[HallEvent], arrived: int, expected: Expected) -> Sorted:
    """Store the events whose (source, id) is new. arrived: minutes since 1970-01-01 UTC."""
    result = Sorted()
    first = result.new
    for event in batch:
        other = first.setdefault((event.region, event.hall, pack_id(event.id)), event)
        if other is not event:
            (result.duplicates if event.same_content(other) else result.reused).append(event)
    if expected is Expected.NEW and _insert_new(connection, first, arrived):
        return result
    if expected is not Expected.ANYTHING:
        stored = stored_events(connection, sorted(first, key=_BY_ID))
        _take_out(stored, result)
        result.stored_long_ago = bool(stored)
        if not first or _insert_new(connection, first, arrived):
            return result
    _take_out(_insert_where_new(connection, first, arrived), result)
    return result


def _take_out(stored: Events, result: Sorted) -> None:
    """What had been stored before is not new."""
    for key, before in stored.items():
        event = result.new.pop(key)
        (result.duplicates if event.same_content(before) else result.reused).append(event)


def _insert_new(connection: Connection, events: Events, arrived: int) -> bool:
    """Store events straight in the table, which takes half the time; nothing where one of them is there already."""
    try:
        with connection.begin_nested():
            copy_into(connection, "events", _COLUMNS, _rows(events, arrived))
    except UniqueViolation:
        return False
    return True


def _insert_where_new(connection: Connection, events: Events, arrived: int) -> dict[EventKey, HallEvent]:
    """Store what is new; of the others, what an earlier transaction stored under their keys.

    That is asked for by a statement of its own: the insert may have waited for another transaction to commit the same
    events, which its own snapshot does not show.
    """
    copy_rows(connection, "stage_events", "events", _COLUMNS, _rows(events, arrived))
    return stored_events(connection, [(row[0], row[1], bytes(row[2])) for row in connection.execute(_INSERT)])


def stored_events(connection: Connection, keys: Sequence[EventKey]) -> dict[EventKey, HallEvent]:
    """What is stored under these keys, as far as it is committed."""
    if not keys:
        return {}
    regions, halls, ids = (list(column) for column in zip(*keys, strict=True))
    rows = connection.execute(_STORED, {"regions": regions, "halls": halls, "ids": ids})
    return {(row[0], row[1], bytes(row[2])): event_of(tuple(row)) for row in rows}


def _rows(events: Events, arrived: int) -> Iterator[tuple[Any, ...]]:
    """In order of the key, so that transactions with the same events do not wait for each other in a circle."""
    for key in sorted(events, key=_BY_ID):
        e = events[key]
        yield (*key, e.time, arrived, int(e.type), *pack_data(e.data), e.extra)


EVENT_COLUMNS = "region, hall, id, type, time, case_id, data, extra"
_INSERT = text(
    f"WITH inserted AS (INSERT INTO events ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} FROM stage_events"
    " ON CONFLICT DO NOTHING RETURNING region, hall, id)"
    " SELECT region, hall, id FROM stage_events EXCEPT SELECT region, hall, id FROM inserted"
)
_STORED = text(
    f"SELECT {', '.join(f'e.{name}' for name in EVENT_COLUMNS.split(', '))} FROM events e JOIN"
    " unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:ids AS bytea[])) AS k(region, hall, id)"
    " USING (region, hall, id)"
)


def event_of(row: Sequence[Any]) -> HallEvent:
    """An event as it was stored, from a row of EVENT_COLUMNS."""
    region, hall, id_, kind, time, case_id, data, extra = row
    extra = None if extra is None else bytes(extra)
    return HallEvent(
        region, hall, unpack_id(bytes(id_)), EventType(kind), time, unpack_data(kind, case_id, data), extra
    )
