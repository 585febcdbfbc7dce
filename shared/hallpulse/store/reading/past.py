"""The past: the tables as they would be without some of the stored events, for every query of one transaction.

Cases as they were on a day, or everything as it was known at a moment, come from the same pure folds over fewer events.
Temporary views with the results hide the tables of the same names, so each query reads the past as it reads the
present, and no figure is computed in a second way. Only entities that the missing events touch are folded again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.contract.events import EventType, Family, corrects_of
from hallpulse.domain.case import CaseEvent, pack_id
from hallpulse.domain.catalogue import Timeline, first_change
from hallpulse.domain.clock import fold
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.measures import ITEM_COLUMNS, Entry, entries_of
from hallpulse.domain.restatement import ChangeKind
from hallpulse.domain.workdays import Calendars, day_of, local_day, midnight_after
from hallpulse.store.cases import CaseKey, Differences, case_row
from hallpulse.store.database import copy_rows, pack_entries, pack_history, to_date, unpack_entries, unpack_history
from hallpulse.store.in_force import Item, ends_of, spans_in_force, timelines
from hallpulse.store.item_versions import TimelineChange, item_sums, span_row, spans_of
from hallpulse.store.ledger import Entity, LedgerEntry, entity_of, entries_about, figure_rows, tally_row
from hallpulse.store.merge import EVENT_COLUMNS, event_of
from hallpulse.store.receipts import arrival
from hallpulse.store.tables import metadata

from .declared import parameters
from .past_archive import PastArchive
from .past_halls import hall_days
from .tables_here import hide_other_tables, tables_of_today


@dataclass(frozen=True, slots=True)
class Past:
    """The events that count in a past.

    on: events of cases count if they happened by the end of that day (Asia/Shanghai); as_of: events count if they had
    arrived by then, microseconds since 1970-01-01 UTC; admitted: kinds of events that count although they arrived after
    as_of, if they arrived by `until`; days: the only days whose figures are asked for: cases that have no part in them
    under any item version are not folded again.
    """

    on: date | None = None
    as_of: int | None = None
    admitted: frozenset[ChangeKind] = frozenset()
    until: int | None = None
    days: Window | None = None


_CORRECTION = "EXISTS (SELECT FROM late_corrections k WHERE k.region = e.region AND k.hall = e.hall AND k.id = e.id)"
_OF_KIND: Mapping[ChangeKind, str] = {
    ChangeKind.LATE_EVENTS: f"((e.type < 20 AND e.type <> 13 OR e.type IN (31, 51)) AND NOT {_CORRECTION})",
    ChangeKind.CORRECTIONS: f"((e.type < 20 AND e.type <> 13 OR e.type = 31) AND {_CORRECTION})",
    ChangeKind.RETRACTIONS: "e.type IN (13, 32)",
    ChangeKind.ITEM_VERSIONS: "e.type BETWEEN 21 AND 23",
    ChangeKind.DECLARATIONS: "e.type IN (41, 42)",
}
"""SQL conditions of stored events by kind, by the numbers of their types: each event is of one kind."""


def turn_back(connection: Connection, calendars: Calendars, scope: Scope, past: Past) -> None:
    """Let the rest of the transaction see the scope's region only with the events of that past.

    The transaction must be allowed to make temporary tables, must not prepare statements (a prepared one would go on
    reading the tables themselves), and must be rolled back, so that nothing of this is kept. Calendars, registered
    halls and plans are those of today.
    """
    # hundreds of thousands of events are grouped: in memory, and without compiling queries that run once
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
    now = tables_of_today(connection, Scope(scope.region))
    back = ViewsOfAnotherTime(connection, now, scope, past)
    if past.admitted:
        back.note_corrections()
    changed = back.put_others() if past.as_of is not None else {}
    back.forget_cases(changed)
    back.put_cases(calendars)
    if past.as_of is not None:
        back.put_hall_days()
    hide_other_tables(connection)


_LATER = "(e.arrived >= :minute AND (e.arrived > :minute OR e.arrived_cs > :hundredths))"
_BEYOND = "(e.arrived >= :until AND (e.arrived > :until OR e.arrived_cs > :until_hundredths))"
_HOLIDAYS = 20
"""Any 2 n + _HOLIDAYS calendar days hold at least n working days, whatever the holidays."""
_CASE = ("region", "hall", "case_id")
_CELL = ("region", "grain", "day", "hall", "department")


_Left = Mapping[Entity, Sequence[LedgerEntry]]
"""Entity → the entries about it that are left, without those of missing events."""
_LEFT_OF_HISTORY = (
    "CASE WHEN cardinality(g.ids) < 16 AND get_byte(c.history, 0) = 144 + cardinality(g.ids) THEN NULL"
    " ELSE c.history END"
)
"""Histories whose events are all gone are not read: a history of fewer than 16 begins with a byte of their number."""
_MOST_ARE_GONE = (
    "SELECT 2 * (SELECT count(*) FROM gone_cases) > (SELECT count(*) FROM {now}cases c"
    " WHERE c.region BETWEEN :low AND :high)"
)
_NOTHING: tuple[str, list[Entry]] = "", []
_AT_ONCE = 2_000
_RowsOf = Callable[[Entity, Sequence[LedgerEntry]], Sequence[dict[str, object]]]


def _tally_rows(day: Entity, entries: Sequence[LedgerEntry]) -> list[dict[str, object]]:
    row = tally_row(day, entries)
    return [] if row is None else [row]


class ViewsOfAnotherTime:
    """Builds the views of one transaction."""

    def __init__(self, connection: Connection, now: str, scope: Scope, past: Past) -> None:
        self._connection, self._now, self._past = connection, now, past
        minute, hundredths = arrival(past.as_of) if past.as_of is not None else (0, 0)
        end = midnight_after(day_of(past.on)) if past.on is not None else 0
        until = arrival(past.until) if past.until is not None else (0, 0)
        region = parameters(Scope(scope.region)) | {"until": until[0], "until_hundredths": until[1]}
        self._values: dict[str, object] = {**region, "minute": minute, "hundredths": hundredths, "end": end}
        if past.as_of is not None:
            today = local_day(past.as_of)
            self._values |= {"today": to_date(today), "midnight": midnight_after(today)}
        needed = [] if past.as_of is None else ["b.last_arrived >= :minute", "b.last_time >= :midnight"]
        needed += [] if past.on is None else ["b.last_time >= :end"]
        self._archived = PastArchive(connection, now, " OR ".join(needed), self._values)

    def note_corrections(self) -> None:
        """Note which late events are corrections of cases and tallies: their data names an event."""
        self._run("CREATE TEMP TABLE late_corrections (region int, hall text, id bytea) ON COMMIT DROP")
        rows = self._connection.execute(
            text(
                f"SELECT {EVENT_COLUMNS} FROM {self._archived.events} e WHERE {self._of_region} AND {_LATER}"
                " AND (e.type < 20 OR e.type = 31) AND get_byte(e.data, length(e.data) - 1) <> 192"
            ),
            self._values,
        )
        found = [event for event in map(event_of, rows) if corrects_of(event.data) is not None]
        self._connection.execute(
            text(
                "INSERT INTO late_corrections SELECT * FROM unnest(CAST(:regions AS int[]), CAST(:halls AS text[]),"
                " CAST(:ids AS bytea[]))"
            ),
            {
                "regions": [event.region for event in found],
                "halls": [event.hall for event in found],
                "ids": [pack_id(event.id) for event in found],
            },
        )

    @property
    def _gone(self) -> str:
        """SQL condition of missing events: those that had not arrived, without admitted ones that came by `until`."""
        if not self._past.admitted:
            return _LATER if self._past.until is None else f"({_LATER} OR {_BEYOND})"
        admitted = " OR ".join(_OF_KIND[kind] for kind in sorted(self._past.admitted) if kind in _OF_KIND) or "false"
        return f"({_LATER} AND (NOT ({admitted}) OR {_BEYOND}))"

    def put_others(self) -> dict[Item, TimelineChange]:
        """Put tallies, figures and items of the past in place; return the items whose timeline was different then."""
        query = f"SELECT {EVENT_COLUMNS} FROM {self._archived.events} e WHERE {self._of_region} AND e.case_id = ''"
        query += f" AND e.type <> {int(EventType.HEARTBEAT)}"
        rows = self._connection.execute(text(f"{query} AND {self._gone}"), self._values)
        gone: dict[Family, dict[Entity, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
        for event in map(event_of, rows):
            gone[event.type.family][entity_of(event)].add((event.hall, event.id))
        self._put_reports("tallies", "x.hall || '/' || x.day", self._left(Family.TALLY, gone), _tally_rows)
        figure = "x.indicator || '|' || x.period || '|' || x.department"
        self._put_reports("figures", figure, self._left(Family.FIGURE, gone), figure_rows)
        return self.put_items(self._left(Family.ITEM, gone))

    def _left(self, family: Family, gone: Mapping[Family, Mapping[Entity, set[tuple[str, str]]]]) -> _Left:
        """Return the entries about each touched entity, without those of missing events."""
        touched = gone.get(family, {})
        known = entries_about(self._connection, family, sorted(touched)) if touched else {}
        return {about: [e for e in known[about] if (e.hall, e.id) not in touched[about]] for about in known}

    def _put_reports(
        self, table: str, about: str, left: Mapping[Entity, Sequence[LedgerEntry]], rows_of: _RowsOf
    ) -> None:
        if not left:
            return
        rows = [row for entity, entries in left.items() for row in rows_of(entity, entries)]
        names = [column.name for column in metadata.tables[table].columns]
        self._run(f"CREATE TEMP TABLE then_{table} (LIKE {self._now}{table}) ON COMMIT DROP")
        if rows:
            asked = ", ".join(f":{name}" for name in names)
            self._connection.execute(
                text(f"INSERT INTO then_{table} ({', '.join(names)}) VALUES ({asked})"),
                [{name: row.get(name) for name in names} for row in rows],
            )
        self._put(table, self._touched(table, left), f"k.region = x.region AND k.entity = {about}")

    def _touched(self, table: str, entities: Iterable[Entity]) -> str:
        """Make a table of the entities whose rows are no longer to be read; return its name."""
        listed = list(entities)
        self._run(f"CREATE TEMP TABLE gone_{table} (region int, entity text) ON COMMIT DROP")
        self._connection.execute(
            text(f"INSERT INTO gone_{table} SELECT * FROM unnest(CAST(:regions AS int[]), CAST(:entities AS text[]))"),
            {"regions": [one[0] for one in listed], "entities": [one[1] for one in listed]},
        )
        return f"gone_{table}"

    def put_items(self, left: _Left) -> dict[Item, TimelineChange]:
        before = spans_in_force(self._connection, list(left))
        ended = ends_of(self._connection, {region for region, _ in left})
        changed = {
            item: TimelineChange(before[item], after)
            for item, entries in left.items()
            if (after := spans_of(entries, ended.get(item[0]))) != before[item]
        }
        if changed:
            names = tuple(column.name for column in metadata.tables["item_spans"].columns)
            spans = (span_row(item, span) for item, change in changed.items() for span in change.after)
            copy_rows(self._connection, "then_item_spans", "item_spans", names, spans)
            sums = ("region", "department", "day", *ITEM_COLUMNS)
            copy_rows(self._connection, "then_item_cells", "item_cells", sums, item_sums(changed))
            self._put(
                "item_spans", self._touched("item_spans", changed), "k.region = x.region AND k.entity = x.item_code"
            )
            listed = ", ".join(sums)
            self._run(
                f"CREATE TEMP VIEW item_cells AS SELECT {listed} FROM {self._now}item_cells"
                f" UNION ALL SELECT {listed} FROM then_item_cells"
            )
        return changed

    def forget_cases(self, changed: Mapping[Item, TimelineChange]) -> None:
        """Note the cases with missing events, with the ids of these, and the cases that get other item versions."""
        conditions = [] if self._past.as_of is None else [self._gone]
        conditions += [] if self._past.on is None else ["e.time >= :end"]
        self._run("CREATE TEMP TABLE gone_cases (region int, hall text, case_id text, ids bytea[]) ON COMMIT DROP")
        self._connection.execute(
            text(
                "INSERT INTO gone_cases SELECT e.region, e.hall, e.case_id, array_agg(e.id)"
                f" FROM {self._archived.events} e WHERE {self._of_region} AND e.case_id <> ''"
                f" AND ({' OR '.join(conditions) or 'false'}) GROUP BY 1, 2, 3"
            ),
            self._values,
        )
        days = {item: first_change(*change) for item, change in changed.items()}
        listed = [(*item, to_date(day), _longest(changed[item].after)) for item, day in days.items() if day is not None]
        names = ("regions", "codes", "days", "longest")
        self._connection.execute(
            text(
                "INSERT INTO gone_cases SELECT c.region, c.hall, c.case_id, '{}' FROM"
                f" {self._now}cases c JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]),"
                " CAST(:days AS date[]), CAST(:longest AS int[])) AS k(region, item_code, day, longest)"
                f" USING (region, item_code) WHERE c.accepted >= k.day{self._with_a_part()} AND NOT EXISTS"
                " (SELECT FROM gone_cases g WHERE g.region = c.region AND g.hall = c.hall AND g.case_id = c.case_id)"
            ),
            {**self._values, **{name: [one[index] for one in listed] for index, name in enumerate(names)}},
        )
        self._run("ANALYZE gone_cases (region, hall, case_id)")

    def _with_a_part(self) -> str:
        """Return SQL of the cases that may have a part in the asked days, by their events or by their due day.

        A case is left out if it was closed before these days and its due day, under its item's longest limit, lies
        before them too; an extended or suspended case is never left out.
        """
        if self._past.days is None:
            return ""
        self._values["first"] = self._past.days.start
        return (
            " AND (c.open OR c.extended <> 0 OR c.suspensions <> 0"
            f" OR k.longest > 0 AND c.accepted + 2 * k.longest + {_HOLIDAYS} >= :first"
            " OR greatest(c.received, c.accepted, c.rejected, c.decided, c.withdrawn, c.rated, c.due, c.statutory_due)"
            " >= :first)"
        )

    def put_cases(self, calendars: Calendars) -> None:
        """Fold the touched cases from the events that are left, and put them and their sums in place.

        If most cases are touched, the cells are summed again from all cases; else the differences are applied to them.
        """
        most = bool(self._connection.scalar(text(_MOST_ARE_GONE.format(now=self._now)), self._values))
        differences = Differences()
        rows = list(self._folded(calendars, differences, most))
        names = tuple(column.name for column in metadata.tables["cases"].columns)
        copy_rows(self._connection, "then_cases", "cases", names, rows)
        self._put("cases", "gone_cases", _same(_CASE))
        if most:
            self._add_untouched(differences)
        self._put_cells(differences, most)

    def _folded(self, calendars: Calendars, differences: Differences, most: bool) -> Iterator[Sequence[Any]]:
        """Yield rows of the touched cases that still have events, folded with the item versions put in place before.

        most: differences are counted from 0, not from what the cases had added to the cells.
        """
        catalogue: dict[int, Mapping[str, Timeline]] = {}
        rows = self._connection.execute(
            text(
                f"SELECT region, hall, case_id, coalesce(c.department, ''), c.entries, {_LEFT_OF_HISTORY}, g.ids"
                f" FROM gone_cases g JOIN {self._now}cases c USING (region, hall, case_id)"
                + (f" WHERE {_LEFT_OF_HISTORY} IS NOT NULL" if most else "")
            )
        )
        for region, hall, case_id, department, entries, history, gone in chain.from_iterable(rows.partitions(_AT_ONCE)):
            if region not in catalogue:
                catalogue[region] = timelines(self._connection, region)
            kept = _without(history, gone)
            case = fold(kept, calendars.workdays(region), catalogue[region]) if kept else None
            added = entries_of(case) if case is not None else []
            before = _NOTHING if most else (department, unpack_entries(bytes(entries)))
            differences.move(region, hall, before, (case.department if case is not None else "", added))
            if kept:
                key: CaseKey = region, hall, case_id
                yield case_row(key, case, pack_entries(added), pack_history(kept))

    def _add_untouched(self, differences: Differences) -> None:
        rows = self._connection.execute(
            text(
                f"SELECT x.region, x.hall, coalesce(x.department, ''), x.entries FROM {self._now}cases x"
                " WHERE x.region BETWEEN :low AND :high"
                f" AND NOT EXISTS (SELECT FROM gone_cases k WHERE {_same(_CASE)})"
            ),
            self._values,
        )
        for region, hall, department, entries in rows:
            differences.move(region, hall, _NOTHING, (department, unpack_entries(bytes(entries))))

    def _put_cells(self, differences: Differences, most: bool) -> None:
        """Put changed cells in place; if the differences count from 0 (`most`), replace all cells of the region."""
        cells = tuple(column.name for column in metadata.tables["cells"].columns)
        rows = sorted(differences.rows())
        if most:
            copy_rows(self._connection, "then_cells", "cells", cells, rows)
            self._run("CREATE TEMP TABLE gone_cells (low int, high int) ON COMMIT DROP")
            self._connection.execute(text("INSERT INTO gone_cells VALUES (:low, :high)"), self._values)
            self._put("cells", "gone_cells", "x.region BETWEEN k.low AND k.high")
        else:
            copy_rows(self._connection, "moved_cells", "cells", cells, rows)
            sums = ", ".join(f"m.{name} + coalesce(c.{name}, 0) AS {name}" for name in cells if name not in _CELL)
            key = ", ".join(_CELL)
            self._run(
                f"CREATE TEMP TABLE then_cells ON COMMIT DROP AS SELECT {key}, {sums} FROM moved_cells m"
                f" LEFT JOIN {self._now}cells c USING ({key})"
            )
            self._put("cells", "then_cells", _same(_CELL))
        self._run("ANALYZE then_cells (day)")

    def put_hall_days(self) -> None:
        """Put each hall's days in place, without events that came later (`hall_days`)."""
        noted, put = hall_days(self._now, self._archived.events, self._of_region, self._gone)
        for statement in noted:
            self._connection.execute(text(statement), self._values)
        self._archived.add_days()
        for statement in put:
            self._connection.execute(text(statement), self._values)
        self._put("hall_days", "gone_hall_days", _same(("region", "hall", "day")))

    @property
    def _of_region(self) -> str:
        return "e.region BETWEEN :low AND :high"

    def _put(self, table: str, gone: str, same: str) -> None:
        """Make a view under the table's name: its rows without those that are gone (`k`), and the rows of the past."""
        names = ", ".join(f'"{column.name}"' for column in metadata.tables[table].columns)
        self._run(
            f"CREATE TEMP VIEW {table} AS SELECT {names} FROM {self._now}{table} x"
            f" WHERE NOT EXISTS (SELECT FROM {gone} k WHERE {same}) UNION ALL SELECT {names} FROM then_{table}"
        )

    def _run(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement)


def _longest(spans: Timeline) -> int:
    """Return the longest limit of an item's versions, in working days."""
    limits = (days for span in spans for days in (span.version.promised_days, span.version.statutory_days))
    return max((days for days in limits if days is not None), default=0)


def _without(history: bytes | None, gone: Sequence[bytes]) -> list[CaseEvent]:
    """Return a case's events except those that are gone. history: None if all are gone."""
    if history is None:
        return []
    missing = {bytes(id_) for id_ in gone}
    return [event for event in unpack_history(bytes(history)) if event.key not in missing]


def _same(key: Sequence[str]) -> str:
    return " AND ".join(f"k.{name} = x.{name}" for name in key)
