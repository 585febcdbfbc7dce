"""The ledger: events about items, tallies and figures, kept by entity, and folded again when a new one arrives.

It also holds the tallies, one report in force for each day, and the declared figures, all reports of each period in
order: when they are read, the plans decide which of them can be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, insert, text, tuple_

from hallpulse.contract.events import (
    Data,
    EventType,
    Family,
    FigureReported,
    FigureRetracted,
    HallEvent,
    TallyReported,
    TallyRetracted,
)
from hallpulse.domain.case import pack_id, unpack_id
from hallpulse.domain.figures import Report, current, period_window, ranked
from hallpulse.store.database import copy_rows, of_regions, pack_data, unpack_data
from hallpulse.store.tables import figures, tallies

_COLUMNS = ("region", "family", "entity", "hall", "id", "time", "type", "data")
Entity = tuple[int, str]
"""(region, key of the item, tally or figure that events are about)."""


class LedgerEntry(NamedTuple):
    """One event of the ledger. arrived: minutes since 1970-01-01 UTC, read for figures only."""

    hall: str
    id: str
    time: int
    type: EventType
    data: Data
    arrived: int = 0


def entity_of(event: HallEvent) -> Entity:
    """Return the entity of an event: a tally belongs to a hall's day, an item or a figure to its region."""
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


def entries_about(
    connection: Connection, family: Family, entities: Sequence[Entity]
) -> dict[Entity, list[LedgerEntry]]:
    """Return all events about each of the entities."""
    arrived, events = ("e.arrived", _ITS_EVENT) if family is Family.FIGURE else ("0", "")
    rows = connection.execute(
        text(
            f"SELECT l.region, l.entity, l.hall, l.id, l.time, l.type, l.data, {arrived} FROM ledger l"
            " JOIN unnest(CAST(:regions AS int[]), CAST(:entities AS text[])) AS k(region, entity)"
            f" ON k.region = l.region AND k.entity = l.entity{events} WHERE l.family = :family"
            + of_regions(connection, "l.region", (e[0] for e in entities))
        ),
        {"regions": [e[0] for e in entities], "entities": [e[1] for e in entities], "family": family.value},
    )
    found: dict[Entity, list[LedgerEntry]] = {entity: [] for entity in entities}
    for region, entity, hall, id_, time, kind, data, minute in rows:
        entry = LedgerEntry(
            hall, unpack_id(bytes(id_)), time, EventType(kind), unpack_data(kind, "", bytes(data)), minute
        )
        found[region, entity].append(entry)
    return found


_ITS_EVENT = " JOIN events e ON e.id = l.id AND e.region = l.region AND e.hall = l.hall"


def store_tallies(connection: Connection, events: Sequence[HallEvent]) -> None:
    """Store tally events, and the report that is then in force for each touched day."""
    append(connection, events)
    rebuild_tallies(connection, sorted({entity_of(event) for event in events}))


def rebuild_tallies(connection: Connection, days: Sequence[Entity]) -> None:
    keys, rows = [], []
    for (region, entity), entries in entries_about(connection, Family.TALLY, days).items():
        keys.append(_tally_key(region, entity))
        if (row := tally_row((region, entity), entries)) is not None:
            rows.append(row)
    _replace(connection, tallies, ("region", "hall", "day"), keys, rows)


def store_figures(connection: Connection, events: Sequence[HallEvent]) -> None:
    """Store events of declared figures, and the reports of each touched period in order."""
    append(connection, events)
    rebuild_figures(connection, sorted({entity_of(event) for event in events}))


_NEW_FIGURES = text("UPDATE regions SET figures_version = figures_version + 1 WHERE region = ANY(:regions)")


def rebuild_figures(connection: Connection, entities: Sequence[Entity]) -> None:
    keys, rows = [], []
    for (region, entity), entries in entries_about(connection, Family.FIGURE, entities).items():
        keys.append(_figure_key(region, entity))
        rows.extend(figure_rows((region, entity), entries))
    _replace(connection, figures, ("region", "indicator", "period", "department"), keys, rows)
    connection.execute(_NEW_FIGURES, {"regions": sorted({region for region, *_ in keys})})


