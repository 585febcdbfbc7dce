"""Load the cases that a transaction touches, fold them again, write them back, and add the differences to the cells.

Cells are daily and monthly sums per region, hall and department; adding differences keeps them exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import add
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Boolean, Column, Connection, Date, text

from hallpulse.domain.case import CaseEvent, Kind
from hallpulse.domain.catalogue import Timeline, Timelines
from hallpulse.domain.clock import Case, fold
from hallpulse.domain.expression import compiled
from hallpulse.domain.measures import COLUMNS, WIDTH, Entry, entries_of
from hallpulse.domain.workdays import Workdays, date_of, day_of
from hallpulse.store.database import (
    COPY_EPOCH,
    copied_day,
    copy_into,
    copy_rows,
    is_spread,
    of_regions,
    pack_entries,
    pack_history,
    unpack_entries,
    unpack_history,
)
from hallpulse.store.in_force import NO_SPANS, Item, TransactionContext
from hallpulse.store.tables import cases

_CELL_KEY = ("region", "grain", "day", "hall", "department")
_CELL_SUMS = ", ".join(f"{name} = cells.{name} + excluded.{name}" for name in COLUMNS)
_CELL_NAMES = ", ".join((*_CELL_KEY, *COLUMNS))


class Differences(msgspec.Struct):
    """Changes of cells by one transaction: old contributions subtracted, new ones added.

    cells: (region, hall, department) → day → sums, in the order of COLUMNS.
    """

    cells: dict[tuple[int, str, str], dict[int, list[int]]] = msgspec.field(default_factory=dict)

    def move(self, region: int, hall: str, before: tuple[str, list[Entry]], after: tuple[str, list[Entry]]) -> None:
        """Replace one case's entries. before, after: (department, entries)."""
        if before == after:
            return
        self._add(region, hall, before, -1)
        self._add(region, hall, after, 1)

    def _add(self, region: int, hall: str, side: tuple[str, list[Entry]], sign: int) -> None:
        department, entries = side
        if not entries:
            return
        days = self.cells.setdefault((region, hall, department), {})
        for day, column, amount in entries:
            sums = days.get(day)
            if sums is None:
                sums = days[day] = [0] * WIDTH
            sums[column] += sign * amount

    def take_over(self, other: Differences) -> None:
        """Add the differences of another object to these."""
        for key, theirs in other.cells.items():
            days = self.cells.setdefault(key, {})
            for day, sums in theirs.items():
                known = days.get(day)
                days[day] = sums if known is None else list(map(add, known, sums))

    def write(self, connection: Connection) -> None:
        """Add the differences to the stored cells, in key order, each day's to the day's and the month's cell."""
        rows = sorted(self.rows())
        if not rows:
            return
        copy_rows(connection, "stage_cells", "cells", (*_CELL_KEY, *COLUMNS), rows)
        connection.exec_driver_sql(
            f"INSERT INTO cells ({_CELL_NAMES}) SELECT {_CELL_NAMES} FROM stage_cells"
            f" ON CONFLICT (region, grain, day, hall, department) DO UPDATE SET {_CELL_SUMS}"
        )

    def rows(self) -> Iterable[tuple[int | str | None, ...]]:
        """Yield the differences that are not 0 as rows of `cells`, for days and for months."""
        for (region, hall, department), days in self.cells.items():
            months: dict[int, list[int]] = {}
            for day, sums in days.items():
                if not any(sums):
                    continue
                yield region, "d", copied_day(day), hall, department, *sums
                month = _month(day)
                total = months.get(month)
                months[month] = sums if total is None else list(map(add, total, sums))
            for month, sums in months.items():
                if any(sums):
                    yield region, "m", copied_day(month), hall, department, *sums


@lru_cache(maxsize=100_000)
def _month(day: int) -> int:
    """Return the first day of a day's month."""
    return day_of(date_of(day).replace(day=1))


CaseKey = tuple[int, str, str]

_COLUMNS = tuple(column.name for column in cases.columns)
_KEY = ("region", "hall", "case_id")
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_SET = ", ".join(f'"{name}" = {{0}}."{name}"' for name in _COLUMNS if name not in _KEY)
_ENTRIES = _COLUMNS.index("entries")
_Stored = tuple[str, bytes, bytes, str | None]
"""Department, packed entries, packed history, item code."""
_NEW: _Stored = ("", pack_entries([]), b"", None)


class Folded(NamedTuple):
    """A folded case: what it adds to the cells, its row, and the working days and versions that it was folded with."""

    case: Case | None
    entries: list[Entry]
    row: Sequence[Any]
    workdays: Workdays
    spans: Timeline

    def holds(self, workdays: Workdays, timelines: Timelines) -> bool:
        """Return whether folding the same events with this context would give the same result."""
        if self.case is None:
            return True
        spans = timelines.get(self.case.item_code, NO_SPANS)
        return workdays is self.workdays and (spans is self.spans or spans == self.spans)


def fold_ahead(
    touched: Mapping[CaseKey, Sequence[CaseEvent]],
    known: Callable[[int], tuple[Workdays, Timelines] | None],
) -> dict[CaseKey, Folded]:
    """Return the cases that begin with these events, folded already before their halls are locked.

    `refold` takes over those that are still right. known: returns a region's context as last seen, which may be out of
    date.
    """
    ahead = {}
    known = cache(known)
    for key, events in touched.items():
        if events[0].kind == Kind.RECEIVED and (context := known(key[0])) is not None:
            ahead[key] = _folded(key, events, b"", *context)
    return ahead


