"""The cases that a transaction touches: load, fold again, write back, and account for the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.case import CaseEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.clock import Case, fold
from hallpulse.domain.measures import counts_as_due, entries_of
from hallpulse.domain.workdays import Workdays

from .cells import Differences
from .codec import pack_entries, pack_history, unpack_entries, unpack_history
from .staging import copy_rows, to_date
from .tables import cases

CaseKey = tuple[int, str, str]
Context = Callable[[int], tuple[Workdays, Mapping[str, Timeline]]]
"""A region → its working days and its items' timelines, as they stand in this transaction."""

_COLUMNS = tuple(column.name for column in cases.columns)
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_KEY = ("region", "hall", "case_id")
_SET = ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS if name not in _KEY)
_NO_ENTRIES = pack_entries([])


def refold(
    connection: Connection,
    touched: Mapping[CaseKey, Sequence[CaseEvent]],
    context: Context,
    differences: Differences,
) -> None:
    """Add new events (maybe none) to cases, fold each from all its events, and write what came of it."""
    stored = _load(connection, touched)
    rows = []
    for key in sorted(touched):
        department, entries, history = stored.get(key, ("", _NO_ENTRIES, b""))
        events = unpack_history(history) if history else []
        events.extend(touched[key])
        workdays, timelines = context(key[0])
        case = fold(events, workdays, timelines)
        added = entries_of(case) if case is not None else []
        packed = pack_entries(added)
        new_department = case.department if case is not None else ""
        if packed != entries or new_department != department:
            differences.move(key[0], key[1], (department, unpack_entries(entries)), (new_department, added))
        rows.append(_row(key, case, packed, pack_history(touched[key], history)))
    _save(connection, rows)


def _load(connection: Connection, keys: Iterable[CaseKey]) -> dict[CaseKey, tuple[str, bytes, bytes]]:
    listed = list(keys)
    rows = connection.execute(
        text(
            "SELECT region, hall, case_id, coalesce(department, ''), entries, history FROM cases JOIN unnest("
            "CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:ids AS text[])) AS k(region, hall, case_id)"
            " USING (region, hall, case_id)"
        ),
        {"regions": [k[0] for k in listed], "halls": [k[1] for k in listed], "ids": [k[2] for k in listed]},
    )
    return {(r[0], r[1], r[2]): (r[3], bytes(r[4]), bytes(r[5])) for r in rows}


def _save(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    copy_rows(connection, "stage_cases", "cases", _COLUMNS, rows)
    connection.exec_driver_sql(
        f"INSERT INTO cases ({_NAMES}) SELECT {_NAMES} FROM stage_cases"
        f" ON CONFLICT (region, hall, case_id) DO UPDATE SET {_SET}"
    )


def _row(key: CaseKey, case: Case | None, entries: bytes, history: bytes) -> Sequence[Any]:
    """A row in the order of the table's columns."""
    if case is None:
        values: tuple[Any, ...] = (*(None,) * 17, 0, None, 0, *(False,) * 8)
    else:
        values = (
            *(case.item_code, case.department, case.channel),
            *(to_date(case.received), to_date(case.accepted), to_date(case.rejected), to_date(case.decided)),
            *(to_date(case.withdrawn), to_date(case.rated), to_date(case.due), to_date(case.statutory_due)),
            *(to_date(case.soon_from), to_date(case.late_from), to_date(case.unaccepted_from)),
            *(case.score, case.statutory_days, case.promised_days, case.extended, case.elapsed, case.flags),
            *(case.timed, case.unified, case.full_process, case.promise_kept, case.statutory_kept),
            *(counts_as_due(case), case.open, case.suspended),
        )
    return (*key, *values, entries, history)
