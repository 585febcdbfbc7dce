"""Multiply stored events: copy rows that merges have stored, so that the copies look as if merges had stored them.

A copy has the same halls and days, but different cases and ids, both in `events` and in the histories of `cases`. All
aggregates follow from the events, and `recompute --check` finds no difference. The rows of all copies lie in the order
of arrival, like the rows of a province that is that many times as busy.
"""

from __future__ import annotations

import random
import re
import string
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import Connection, sql

from hallpulse.contract.events import CaseData, EventType, HallEvent
from hallpulse.domain.case import unpack_id
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.domain.measures import COLUMNS

CHUNK_ROWS = 10_000
_COPIED = "type <= 20 OR type = 51"
"""Only events of cases and heartbeats are copied. The few others are about one item, day or figure, and stay single."""
_PLACE = re.compile(r"D0\d{3}").fullmatch
_PLACE_AT = 5
"""The position, in the id of a simulated case, of the two characters that differ between copies."""
_CODES = tuple(a + b for a in string.ascii_uppercase if a != "D" for b in string.digits + string.ascii_uppercase)
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_UUID = 16
_RANDOM_BITS = bytes.fromhex("0000000000000fff3fffffffffffffff")
"""The bits of a version 7 UUID that are neither time nor version nor variant."""
_FILLED_IN_ORDER, _FILLED_AT_RANDOM = 90, 70
"""How full inserts leave the pages of an index, in percent: with keys in order, and with keys at random."""


@dataclass
class _Chunk:
    """Rows in the form of COPY, with the positions of the ids, of the copy's characters, and of ids written as text."""

    rows: bytearray = field(default_factory=bytearray)
    ids: bytearray = field(default_factory=bytearray)
    ids_at: list[int] = field(default_factory=list)
    codes_at: list[int] = field(default_factory=list)
    texts: list[tuple[int, bytes]] = field(default_factory=list)
    count: int = 0

    def add(self, row: bytes, ids: Sequence[bytes], code_at: int | None, texts: Sequence[bytes]) -> None:
        start = len(self.rows)
        self.rows += row
        self.count += 1
        for one in ids:
            self.ids += one
            self.ids_at.append(start + row.index(one))
        if code_at is not None:
            self.codes_at.append(start + code_at)
        for one in texts:
            written = unpack_id(one).encode()
            self.texts += [(start + found.start(), one) for found in re.finditer(written, row)]

    def stamped(self, mask: bytes, code: bytes) -> bytearray:
        rows = self.rows
        ids = _masked(self.ids, mask)
        for number, at in enumerate(self.ids_at):
            rows[at : at + _UUID] = ids[number * _UUID : number * _UUID + _UUID]
        for at in self.codes_at:
            rows[at : at + 2] = code
        for at, id_ in self.texts:
            rows[at : at + 36] = unpack_id(_masked(id_, mask)).encode()
        return rows


