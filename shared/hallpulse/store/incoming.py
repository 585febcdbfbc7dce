"""New, double or reused: what of a batch is stored for the first time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.contract.events import EventType, HallEvent
from hallpulse.domain.event_id import pack_id, unpack_id

from .codec import pack_data, unpack_data
from .staging import copy_rows

_COLUMNS = ("region", "hall", "id", "time", "arrived", "type", "case_id", "data", "extra")
EventKey = tuple[int, str, bytes]
"""Region, hall and packed id."""


@dataclass(slots=True)
class Sorted:
    """A batch, sorted: `new` is stored now; `duplicates` said the same before; `reused` said something else."""

    new: dict[EventKey, HallEvent] = field(default_factory=dict)
    duplicates: list[HallEvent] = field(default_factory=list)
    reused: list[HallEvent] = field(default_factory=list)


def insert_events(connection: Connection, batch: Sequence[HallEvent], arrived: int) -> Sorted:
    """Store the events whose (source, id) is new. arrived: minutes since 1970-01-01 UTC."""
    result = Sorted()
    first = result.new
    for event in batch:
        other = first.setdefault((event.region, event.hall, pack_id(event.id)), event)
        if other is not event:
            (result.duplicates if event.same_content(other) else result.reused).append(event)
    for key, stored in _insert(connection, first, arrived).items():
        event = first.pop(key)
        (result.duplicates if event.same_content(stored) else result.reused).append(event)
    return result


def _insert(connection: Connection, events: dict[EventKey, HallEvent], arrived: int) -> dict[EventKey, HallEvent]:
    """Store what is new; of the others, what an earlier transaction stored under their keys.

    In order of the key, so that transactions with the same events never wait for each other in a circle.
    One statement: its SELECT still sees the table as it was before its INSERT, and is skipped where all were new.
    """
    rows = ((*key, e.time, arrived, int(e.type), *pack_data(e.data), e.extra) for key, e in events.items())
    copy_rows(connection, "stage_events", "events", _COLUMNS, rows)
    seen = connection.execute(_INSERT, {"staged": len(events)})
    return {(row[0], row[1], bytes(row[2])): event_of(tuple(row)) for row in seen}


EVENT_COLUMNS = "region, hall, id, type, time, case_id, data, extra"
_INSERT = text(
    f"WITH inserted AS (INSERT INTO events ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} FROM stage_events"
    " ORDER BY region, hall, id ON CONFLICT DO NOTHING RETURNING 1)"
    f" SELECT {', '.join(f'e.{name}' for name in EVENT_COLUMNS.split(', '))}"
    " FROM stage_events JOIN events e USING (region, hall, id) WHERE (SELECT count(*) FROM inserted) < :staged"
)


def event_of(row: Sequence[Any]) -> HallEvent:
    """An event as it was stored, from a row of EVENT_COLUMNS."""
    region, hall, id_, kind, time, case_id, data, extra = row
    extra = None if extra is None else bytes(extra)
    return HallEvent(
        region, hall, unpack_id(bytes(id_)), EventType(kind), time, unpack_data(kind, case_id, data), extra
    )
