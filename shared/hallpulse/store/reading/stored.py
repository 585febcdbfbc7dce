"""Queries of stored events: a case's events with its clock, and those that imports need not publish again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.case import CaseEvent, pack_id, taken_out, unpack_id
from hallpulse.domain.clockface import Clock, clock_of
from hallpulse.domain.workdays import Workdays
from hallpulse.store.archiving.packed_events import archived_rows
from hallpulse.store.cases import CaseKey
from hallpulse.store.database import unpack_history
from hallpulse.store.in_force import timelines
from hallpulse.store.merge import stored_events


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A case's events in order of (time, id).

    taken_out: the id of each event that no longer counts → the ids of the events that retract or correct it;
    clock: None while the case's `received` event is missing.
    """

    region: int
    hall: str
    case_id: str
    events: tuple[HallEvent, ...]
    taken_out: Mapping[str, Sequence[str]]
    clock: Clock | None


def read_is_of(connection: Connection, case: CaseKey, department: str) -> bool:
    """Return whether a case belongs to a department. It takes the same time for another's case and for none at all."""
    region, hall, case_id = case
    query = (
        "SELECT EXISTS (SELECT FROM cases WHERE region = :region AND hall = :hall AND case_id = :case_id"
        " AND department = :department)"
    )
    given = {"region": region, "hall": hall, "case_id": case_id, "department": department}
    return bool(connection.execute(text(query), given).scalar())


def read_history(connection: Connection, workdays: Workdays, case: CaseKey, today: int) -> CaseHistory | None:
    """Return a case's history, or None if no event names it. today: days since 1970-01-01, for an open case's clock."""
    region, hall, case_id = case
    key = {"region": region, "hall": hall, "case_id": case_id}
    packed = connection.execute(
        text("SELECT history FROM cases WHERE region = :region AND hall = :hall AND case_id = :case_id"), key
    ).scalar()
    if packed is None:
        return None
    events = unpack_history(bytes(packed))
    found = stored_events(connection, [(region, hall, event.key) for event in events])
    stored = sorted(found.values(), key=lambda event: (event.time, event.id))
    out = {unpack_id(key): [one.id for one in by] for key, by in taken_out(events).items()}
    clock = clock_of(events, workdays, timelines(connection, region), today)
    return CaseHistory(region, hall, case_id, tuple(stored), out, clock)


def read_event_counts(connection: Connection, region: int) -> dict[str, int]:
    """Return hall → number of its stored events; duplicates are not stored."""
    rows = connection.execute(
        text("SELECT hall, sum(events) FROM hall_days WHERE region = :region GROUP BY hall"), {"region": region}
    )
    return {hall: int(events) for hall, events in rows}


def read_stored_ids(connection: Connection, region: int, hall: str, ids: Sequence[str]) -> set[str]:
    """Return which of the ids belong to stored events of a hall."""
    packed = [pack_id(id_) for id_ in ids]
    rows = connection.execute(
        text("SELECT id FROM events WHERE region = :region AND hall = :hall AND id = ANY(:ids)"),
        {"region": region, "hall": hall, "ids": packed},
    )
    found = {bytes(id_) for (id_,) in rows}
    archived = archived_rows(connection, [(region, hall, id_) for id_ in packed if id_ not in found])
    return {unpack_id(id_) for id_ in (*found, *(key[2] for key in archived))}


def read_cases_elsewhere(
    connection: Connection, region: int, hall: str, case_ids: Sequence[str]
) -> dict[str, list[str]]:
    """Return case id → the other halls of the county that have a case with that id, by look-ups of whole keys."""
    rows = connection.execute(
        text(
            "WITH others AS MATERIALIZED (SELECT DISTINCT hall FROM hall_days WHERE region = :region AND hall <> :hall)"
            " SELECT c.case_id, c.hall FROM others o CROSS JOIN unnest(CAST(:ids AS text[])) AS i(case_id)"
            " JOIN cases c ON c.region = :region AND c.hall = o.hall AND c.case_id = i.case_id ORDER BY 1, 2"
        ),
        {"region": region, "hall": hall, "ids": list(case_ids)},
    )
    found: dict[str, list[str]] = {}
    for case_id, other in rows:
        found.setdefault(case_id, []).append(other)
    return found


def read_sample(connection: Connection, cases_each: int) -> list[HallEvent]:
    """Return the stored events of some cases of every hall."""
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
    """Return case id → its events, for those of the cases that any event names."""
    rows = connection.execute(
        text("SELECT case_id, history FROM cases WHERE region = :region AND hall = :hall AND case_id = ANY(:ids)"),
        {"region": region, "hall": hall, "ids": list(case_ids)},
    )
    return {case_id: unpack_history(bytes(history)) for case_id, history in rows}
