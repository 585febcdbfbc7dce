"""Tallies and declared figures in the database: the report in force of each day and period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, Table, delete, insert, tuple_

from hallpulse.contract.events import (
    Family,
    FigureReported,
    FigureRetracted,
    HallEvent,
    TallyReported,
    TallyRetracted,
)
from hallpulse.domain.figures import Report, current, period_window

from . import ledger
from .tables import figures, tallies


def store_tallies(connection: Connection, events: Sequence[HallEvent]) -> None:
    """Take in tally events and put the report in force of each touched day in its place."""
    ledger.append(connection, events)
    rebuild_tallies(connection, sorted({ledger.entity_of(event) for event in events}))


def rebuild_tallies(connection: Connection, days: Sequence[ledger.Entity]) -> None:
    keys, rows = [], []
    for (region, entity), entries in ledger.entries(connection, Family.TALLY, days).items():
        keys.append(_tally_key(region, entity))
        if (row := tally_row((region, entity), entries)) is not None:
            rows.append(row)
    _replace(connection, tallies, ("region", "hall", "day"), keys, rows)


def store_figures(connection: Connection, events: Sequence[HallEvent]) -> None:
    """Take in declared figures and put the report in force of each touched period in its place."""
    ledger.append(connection, events)
    rebuild_figures(connection, sorted({ledger.entity_of(event) for event in events}))


def rebuild_figures(connection: Connection, entities: Sequence[ledger.Entity]) -> None:
    keys, rows = [], []
    for (region, entity), entries in ledger.entries(connection, Family.FIGURE, entities).items():
        keys.append(_figure_key(region, entity))
        if (row := figure_row((region, entity), entries)) is not None:
            rows.append(row)
    _replace(connection, figures, ("region", "indicator", "period", "department"), keys, rows)


def _tally(entry: ledger.Entry) -> Report[TallyReported]:
    data = entry.data
    if isinstance(data, TallyRetracted):
        return Report(entry.hall, entry.id, entry.time, 0, None, retracts=data.event_id)
    assert isinstance(data, TallyReported)
    return Report(entry.hall, entry.id, entry.time, data.revision, data)


def _figure(entry: ledger.Entry) -> Report[FigureReported]:
    data = entry.data
    if isinstance(data, FigureRetracted):
        return Report(entry.hall, entry.id, entry.time, 0, None, retracts=data.event_id)
    assert isinstance(data, FigureReported)
    return Report(entry.hall, entry.id, entry.time, data.revision, data)


def _tally_key(region: int, entity: str) -> tuple[int, str, date]:
    hall, _, day = entity.partition("/")
    return region, hall, date.fromisoformat(day)


def tally_row(day: ledger.Entity, entries: Sequence[ledger.Entry]) -> dict[str, object] | None:
    """The row of a hall's day, or None where no report of it is in force."""
    report = current(_tally(entry) for entry in entries)
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


def figure_row(figure: ledger.Entity, entries: Sequence[ledger.Entry]) -> dict[str, object] | None:
    """The row of a declared figure, or None where no report of it is in force."""
    report = current(_figure(entry) for entry in entries)
    if report is None or report.content is None:
        return None
    key, data = _figure_key(*figure), report.content
    window = period_window(key[2])
    return {
        "region": key[0],
        "indicator": key[1],
        "period": key[2],
        "department": key[3],
        "first_day": window.start,
        "last_day": window.end,
        "numerator": data.numerator,
        "denominator": data.denominator,
    }


def _replace(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    keys: Sequence[tuple[object, ...]],
    rows: list[dict[str, object]],
) -> None:
    connection.execute(delete(table).where(tuple_(*(table.c[name] for name in key)).in_(keys)))
    if rows:
        connection.execute(insert(table), rows)