def refold(
    connection: Connection,
    touched: Mapping[CaseKey, Sequence[CaseEvent]],
    ahead: Mapping[CaseKey, Folded],
    context: TransactionContext,
    differences: Differences,
) -> None:
    """Add new events (perhaps none) to cases, fold each from all its events, and write the results, in key order."""
    stored = _load(connection, touched)
    context.want({(key[0], row[3]) for key, row in stored.items() if row[3]})
    rows: dict[bool, list[Sequence[Any]]] = {False: [], True: []}
    for key, events in touched.items():
        known = stored.get(key)
        department, entries, history, _ = known or _NEW
        workdays, timelines = context(key[0])
        folded = ahead.get(key) if known is None else None
        if folded is None or not folded.holds(workdays, timelines):
            folded = _folded(key, events, history, workdays, timelines)
        case, added, row, *_ = folded
        new_department = case.department if case is not None else ""
        if row[_ENTRIES] != entries or new_department != department:
            differences.move(key[0], key[1], (department, unpack_entries(entries)), (new_department, added))
        rows[known is None].append(row)
    _save(connection, new=rows[True], changed=rows[False])


def _folded(
    key: CaseKey, events: Sequence[CaseEvent], history: bytes, workdays: Workdays, timelines: Timelines
) -> Folded:
    """Fold a case. history: the packed events before these."""
    case = fold([*unpack_history(history), *events] if history else events, workdays, timelines)
    added = entries_of(case) if case is not None else []
    row = case_row(key, case, pack_entries(added), pack_history(events, history))
    spans = timelines.get(case.item_code, NO_SPANS) if case is not None else NO_SPANS
    return Folded(case, added, row, workdays, spans)


def items_begun(touched: Mapping[CaseKey, Sequence[CaseEvent]]) -> set[Item]:
    """Return the items that `received` events among these name."""
    return {
        (key[0], event.opening.item_code or "")
        for key, events in touched.items()
        for event in events
        if event.kind == Kind.RECEIVED and event.opening is not None
    }


def _load(connection: Connection, keys: Iterable[CaseKey]) -> dict[CaseKey, _Stored]:
    listed = list(keys)
    rows = connection.execute(
        text(
            "SELECT region, hall, case_id, coalesce(department, ''), entries, history, item_code FROM cases JOIN"
            " unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:ids AS text[])) AS k(region, hall, case_id)"
            " USING (region, hall, case_id) WHERE true" + of_regions(connection, "cases.region", (k[0] for k in listed))
        ),
        {
            "regions": _array(str(k[0]) for k in listed),
            "halls": _array(k[1] for k in listed),
            "ids": _array(k[2] for k in listed),
        },
    )
    return {
        (region, hall, id_): (department, entries, history, item)
        for region, hall, id_, department, entries, history, item in rows
    }


def _array(values: Iterable[str]) -> str:
    """Return an array's literal: the driver, which dumps lists item by item, takes a twentieth of a merge for them."""
    listed = list(values)
    together = "".join(listed)
    if '"' in together or "\\" in together:
        listed = [value.replace("\\", "\\\\").replace('"', '\\"') for value in listed]
    return '{"' + '","'.join(listed) + '"}' if listed else "{}"


def _save(connection: Connection, *, new: Sequence[Sequence[Any]], changed: Sequence[Sequence[Any]]) -> None:
    """Write cases. No other transaction writes them meanwhile, since their halls are locked."""
    if new:
        copy_into(connection, "cases", _COLUMNS, new)
    if changed:
        copy_rows(connection, "stage_cases", "cases", _COLUMNS, changed)
        connection.exec_driver_sql(_REPLACE if is_spread(connection) else _UPDATE)


_UPDATE = (
    f"UPDATE cases SET {_SET.format('s')} FROM stage_cases s"
    " WHERE cases.region = s.region AND cases.hall = s.hall AND cases.case_id = s.case_id"
)
_REPLACE = (
    f"INSERT INTO cases ({_NAMES}) SELECT {_NAMES} FROM stage_cases"
    f" ON CONFLICT (region, hall, case_id) DO UPDATE SET {_SET.format('excluded')}"
)
"""As `_UPDATE`, on Citus, which sends a row of these to its own shard, but a row to join with to every shard."""


def case_row(key: CaseKey, case: Case | None, entries: bytes, history: bytes) -> Sequence[Any]:
    """Return a case's row in the order of the table's columns. case: None while its `received` event is missing."""
    if case is None:
        return (*key, *_PENDING, entries, history)
    row: Sequence[Any] = _row(key, case, entries, history)
    return row


def _field(column: Column[Any]) -> str:
    """Return the expression of the case's field for a column, with a day as in `copied_day`."""
    value = f"case.{column.name}"
    return f"None if {value} is None else {value} - epoch" if isinstance(column.type, Date) else value


_OF_CASE = [column for column in cases.columns if column.name not in (*_KEY, "entries", "history")]
_row = compiled(
    "row",
    "key, case, entries, history",
    result=f"(*key, {', '.join(map(_field, _OF_CASE))}, entries, history)",
    known={"epoch": COPY_EPOCH},
)
_PENDING = [None if column.nullable else False if isinstance(column.type, Boolean) else 0 for column in _OF_CASE]
"""The columns of a case whose `received` event is missing."""