def _masked(ids: bytes | bytearray, mask: bytes) -> bytes:
    whole = int.from_bytes(ids, "big") ^ int.from_bytes(mask * (len(ids) // _UUID), "big")
    return whole.to_bytes(len(ids), "big")


class _CaseKey(NamedTuple):
    region: bytes
    hall: bytes
    case_id: bytes


class Seed:
    """The cases and heartbeats of a database, read once, to be multiplied into copies of that database."""

    def __init__(self, database_url: str, *, ordered: bool = True) -> None:
        """Read the database. ordered: whether ids are in the order of time."""
        self._fill_factor = _FILLED_IN_ORDER if ordered else _FILLED_AT_RANDOM
        self._ids: dict[_CaseKey, list[bytes]] = defaultdict(list)
        self._taken_back: dict[_CaseKey, list[bytes]] = defaultdict(list)
        with psycopg.connect(database_url) as connection:
            connection.execute("SET synchronize_seqscans = off")
            self.events = list(self._read_events(connection))
            self.cases = list(self._read_cases(connection))
        self._ids.clear()
        self._taken_back.clear()

    def multiply(self, database_url: str, copies: int) -> int:
        """Add this many copies to the one that the database holds; return the number of their events."""
        jobs = (("events", self.events), ("cases", self.cases))
        with psycopg.connect(database_url) as connection:
            _multiply_sums(connection, copies)
        with ThreadPoolExecutor(len(jobs)) as pool:
            for done in [
                pool.submit(_fill, database_url, table, chunks, copies, self._fill_factor) for table, chunks in jobs
            ]:
                done.result()
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        return copies * sum(chunk.count for chunk in self.events)

    def _read_events(self, connection: Connection[Any]) -> Iterator[_Chunk]:
        chunk = _Chunk()
        for row in _copied_out(connection, f"SELECT * FROM events WHERE {_COPIED}"):
            fields = _fields(row)
            region, hall, id_, _, _, kind, case_id = (row[start:end] for start, end in fields[:7])
            key = _CaseKey(region, hall, case_id)
            texts = []
            if case_id:
                self._ids[key].append(id_)
            if int.from_bytes(kind, "big") == EventType.CASE_RETRACTED:
                texts = _ids_in(row)
                self._taken_back[key] += texts
            chunk.add(row, [id_], _code_at(row, fields[6]) if case_id else None, texts)
            if chunk.count == CHUNK_ROWS:
                yield chunk
                chunk = _Chunk()
        yield chunk

    def _read_cases(self, connection: Connection[Any]) -> Iterator[_Chunk]:
        chunk = _Chunk()
        by_day = "SELECT * FROM cases ORDER BY substr(case_id, 3, 3), region, hall, case_id"
        for row in _copied_out(connection, by_day):
            fields = _fields(row)
            key = _CaseKey(*(row[start:end] for start, end in fields[:3]))
            chunk.add(row, self._ids[key], _code_at(row, fields[2]), self._taken_back.get(key, ()))
            if chunk.count == CHUNK_ROWS:
                yield chunk
                chunk = _Chunk()
        yield chunk


def _copied_out(connection: Connection[Any], query: str) -> Iterator[bytes]:
    with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)".encode()) as copy:
        for number, data in enumerate(copy):
            row = bytes(data)[0 if number else len(_HEADER) :]
            if row != _TRAILER:
                yield row


def _fields(row: bytes) -> list[tuple[int, int]]:
    """Return where each field of a row begins and ends."""
    at, found = 2, []
    while at < len(row):
        length = int.from_bytes(row[at : at + 4], "big", signed=True)
        at += 4
        found.append((at, at + max(0, length)))
        at += max(0, length)
    return found


def _ids_in(row: bytes) -> list[bytes]:
    return [bytes.fromhex(text.decode().replace("-", "")) for text in re.findall(rb"[0-9a-f-]{36}", row)]


def _code_at(row: bytes, place: tuple[int, int]) -> int:
    if not _PLACE(row[place[0] + _PLACE_AT : place[1]].decode()):
        raise ValueError(f"not the id of a simulated case: {row[place[0] : place[1]]!r}")
    return place[0] + _PLACE_AT


def _mask(copy: int) -> bytes:
    return bytes(a & b for a, b in zip(random.Random(copy).randbytes(_UUID), _RANDOM_BITS, strict=True))


def _fill(database_url: str, table: str, chunks: Sequence[_Chunk], copies: int, fill_factor: int) -> None:
    """Replace the table's rows by those of all copies, the first one included; make its indexes afterwards."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET maintenance_work_mem = '2GB'")
        connection.execute("SET max_parallel_maintenance_workers = 2")
        kept = _kept(connection, table)
        indexes = _without_indexes(connection, table, fill_factor)
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
        with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY, FREEZE)".encode()) as copy:
            copy.write(_HEADER)
            for row in kept:
                copy.write(row)
            for chunk in chunks:
                copy.write(bytes(chunk.rows))
                for number in range(1, copies + 1):
                    copy.write(bytes(chunk.stamped(_mask(number), _CODES[number - 1].encode())))
                chunk.stamped(bytes(_UUID), b"D0")
            copy.write(_TRAILER)
        connection.commit()
        for definition in indexes:
            connection.execute(definition.encode())
        connection.commit()


def _kept(connection: Connection[Any], table: str) -> list[bytes]:
    """Return the rows that are not multiplied."""
    return list(_copied_out(connection, f"SELECT * FROM events WHERE NOT ({_COPIED})")) if table == "events" else []


def _without_indexes(connection: Connection[Any], table: str, fill_factor: int) -> list[str]:
    """Drop the table's indexes, and return the statements that make them again."""
    key, definition = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'",
        (table,),
    ).fetchone() or ("", "")
    others = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname <> %s", (table, key)
    ).fetchall()
    connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{key}"'.encode())
    for name, _ in others:
        connection.execute(f'DROP INDEX "{name}"'.encode())
    if table != "events":
        return [f'ALTER TABLE {table} ADD CONSTRAINT "{key}" {definition}', *(one for _, one in others)]
    made = f'ALTER TABLE {table} ADD CONSTRAINT "{key}" {definition} WITH (fillfactor = {fill_factor})'
    return [made, *(one for _, one in others), f'ALTER INDEX "{key}" RESET (fillfactor)']


def _multiply_sums(connection: Connection[Any], copies: int) -> None:
    """Multiply the sums. Call it while `events` still holds only the first copy."""
    sums = ", ".join(f'"{name}" = "{name}" * {copies + 1}' for name in COLUMNS)
    connection.execute(f"UPDATE cells SET {sums}".encode())
    connection.execute(
        f"UPDATE hall_days h SET events = h.events + {copies} * e.events, late = h.late + {copies} * e.late FROM ("
        " SELECT region, hall, DATE '1970-01-01' + ((time + 28800000000) / 86400000000)::int AS day,"
        f" count(*) AS events, count(*) FILTER (WHERE arrived - time / 60000000 > {LATE_MINUTES}) AS late"
        f" FROM events WHERE {_COPIED} GROUP BY 1, 2, 3) e"
        " WHERE (h.region, h.hall, h.day) = (e.region, e.hall, e.day)".encode()
    )


def spread_over(events: Sequence[HallEvent], copies: int) -> list[HallEvent]:
    """Return the events of the first copy's cases, each case moved to one of the copies.

    Cases with a retracted event stay in the first copy, because the retraction names the first copy's event.
    """
    staying = {_case_of(event) for event in events if event.type is EventType.CASE_RETRACTED}
    return [_moved(event, copies) if _case_of(event) not in staying else event for event in events]


def _case_of(event: HallEvent) -> tuple[int, str, str]:
    return event.region, event.hall, event.data.case_id if isinstance(event.data, CaseData) else ""


def _moved(event: HallEvent, copies: int) -> HallEvent:
    if not isinstance(event.data, CaseData):
        return event
    case_id = event.data.case_id
    copy = zlib.crc32("/".join(map(str, _case_of(event))).encode()) % (copies + 1)
    if copy == 0:
        return event
    moved = case_id[:_PLACE_AT] + _CODES[copy - 1] + case_id[_PLACE_AT + 2 :]
    return msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, case_id=moved))
