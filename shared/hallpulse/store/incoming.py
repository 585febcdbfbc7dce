"""New, double or reused: what of a batch is stored for the first time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.contract.events import EventType, HallEvent

from .codec import pack_data, pack_id, unpack_data, unpack_id
from .staging import copy_rows

_COLUMNS = ("region", "hall", "id", "time", "arrived", "type", "case_id", "data", "extra")
_Key = tuple[int, str, bytes]


@dataclass(slots=True)
class Sorted:
    """A batch, sorted: `new` is stored now; `duplicates` said the same before; `reused` said something else."""

    new: list[HallEvent] = field(default_factory=list)
    duplicates: list[HallEvent] = field(default_factory=list)
    reused: list[HallEvent] = field(default_factory=list)


def insert_events(connection: Connection, batch: Sequence[HallEvent], arrived: int) -> Sorted:
    """Store the events whose (source, id) is new. arrived: minutes since 1970-01-01 UTC."""
    result = Sorted()
    first: dict[_Key, HallEvent] = {}
    for event in batch:
        key = (event.region, event.hall, pack_id(event.id))
        other = first.setdefault(key, event)
        if other is not event:
            (result.duplicates if event.same_content(other) else result.reused).append(event)
    stored = _insert(connection, first, arrived)
    result.new = [event for key, event in first.items() if key in stored]
    if len(stored) < len(first):
        _compare(connection, {key: event for key, event in first.items() if key not in stored}, result)
    return result


def _insert(connection: Connection, events: dict[_Key, HallEvent], arrived: int) -> set[_Key]:
    rows = ((*key, e.time, arrived, int(e.type), *pack_data(e.data), e.extra) for key, e in events.items())
    copy_rows(connection, "stage_events", "events", _COLUMNS, rows)
    names = ", ".join(_COLUMNS)
    inserted = connection.exec_driver_sql(
        f"INSERT INTO events ({names}) SELECT {names} FROM stage_events"
        " ON CONFLICT DO NOTHING RETURNING region, hall, id"
    )
    return {(region, hall, bytes(id_)) for region, hall, id_ in inserted}


def _compare(connection: Connection, seen: dict[_Key, HallEvent], result: Sorted) -> None:
    for stored in _stored(connection, seen):
        event = seen[stored.region, stored.hall, pack_id(stored.id)]
        (result.duplicates if event.same_content(stored) else result.reused).append(event)


def _stored(connection: Connection, keys: Iterable[_Key]) -> list[HallEvent]:
    listed = list(keys)
    rows = connection.execute(
        text(
            f"SELECT {EVENT_COLUMNS} FROM events e JOIN unnest(CAST(:regions AS int[]), CAST(:halls AS text[]),"
            " CAST(:ids AS bytea[])) AS k(region, hall, id) USING (region, hall, id)"
        ),
        {"regions": [k[0] for k in listed], "halls": [k[1] for k in listed], "ids": [k[2] for k in listed]},
    )
    return [event_of(row) for row in rows]


EVENT_COLUMNS = "region, hall, id, type, time, case_id, data, extra"


def event_of(row: Sequence[Any]) -> HallEvent:
    """An event as it was stored, from a row of EVENT_COLUMNS."""
    region, hall, id_, kind, time, case_id, data, extra = row
    extra = None if extra is None else bytes(extra)
    return HallEvent(
        region, hall, unpack_id(bytes(id_)), EventType(kind), time, unpack_data(kind, case_id, data), extra
    )
