"""Archived events in the database: blocks of some hundred events of a hall, found by hashes of their ids.

A block holds every column of its events, so an archived event is as exact an answer as a row of `events`: its id is
taken for ever, its content is compared, and its case shows it. While nothing is archived, all of this costs one look at
an empty index for each batch.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate, groupby, islice, pairwise
from operator import itemgetter
from typing import Any

import msgspec
from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from hallpulse.store.database import driver, driver_types, is_spread
from hallpulse.store.tables import events, metadata

archived_events = Table(
    "archived_events",
    metadata,
    Column("region", Integer, nullable=False),
    Column("file", Text, nullable=False, comment="as in archive_files"),
    Column("number", Integer, nullable=False, comment="of the block in its file, from 0"),
    Column("hall", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("first_time", BigInteger, nullable=False, comment="microseconds since 1970-01-01 UTC"),
    Column("last_time", BigInteger, nullable=False),
    Column("last_arrived", Integer, nullable=False, comment="minutes since 1970-01-01 UTC"),
    Column("hashes", ARRAY(BigInteger), nullable=False, comment="of the events' ids (`key_hash`)"),
    Column("packed", LargeBinary, nullable=False, comment="the events, compressed"),
    PrimaryKeyConstraint("region", "file", "number"),
    Index("archived_events_hashes", "hashes", postgresql_using="gin", postgresql_with={"fastupdate": False}),
)

archive_files = Table(
    "archive_files",
    metadata,
    Column("region", Integer, nullable=False),
    Column("file", Text, nullable=False, comment="REGION/YYYY-MM/NUMBER.parquet, in the archive's folder"),
    Column("events", Integer, nullable=False),
    Column("blocks", Integer, nullable=False),
    Column("sha256", Text, nullable=False, comment="of the file"),
    Column("since", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("region", "file"),
)

Row = tuple[Any, ...]
"""A row of `events`, in the order of its columns."""
COLUMNS = tuple(column.name for column in events.columns)
BLOCK = 512
"""Events of a block of a new file, at most."""
EventKey = tuple[int, str, bytes]
"""Region, hall and packed id."""
ARCHIVED_TYPES = "(type < 20 OR type = 51)"
"""SQL condition of the events that are archived: those of cases, and heartbeats. Events about items, tallies and
declared figures are few, and are asked for with their entity: they stay rows."""

event_columns = itemgetter(*map(COLUMNS.index, ("region", "hall", "id", "type", "time", "case_id", "data", "extra")))
"""Take from a row the columns of `merge.EVENT_COLUMNS`."""
_HALL, _ID, _TIME = (COLUMNS.index(name) for name in ("hall", "id", "time"))
ARRIVED = COLUMNS.index("arrived")
_IN_A_BLOCK = [index for index, name in enumerate(COLUMNS) if name not in ("region", "hall")]
_STEPS = (_IN_A_BLOCK.index(_TIME), _IN_A_BLOCK.index(ARRIVED))
"""Columns of a block that are kept as the difference from the event before, which compresses better."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[Any]]).decode


def blocks_of(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Yield a file's rows in blocks of one hall each, of at most `most` rows; every reading gives the same blocks."""
    for _, own in groupby(rows, key=itemgetter(_HALL)):
        while block := list(islice(own, most)):
            yield block


def key_hash(region: int, hall: str, id_: bytes) -> int:
    """Return the hash of an event's key, 64 bits with a sign.

    Its first 40 bits are those of the id. Ids grow with time, so new ones go to the last page of the index, which is in
    memory. The other bits are a hash of the whole key, so that no hall can choose ids with one hash.
    """
    mixed = blake2b(b"%d/%b/%b" % (region, hall.encode(), id_), digest_size=3).digest()
    return int.from_bytes((id_[:5] + mixed).rjust(8, b"\0"), "big", signed=True)


def pack(rows: Sequence[Row]) -> bytes:
    """Pack a block of events of one hall."""
    columns = [[row[index] for row in rows] for index in _IN_A_BLOCK]
    for step in _STEPS:
        columns[step] = [columns[step][0], *(after - before for before, after in pairwise(columns[step]))]
    return zlib.compress(_encode(columns), 6)


def unpack(region: int, hall: str, packed: bytes) -> list[Row]:
    """Return the rows of a block."""
    columns = _decode(zlib.decompress(packed))
    for step in _STEPS:
        columns[step] = list(accumulate(columns[step]))
    return [(region, hall, *values) for values in zip(*columns, strict=True)]


def block_row(file: str, number: int, rows: Sequence[Row]) -> Row:
    """Return a block as a row of `archived_events`."""
    region, hall = rows[0][:2]
    times = [row[_TIME] for row in rows]
    hashes = sorted(key_hash(region, hall, row[_ID]) for row in rows)
    newest = max(row[ARRIVED] for row in rows)
    return region, file, number, hall, len(rows), min(times), max(times), newest, hashes, pack(rows)


_ANY = text("SELECT EXISTS (SELECT FROM archived_events WHERE region = ANY(CAST(:regions AS int[])))")
# By the index of the hashes alone: that comparing two long lists takes long is unknown to the planner, which would
# rather read all blocks of a region, or all of them.
_FOUND = text(
    "SELECT region, hall, packed FROM archived_events WHERE hashes && CAST(:hashes AS bigint[])"
    " AND region + 0 = ANY(CAST(:regions AS int[]))"
)


def any_archived(connection: Connection, regions: Collection[int]) -> bool:
    """Return whether any of the regions has archived events; none has on Citus, where nothing is archived."""
    return not is_spread(connection) and bool(connection.execute(_ANY, {"regions": sorted(set(regions))}).scalar())


def archived_rows(connection: Connection, keys: Collection[EventKey]) -> dict[EventKey, Row]:
    """Return the archived events under these keys."""
    regions = {key[0] for key in keys}
    if not keys or not any_archived(connection, regions):
        return {}
    hashes = sorted({key_hash(*key) for key in keys})
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    blocks = connection.execute(_FOUND, {"hashes": hashes, "regions": sorted(regions)}).all()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = on")
    wanted = frozenset(keys)
    rows = (row for region, hall, packed in blocks for row in unpack(region, hall, bytes(packed)))
    return {row[:3]: row for row in rows if row[:3] in wanted}


def put_rows(connection: Connection, table: str, rows: Iterable[Row]) -> None:
    """Put rows into a table that has the columns of `events`, under any name."""
    with driver(connection).cursor() as cursor:
        cursor.adapters.register_dumper(bytes, BytesBinaryDumper)
        with cursor.copy(f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(driver_types("events", COLUMNS))
            for row in rows:
                copy.write_row(row)


def stage_archived(
    connection: Connection, table: str, where: str = "true", given: Mapping[str, object] | None = None
) -> int:
    """Fill a table, which is like `events`, with the events of the blocks of a condition; return their number."""
    query = text(f"SELECT region, hall, packed FROM archived_events b WHERE {where}")
    blocks = connection.execute(query, dict(given or {}), execution_options={"yield_per": 200})
    staged = 0
    for some in blocks.partitions(200):
        rows = [row for region, hall, packed in some for row in unpack(region, hall, bytes(packed))]
        put_rows(connection, table, rows)
        staged += len(rows)
    return staged
