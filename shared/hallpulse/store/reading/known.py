"""What is stored already: for imports, which publish what is new, and for those who wait until all is there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.event_id import pack_id, unpack_id
from hallpulse.store.codec import unpack_history
from hallpulse.store.incoming import stored_events


def read_event_counts(connection: Connection, region: int) -> dict[str, int]:
    """Hall → its stored events; doubles are not stored."""
    rows = connection.execute(
        text("SELECT hall, sum(events) FROM hall_days WHERE region = :region GROUP BY hall"), {"region": region}
    )
    return {hall: int(events) for hall, events in rows}


def read_stored_ids(connection: Connection, region: int, hall: str, ids: Sequence[str]) -> set[str]:
    """Those of the ids under which a hall's events are stored."""
    rows = connection.execute(
        text("SELECT id FROM events WHERE region = :region AND hall = :hall AND id = ANY(:ids)"),
        {"region": region, "hall": hall, "ids": [pack_id(id_) for id_ in ids]},
    )
    return {unpack_id(bytes(id_)) for (id_,) in rows}


def read_sample(connection: Connection, cases_each: int) -> list[HallEvent]:
    """The events of some cases of every hall, as they were stored."""
    rows = connection.execute(
        text(
            "SELECT c.region, c.hall, c.history FROM (SELECT DISTINCT region, hall FROM hall_days) h CROSS JOIN LATERAL"
            " (SELECT region, hall, history FROM cases WHERE region = h.region AND hall = h.hall LIMIT :each) c"
        ),
        {"each": cases_each},
    )
    keys = [(region, hall, one.key) for region, hall, history in rows for one in unpack_history(bytes(history))]
    return list(stored_events(connection, keys).values())


def read_case_events(
    connection: Connection, region: int, hall: str, case_ids: Sequence[str]
) -> dict[str, list[CaseEvent]]:
    """Case → its events, for those of the cases that any event has named."""
    rows = connection.execute(
        text("SELECT case_id, history FROM cases WHERE region = :region AND hall = :hall AND case_id = ANY(:ids)"),
        {"region": region, "hall": hall, "ids": list(case_ids)},
    )
    return {case_id: unpack_history(bytes(history)) for case_id, history in rows}
