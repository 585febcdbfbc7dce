"""Connections to PostgreSQL, the one place where its errors become Unavailable or Halt, and the forms of stored values.

Rows are written by binary COPY into a temporary table of the session, from which one statement takes them. Events and
case histories are stored as MessagePack, ids of UUID form in 16 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

import msgspec
from psycopg import Connection as DriverConnection
from psycopg import Cursor
from psycopg import errors as pg
from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Connection,
    Date,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hallpulse.contract.events import DATA_OF, CaseData, Data, EventType, HallEvent
from hallpulse.domain.case import CaseEvent, case_event_of
from hallpulse.domain.errors import ConnectionEnded, Halt, Unavailable
from hallpulse.domain.measures import Entry
from hallpulse.domain.workdays import EPOCH_ORDINAL, date_of, day_of
from hallpulse.store.tables import metadata

_OUT_OF_REACH = (OperationalError, InterfaceError, PoolTimeout)
_SCHEMA_MISSING = (pg.UndefinedTable, pg.UndefinedColumn)
INGEST = "hallpulse ingest"
"""The name under which the connections of ingest are seen in the database."""
CONNECT_ARGUMENTS = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=600000 -c lock_timeout=60000 -c TimeZone=Asia/Shanghai",
    # A server that vanishes without a word (a pulled cable) is noticed after half a minute, not after hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


def open_engine(database_url: str, pool_size: int = 4, service: str = "") -> Engine:
    """Return an engine on psycopg 3, without connecting yet.

    A statement that takes over 10 minutes, or waits over 1 minute for a lock, ends as Unavailable. service: the name
    that the database shows for the connections.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args=CONNECT_ARGUMENTS | ({"application_name": f"hallpulse {service}"} if service else {}),
        execution_options={"service": service},
    )
    event.listen(engine, "before_cursor_execute", _name_one_region, retval=True)
    return engine


_REGIONS = re.compile(r"\bregion BETWEEN (?:(%\(low\)s(?:::\w+)?) AND %\(high\)s(?:::\w+)?|(\d+) AND \2\b)")


def _name_one_region(
    connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object
) -> tuple[str, Any]:
    """Let a query of one county name it, on Citus: there a range of regions is asked of every shard, however narrow.

    The county's worker then answers by itself, at one moment, and whatever PostgreSQL can be asked.
    """
    if "region BETWEEN" not in statement or not is_spread(connection):
        return statement, parameters
    given = parameters if isinstance(parameters, Mapping) else {}
    is_one = "low" in given and given["low"] == given.get("high")

    def named(found: re.Match[str]) -> str:
        return f"region = {found[1] or found[2]}" if is_one or found[2] else found[0]

    return _REGIONS.sub(named, statement), parameters


@contextmanager
def faults() -> Iterator[None]:
    """Turn the driver's errors in the block into Unavailable (try again) or Halt (a person must look)."""
    try:
        yield
    except _OUT_OF_REACH as error:
        raise Unavailable(f"database: {_line(error)}") from error
    except DBAPIError as error:
        raise _decision(error.orig, error) from error
    except pg.Error as error:
        raise _decision(error, error) from error


def _decision(cause: BaseException | None, error: Exception) -> Unavailable | Halt:
    if isinstance(cause, _SCHEMA_MISSING):
        return Halt(f"database: {_line(error)}: run the migrations of this version first")
    retryable = (pg.OperationalError, pg.InterfaceError, pg.InternalError, pg.DiskFull)
    if isinstance(cause, retryable) or getattr(error, "connection_invalidated", False):
        return Unavailable(f"database: {_line(error)}")
    return Halt(f"database: {_line(error)}")


