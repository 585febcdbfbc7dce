"""The tables of the Pathway job: one transaction for a minibatch's changes of all three."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import psycopg
from msgspec.json import encode

from bench.peers.tables import COUNTED, key_of

CASE, DAY, PROGRESS = 1, 2, 3
EventRow = tuple[int, str, str, str, str, str | None, str]
_CASE_COLUMNS = ("item_code", "department", *COUNTED, "score")
_STAGE = "CREATE TEMP TABLE new_cases (LIKE peer_cases) ON COMMIT DELETE ROWS"
_CASES = f"""
    INSERT INTO peer_cases SELECT * FROM new_cases ON CONFLICT (region, hall, case_id)
    DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _CASE_COLUMNS)}
"""
_COPY_CASES = f"COPY new_cases (region, hall, case_id, {', '.join(_CASE_COLUMNS)}) FROM STDIN"
_DAYS = """
    INSERT INTO peer_days (region, hall, department, day, {column}) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (region, hall, department, day) DO UPDATE SET {column} = excluded.{column}
"""


def row_of(event: dict[str, Any]) -> EventRow:
    """Return the event's row of peer_events."""
    data = event.get("data")
    return (*key_of(event), event["type"], event["time"], (data or {}).get("case_id"), encode(data).decode())


def stored_events(connection: psycopg.Connection[Any]) -> Iterator[dict[str, Any]]:
    with connection.cursor("stored") as cursor:
        cursor.itersize = 10_000
        cursor.execute("SELECT region, hall, id, type, time, data FROM peer_events")
        for region, hall, id_, type_, time, data in cursor:
            yield {"source": f"/{region}/{hall}", "id": id_, "type": type_, "time": time.isoformat(), "data": data}


class Tables:
    """Stores the changes of a minibatch, then acknowledges. rows: events by number that are not stored yet."""

    def __init__(
        self, connection: psycopg.Connection[Any], rows: dict[int, EventRow], acknowledge: Callable[[int], None]
    ) -> None:
        self._connection, self._rows, self._acknowledge = connection, rows, acknowledge
        self._events = list[int]()
        self._cases = dict[tuple[str, str], tuple[str, ...]]()
        self._days = dict[tuple[str, str, int, int], int]()
        self._upto = self._done = 0
        connection.execute(_STAGE)
        connection.commit()

    def note(self, key: object, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG002
        """Note a changed row. A change is a deletion and an addition, in any order."""
        if (to := row["to"]) == PROGRESS:
            self._upto = max(self._upto, row["number"])
        elif to == CASE:
            case = row["hall"], row["name"]
            self._cases[case] = row["facts"] if is_addition else self._cases.get(case, ())
        elif to == DAY:
            cell = row["hall"], row["name"], row["day"], row["kind"]
            self._days[cell] = row["number"] if is_addition else self._days.get(cell, 0)
        elif row["number"]:
            self._events.append(row["number"])

    def store(self, time: int) -> None:  # noqa: ARG002
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy("COPY peer_events FROM STDIN") as copy:
                for number in self._events:
                    copy.write_row(self._rows[number])
            with cursor.copy(_COPY_CASES) as copy:
                for (source, case), facts in self._cases.items():
                    copy.write_row((*_place(source), case, *_case(facts)))
            cursor.execute(_CASES)
            for kind, column in enumerate(COUNTED):
                cells = [(*_place(at), name, date.fromordinal(day), number)
                         for (at, name, day, of), number in self._days.items() if of == kind]  # fmt: skip
                cursor.executemany(_DAYS.format(column=column), cells)
        self._acknowledge(self._upto)
        for number in range(self._done + 1, self._upto + 1):
            del self._rows[number]
        self._done = self._upto
        self._events, self._cases, self._days = [], {}, {}


def _place(source: str) -> tuple[int, str]:
    _, region, hall = source.split("/")
    return int(region), hall


def _case(facts: tuple[str, ...]) -> list[str | None]:
    """Return a case's columns. facts: sorted, so that of two of one kind the later day counts."""
    days, item, department, score = dict[str, str](), None, "", None
    for fact in facts:
        column, days[column], *rest = fact.split("|")
        if column == "received":
            item, department = rest[0], rest[1]
        elif column == "rated":
            score = rest[2]
    return [item, department, *map(days.get, COUNTED), score]
