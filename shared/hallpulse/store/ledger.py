"""Events about items, tallies and figures, kept by what they are about; folded anew when one arrives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from hallpulse.contract.events import Data, EventType, Family, HallEvent
from hallpulse.domain.event_id import pack_id, unpack_id

from .codec import pack_data, unpack_data
from .staging import copy_rows

_COLUMNS = ("region", "family", "entity", "hall", "id", "time", "type", "data")
Entity = tuple[int, str]
"""(region, what the events are about)."""


class Entry(NamedTuple):
    """One event of the ledger."""

    hall: str
    id: str
    time: int
    type: EventType
    data: Data


def entity_of(event: HallEvent) -> Entity:
    """A tally belongs to its hall's day, an item or a figure to its region."""
    if event.type.family is Family.TALLY:
        return event.region, f"{event.hall}/{event.entity}"
    return event.region, event.entity


def append(connection: Connection, events: Iterable[HallEvent]) -> None:
    copy_rows(
        connection,
        "stage_ledger",
        "ledger",
        _COLUMNS,
        (
            (
                e.region,
                e.type.family.value,
                entity_of(e)[1],
                e.hall,
                pack_id(e.id),
                e.time,
                int(e.type),
                pack_data(e.data)[1],
            )
            for e in events
        ),
    )
    names = ", ".join(_COLUMNS)
    connection.exec_driver_sql(f"INSERT INTO ledger ({names}) SELECT {names} FROM stage_ledger ON CONFLICT DO NOTHING")


def entries(connection: Connection, family: Family, entities: Sequence[Entity]) -> dict[Entity, list[Entry]]:
    """All events about each of the entities."""
    rows = connection.execute(
        text(
            "SELECT region, entity, hall, id, time, type, data FROM ledger JOIN unnest(CAST(:regions AS int[]),"
            " CAST(:entities AS text[])) AS k(region, entity) USING (region, entity) WHERE family = :family"
        ),
        {"regions": [e[0] for e in entities], "entities": [e[1] for e in entities], "family": family.value},
    )
    found: dict[Entity, list[Entry]] = {entity: [] for entity in entities}
    for region, entity, hall, id_, time, kind, data in rows:
        entry = Entry(hall, unpack_id(bytes(id_)), time, EventType(kind), unpack_data(kind, "", bytes(data)))
        found[region, entity].append(entry)
    return found