def _line(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction: committed at the end, rolled back on any error. Raises ConnectionEnded, Unavailable, Halt."""
    held = None
    try:
        with faults(), engine.begin() as connection:
            held = driver(connection)
            yield connection
    except Unavailable as error:
        if held is not None and held.closed:
            raise ConnectionEnded(str(error)) from error
        raise


def at_one_moment(engine: Engine) -> Engine:
    """Return the engine for transactions that only read: all their queries see the moment of the first one."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def read_version(connection: Connection) -> str | None:
    """Return as a text which transactions a moment sees; None if the tables are spread over several databases.

    Only writing transactions change the text; reading ones do not. Call it first in a transaction of `at_one_moment`.
    """
    if is_spread(connection):
        return None
    return str(connection.scalar(text("SELECT CAST(pg_current_snapshot() AS text)")))


def is_spread(connection: Connection) -> bool:
    """Return whether the tables may be spread over several databases by Citus. It is asked once a connection."""
    kept = connection.info
    if "spread" not in kept:
        query = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
        kept["spread"] = bool(connection.scalar(text(query)))
    return bool(kept["spread"])


def of_regions(connection: Connection, column: str, regions: Iterable[int]) -> str:
    """Return, on Citus only, SQL that narrows a statement to regions, which tell Citus the shards to ask.

    It follows the statement's other conditions, which name the same regions by a join that Citus cannot see through.
    PostgreSQL would plan such a statement as if the regions narrowed it twice.
    """
    if not is_spread(connection):
        return ""
    named = ", ".join(str(int(region)) for region in sorted(set(regions)))
    return f" AND {column} IN ({named})" if named else " AND false"


def driver(connection: Connection) -> DriverConnection[tuple[object, ...]]:
    """Return the psycopg connection below SQLAlchemy's, for COPY."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, DriverConnection)
    return raw


COPY_EPOCH = day_of(date(2000, 1, 1))
"""The day from which binary COPY counts dates."""
_DRIVER_TYPES: tuple[tuple[type, str], ...] = (
    (BigInteger, "int8"),
    (SmallInteger, "int2"),
    (Integer, "int4"),
    (Text, "text"),
    (LargeBinary, "bytea"),
    (Date, "int4"),  # in binary COPY a date is the number of its day (`copied_day`)
    (Boolean, "bool"),
    (DateTime, "timestamptz"),
    (ARRAY, "int8[]"),  # of hashes: there is no other one
)


def copy_rows(
    connection: Connection, stage: str, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    """Fill a staging table of the session with rows. It has these columns of `table`, and is emptied first."""
    names = ", ".join(f'"{name}"' for name in columns)
    with driver(connection).cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} WITH NO DATA"
        )
        cursor.execute(f"DELETE FROM {stage}")
        _copy(cursor, stage, table, columns, rows)


def copy_into(connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Put new rows straight into a table. Raises UniqueViolation if one of them is there already."""
    with driver(connection).cursor() as cursor:
        _copy(cursor, table, table, columns, rows)


def _copy(cursor: Cursor[Any], into: str, like: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    cursor.adapters.register_dumper(bytes, BytesBinaryDumper)  # else bytea means DB-API's Binary, four times slower
    with cursor.copy(f"COPY {into} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(driver_types(like, columns))
        write = copy.write_row
        for row in rows:
            write(row)


@cache
def driver_types(table: str, columns: tuple[str, ...]) -> list[str]:
    """Return the types with which the driver writes and reads these columns in binary COPY; days are numbers there."""
    return [_driver_type(metadata.tables[table].c[name].type) for name in columns]


def _driver_type(kind: object) -> str:
    return next(name for cls, name in _DRIVER_TYPES if isinstance(kind, cls))


def copied_day(day: int | None) -> int | None:
    """Return a day of the domain as COPY writes it: days since 2000-01-01."""
    return None if day is None else day - COPY_EPOCH


def date_copied(day: int) -> date:
    """Return the date of a day that `copied_day` returned."""
    return date_of(day + COPY_EPOCH)


def to_date(day: int | None) -> date | None:
    """Return a day of the domain as a date of the database."""
    return None if day is None else date.fromordinal(day + EPOCH_ORDINAL)


_encoder = msgspec.msgpack.Encoder()
_encode = _encoder.encode
_decode_history = msgspec.msgpack.Decoder(list[CaseEvent]).decode
_entries_decoder = msgspec.msgpack.Decoder(list[Entry])
_decode_fields = msgspec.msgpack.Decoder(list[Any]).decode


def pack_data(data: Data) -> tuple[str, bytes]:
    """Return the case id ("" if there is none) and the other fields packed in their order; new fields go to the end."""
    fields = msgspec.structs.astuple(data)
    if isinstance(data, CaseData):
        return data.case_id, _encode(fields[1:])
    return "", _encode(fields)


def unpack_data(kind: int, case_id: str, packed: bytes) -> Data:
    cls, fields = DATA_OF[EventType(kind)], _decode_fields(packed)
    return cls(case_id, *fields) if issubclass(cls, CaseData) else cls(*fields)


def case_event(event: HallEvent, key: bytes) -> CaseEvent:
    """Return a case event in the form that `fold` takes. key: its packed id."""
    return case_event_of(event.type._value_, event.time, key, msgspec.structs.astuple(event.data)[1:])


def pack_history(events: Sequence[CaseEvent], before: bytes = b"") -> bytes:
    """Pack a history of events. before: an earlier packed history, which comes first and is taken over unchanged."""
    packed = _encode(events)
    if not before:
        return packed
    (count, start), (more, at) = _array_header(before), _array_header(packed)
    return _array_of(count + more) + before[start:] + packed[at:]


def _array_header(packed: bytes) -> tuple[int, int]:
    """Return the number of elements of a MessagePack array, and where the first one begins."""
    if packed[0] & 0xF0 == 0x90:
        return packed[0] & 0x0F, 1
    width = 2 if packed[0] == 0xDC else 4
    return int.from_bytes(packed[1 : 1 + width], "big"), 1 + width


def _array_of(count: int) -> bytes:
    """Return the header of a MessagePack array."""
    if count < 16:
        return bytes((0x90 | count,))
    return b"\xdc" + count.to_bytes(2, "big") if count < 65_536 else b"\xdd" + count.to_bytes(4, "big")


def unpack_history(packed: bytes) -> list[CaseEvent]:
    return _decode_history(packed)


def pack_entries(entries: Sequence[Entry]) -> bytes:
    return _encode(entries)


def unpack_entries(packed: bytes) -> list[Entry]:
    return _entries_decoder.decode(packed)