def report_of(entry: LedgerEntry) -> Report[Any]:
    """Return an event about a tally or a declared figure in the form of the domain."""
    data = entry.data
    if isinstance(data, TallyRetracted | FigureRetracted):
        return Report(entry.hall, entry.id, entry.time, 0, None, data.event_id, data.corrects)
    assert isinstance(data, TallyReported | FigureReported)
    return Report(entry.hall, entry.id, entry.time, data.revision, data, corrects=data.corrects)


def _tally_key(region: int, entity: str) -> tuple[int, str, date]:
    hall, _, day = entity.partition("/")
    return region, hall, date.fromisoformat(day)


def tally_row(day: Entity, entries: Sequence[LedgerEntry]) -> dict[str, object] | None:
    """Return the row of a hall's day, or None if no report of it is in force."""
    report = current(map(report_of, entries))
    if report is None or report.content is None:
        return None
    key, data = _tally_key(*day), report.content
    return {
        "region": key[0],
        "hall": key[1],
        "day": key[2],
        "revision": data.revision,
        "accepted": data.accepted,
        "rejected": data.rejected,
        "unified_accepted": data.unified_accepted,
        "full_process_accepted": data.full_process_accepted,
        "decided": data.decided,
        "instant_decided": data.instant_decided,
    }


def _figure_key(region: int, entity: str) -> tuple[int, str, str, str]:
    indicator, period, department = entity.split("|", 2)
    return region, indicator, period, department


CORRECTED, LAST_PLACE = -1, 32_767
"""The place of a report that one in force has corrected; and the last place, which all further reports share."""


def figure_rows(figure: Entity, entries: Sequence[LedgerEntry]) -> list[dict[str, object]]:
    """Return the rows of a declared figure: its reports in force, first the one that counts, then corrected ones."""
    reports = [report_of(entry) for entry in entries]
    in_force = ranked(reports)
    placed = [(min(place, LAST_PLACE), report) for place, report in enumerate(in_force)]
    placed += [(CORRECTED, report) for report in _corrected(in_force, reports)]
    arrived = {(entry.hall, entry.id): entry.arrived for entry in entries}
    region, indicator, period, department = _figure_key(*figure)
    window = period_window(period)
    return [
        {
            "region": region,
            "indicator": indicator,
            "period": period,
            "department": department,
            "hall": report.hall,
            "id": pack_id(report.id),
            "place": place,
            "first_day": window.start,
            "last_day": window.end,
            "numerator": data.numerator,
            "denominator": data.denominator,
            "revision": report.revision,
            "time": report.time,
            "arrived": arrived[report.hall, report.id],
        }
        for place, report in placed
        if isinstance(data := report.content, FigureReported)
    ]


def _corrected(in_force: Sequence[Report[Any]], reports: Sequence[Report[Any]]) -> list[Report[Any]]:
    """Return the reports that a report in force has replaced, directly or through others."""
    known = {(report.hall, report.id): report for report in reports if report.retracts is None}
    found: dict[tuple[str, str], Report[Any]] = {}
    waiting = list(in_force)
    while waiting:
        report = waiting.pop()
        other = known.get((report.hall, report.corrects or ""))
        if other is not None and (other.hall, other.id) not in found and other not in in_force:
            found[other.hall, other.id] = other
            waiting.append(other)
    return list(found.values())


def _replace(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    keys: Sequence[tuple[int, *tuple[object, ...]]],
    rows: list[dict[str, object]],
) -> None:
    narrow = text("true" + of_regions(connection, f"{table.name}.region", (region for region, *_ in keys)))
    connection.execute(delete(table).where(tuple_(*(table.c[name] for name in key)).in_(keys), narrow))
    if rows:
        connection.execute(insert(table), rows)
