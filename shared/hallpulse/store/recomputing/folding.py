"""Cases folded again from the stored events and compared with their rows; and their cells, hall by hall."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from hallpulse.domain.case import CaseEvent, case_event_of
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.clock import fold
from hallpulse.domain.measures import Entry, entries_of
from hallpulse.domain.workdays import Calendars, Workdays
from hallpulse.store.cases import CaseKey, Differences, case_row
from hallpulse.store.database import (
    driver_types,
    pack_entries,
    pack_history,
    unpack_entries,
    unpack_history,
)
from hallpulse.store.recomputing.findings import DifferenceLog, Row, columns_of, key_of, quoted, read, stored
from hallpulse.store.recomputing.tasks import Task

_COLUMNS = columns_of("cases")
_TYPES = ["bytea", *driver_types("cases", _COLUMNS)]
_AT_ONCE = 5_000
# A case's events as one MessagePack array of [type, time, id, data]: a row a case costs a third of a row an event.
_EVENT = (
    r"'\x94d1'::bytea || int2send(type) || '\xd3'::bytea || int8send(time)"
    r" || '\xc5'::bytea || int2send(length(id)::int2) || id || data"
)
_EVENTS = rf"'\xdd'::bytea || int4send(count(*)::int4) || string_agg({_EVENT}, ''::bytea ORDER BY time, id)"
_decode = msgspec.msgpack.Decoder(list[tuple[int, int, bytes, list[str | int | bool | None]]]).decode
_NOTHING: tuple[str, list[Entry]] = ("", [])
Timelines = Mapping[int, Mapping[str, Timeline]]
"""Region → item code → the item's versions."""


class EventsRead(msgspec.Struct, frozen=True, tag=True):
    """The number of events that were read since the last message."""

    events: int


class HallSums(msgspec.Struct, frozen=True, tag=True):
    """The amounts that the cases of a hall, as far as a task read them, add to the cells."""

    region: int
    hall: str
    sums: Differences


class _HallSide(NamedTuple):
    """The working days and timelines with which the cases of one hall are folded, and the results."""

    workdays: Workdays
    timelines: Mapping[str, Timeline]
    sums: Differences
    findings: DifferenceLog


def fold_cases(
    connection: Connection, task: Task, calendars: Calendars, timelines: Timelines, findings: DifferenceLog
) -> Iterator[EventsRead | HallSums]:
    """Compare the task's cases with their rows; yield the number of events read so far, and the sums of each hall."""
    matched = read_events = 0
    for (region, hall), rows in groupby(read(connection, _query(task), _TYPES), key=itemgetter(1, 2)):
        side = _HallSide(calendars.workdays(region), timelines[region], Differences(), findings)
        for row in rows:
            events = [case_event_of(*event) for event in _decode(row[0])]
            matched += _compare(row[1:], events, side)
            read_events += len(events)
            if read_events >= _AT_ONCE:
                yield EventsRead(read_events)
                read_events = 0
        yield HallSums(region, hall, side.sums)
    yield EventsRead(read_events)
    _find_cases_without_events(connection, task, matched, findings)


def _query(task: Task) -> str:
    """Return the query of each case's events and its row, in order of halls."""
    key, others, where = _COLUMNS[:3], _COLUMNS[3:], task.where_cases
    names = quoted(key)
    return (
        f"SELECT e.packed, {quoted(key, 'e.')}, {quoted(others, 'c.')} FROM"
        f" (SELECT {names}, {_EVENTS} AS packed FROM events WHERE {where} AND type < 20 GROUP BY {names}) e"
        f" LEFT JOIN (SELECT * FROM cases WHERE {where}) c USING ({names}) ORDER BY e.region, e.hall"
    )


