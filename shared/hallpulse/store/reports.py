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
from hallpulse.domain.declared import Report, current, period_window

from . import ledger
from .tables import figures, tallies


def store_tallies(connection: Connection, events: Sequence[HallEvent]) -> None:
    """Take in tally events and put the report in force of each touched day in its place."""
    ledger.append(connection, events)
    rebuild_tallies(connection, sorted({ledger.entity_of(event) for event in events}))


def rebuild_tallies(connection: Connection, days: Sequence[ledger.Entity]) -> None:
    keys, rows = [], []
    for (region, entity), entries in ledger.entries(connection, Family.TALLY, days).items():
        hall, _, day = entity.partition("/")
        keys.append((region, hall, date.fromisoformat(day)))
        report = current(_tally(entry) for entry in entries)
        if report is not None and report.content is not None:
            rows.append(_tally_row(keys[-1], report.content))
    _replace(connection, tallies, ("region", "hall", "day"), keys, rows)


def store_figures(connection: Connection, events: Sequence[HallEvent]) -> None:
    """Take in declared figures and put the report in force of each touched period in its place."""
    ledger.append(connection, events)
    rebuild_figures(connection, sorted({ledger.entity_of(event) for event in events}))


def rebuild_figures(connection: Connection, entities: Sequence[ledger.Entity]) -> None:
    keys, rows = [], []
    for (region, entity), entries in ledger.entries(connection, Family.FIGURE, entities).items():
        indicator, period, department = entity.split("|", 2)
        keys.append((region, indicator, period, department))
        report = current(_figure(entry) for entry in entries)
        if report is not None and report.content is not None:
            rows.append(_figure_row(keys[-1], report.content))
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


def _tally_row(key: tuple[int, str, date], data: TallyReported) -> dict[str, object]:
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


def _figure_row(key: tuple[int, str, str, str], data: FigureReported) -> dict[str, object]:
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
