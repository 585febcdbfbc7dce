"""One case: all its events, what they come to, and its clock."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import Kind
from hallpulse.domain.clockface import Clock, clock_of
from hallpulse.store.cases import CaseKey
from hallpulse.store.catalogue import timelines
from hallpulse.store.codec import unpack_history
from hallpulse.store.incoming import EVENT_COLUMNS, event_of

from .calendars import CalendarReader


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A case's events in order of (time, id); `retracted` are the ids of those that no longer count.

    clock: None while the case's `received` has not come.
    """

    region: int
    hall: str
    case_id: str
    events: tuple[HallEvent, ...]
    retracted: frozenset[str]
    clock: Clock | None


def read_is_of(connection: Connection, case: CaseKey, department: str) -> bool:
    """Whether a case is a department's: one look-up of a key, whether it is there, another's, or not at all."""
    region, hall, case_id = case
    query = (
        "SELECT EXISTS (SELECT FROM cases WHERE region = :region AND hall = :hall AND case_id = :case_id"
        " AND department = :department)"
    )
    given = {"region": region, "hall": hall, "case_id": case_id, "department": department}
    return bool(connection.execute(text(query), given).scalar())


def read_history(connection: Connection, calendars: CalendarReader, case: CaseKey, today: int) -> CaseHistory | None:
    """The case, or None where no event names it. today: days since 1970-01-01, for an open case's clock."""
    region, hall, case_id = case
    key = {"region": region, "hall": hall, "case_id": case_id}
    packed = connection.execute(
        text("SELECT history FROM cases WHERE region = :region AND hall = :hall AND case_id = :case_id"), key
    ).scalar()
    if packed is None:
        return None
    events = unpack_history(bytes(packed))
    rows = connection.execute(
        text(f"SELECT {EVENT_COLUMNS} FROM events WHERE region = :region AND hall = :hall AND id = ANY(:ids)"),
        {"region": region, "hall": hall, "ids": [event.key for event in events]},
    )
    stored = sorted((event_of(tuple(row)) for row in rows), key=lambda event: (event.time, event.id))
    named = {event.text for event in events if event.kind == Kind.RETRACTED and event.text}
    retracted = frozenset(e.id for e in events if e.id in named and e.kind != Kind.RETRACTED)
    clock = clock_of(events, calendars.workdays(connection, region), timelines(connection, region), today)
    return CaseHistory(region, hall, case_id, tuple(stored), retracted, clock)