def _compare(found: Row, events: Sequence[CaseEvent], side: _HallSide) -> bool:
    """Compare a case's row with its events and report differences; return whether there is a row at all."""
    key: CaseKey = found[:3]
    case = fold(events, side.workdays, side.timelines)
    entries = entries_of(case) if case is not None else []
    if case is not None:
        side.sums.move(key[0], key[1], _NOTHING, (case.department, entries))
    rebuilt = tuple(case_row(key, case, pack_entries(entries), pack_history(events)))
    if rebuilt == found:
        return True
    if found[-1] is None:
        side.findings.add("cases", None, rebuilt)
        return False
    if _without_packed(rebuilt) != _without_packed(found) or _adds(found[-2]) != sorted(entries):
        side.findings.add("cases", found, rebuilt)
        return True
    known = unpack_history(found[-1])
    if len(known) != len(events) or set(known) != set(events):
        side.findings.add("cases", found, rebuilt, note=(_only(known, events), _only(events, known)))
    return True


def _without_packed(row: Row) -> Row:
    """Return a case's row without its entries and its history, whose order means nothing."""
    return row[:-2]


def _adds(packed: bytes) -> list[Entry]:
    """Return stored entries in order, without amounts of 0, which add nothing."""
    return sorted(entry for entry in unpack_entries(packed) if entry[2])


def _only(these: Iterable[CaseEvent], those: Iterable[CaseEvent]) -> str:
    """Return a text of the events that only the first history has; their order, that of arrival, means nothing."""
    return f"history: {sorted({*these} - {*those}, key=itemgetter(2)) or 'no other event'}"


def _find_cases_without_events(connection: Connection, task: Task, matched: int, findings: DifferenceLog) -> None:
    """Report rows of cases without events; they are searched for only if there are more rows than cases."""
    where = task.where_cases
    if connection.exec_driver_sql(f"SELECT count(*) FROM cases WHERE {where}").scalar_one() == matched:
        return
    lonely = (
        f"{where} AND NOT EXISTS (SELECT FROM events e WHERE e.region = cases.region AND e.hall = cases.hall"
        " AND e.case_id = cases.case_id AND e.type < 20)"
    )
    for row in stored(connection, "cases", lonely):
        findings.add("cases", row, None)


_LENGTH = len(key_of("cells"))


class CellCheck:
    """Compares cells hall by hall, so that the sums of only one hall are in memory."""

    def __init__(self, connection: Connection, findings: DifferenceLog) -> None:
        self._connection = connection
        self._findings = findings
        self._checked: dict[int, list[str]] = defaultdict(list)

    def hall(self, hall: HallSums) -> None:
        """Compare the cells of a hall whose cases have all been read."""
        rebuilt = {tuple(row[:_LENGTH]): tuple(row) for row in hall.sums.rows()}
        cells = stored(self._connection, "cells", "region = %s AND hall = %s", (hall.region, hall.hall))
        self._findings.compare("cells", cells, rebuilt)
        self._checked[hall.region].append(hall.hall)

    def rest(self, region: int) -> None:
        """Report cells of halls without cases, once all halls of a region with cases have been checked."""
        where = "region = %s AND hall <> ALL(%s::text[])"
        cells = stored(self._connection, "cells", where, (region, self._checked.pop(region, [])))
        self._findings.compare("cells", cells, {})


class SplitHalls:
    """Halls whose cases are read in parts by several tasks; each hall is checked when its last part has come."""

    def __init__(self, check: CellCheck) -> None:
        self._check = check
        self._waiting: dict[int, dict[str, HallSums]] = defaultdict(dict)
        self._parts: Counter[tuple[int, str]] = Counter()
        self._ended: Counter[int] = Counter()

    def add(self, task: Task, hall: HallSums) -> None:
        waiting = self._waiting[hall.region]
        known = waiting.setdefault(hall.hall, hall)
        if known is not hall:
            known.sums.take_over(hall.sums)
        self._parts[hall.region, hall.hall] += 1
        if self._parts[hall.region, hall.hall] == task.parts:
            self._check.hall(waiting.pop(hall.hall))

    def end(self, task: Task) -> None:
        """Note that a task is done; after the region's last one, check the halls that had no case in some part."""
        (region,) = task.regions
        self._ended[region] += 1
        if self._ended[region] == task.parts:
            for hall in self._waiting.pop(region, {}).values():
                self._check.hall(hall)
            self._check.rest(region)
