"""The files of an archive: Parquet, one for a region and a month of events, and the manifest that names them all.

A file is written under another name, read back and compared before it gets its own; so is the manifest. Any program
that reads Parquet can read the files: the columns are those of CloudEvents, and `packed` repeats the data as stored.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from hallpulse.contract.events import EventType
from hallpulse.domain.case import pack_id, unpack_id
from hallpulse.domain.errors import Halt
from hallpulse.store.archiving import packed_events
from hallpulse.store.archiving.packed_events import Row, blocks_of
from hallpulse.store.database import unpack_data
from hallpulse.store.receipts import MICROSECONDS_A_MINUTE, arrival

MANIFEST = "manifest.json"
_FORMAT = 1
_AT_ONCE = 20_000
_encode = msgspec.msgpack.Encoder().encode
_TYPES = {kind.wire_name: kind for kind in EventType}


class ArchiveFile(msgspec.Struct, frozen=True):
    """A file of an archive.

    file: its path in the folder, REGION/YYYY-MM/NUMBER.parquet; blocks: the number of parts in which the database takes
    its events; block: how many of these a part has at most; sha256: of the file's bytes; content: the SHA-256 of its
    rows as they were stored.
    """

    file: str
    region: int
    month: str
    events: int
    block: int
    blocks: int
    bytes: int
    sha256: str
    content: str
    written: datetime


class _Manifest(msgspec.Struct):
    format: int
    files: list[ArchiveFile]


def read_manifest(folder: Path) -> list[ArchiveFile]:
    """Return the files of an archive, in order; none if there is no manifest. Raises Halt if it cannot be read."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise Halt(f"archive: {folder / MANIFEST} cannot be read: {error}") from error
    if manifest.format != _FORMAT:
        raise Halt(f"archive: {folder / MANIFEST} has format {manifest.format}: expected {_FORMAT}")
    return sorted(manifest.files, key=lambda one: one.file)


def write_manifest(folder: Path, files: Iterable[ArchiveFile]) -> None:
    """Replace the manifest, whole or not at all."""
    content = msgspec.to_builtins(_Manifest(_FORMAT, sorted(files, key=lambda one: one.file)))
    with _replacing(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_file(folder: Path, name: str, rows: Iterable[Row], written: datetime) -> ArchiveFile:
    """Write a file of one region's events of a month, and read it back before it gets its name.

    Raises Halt if what is read is not what was written.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    told = hashlib.sha256()
    with _replacing(path) as temporary:
        count = _write(temporary, rows, told)
        read, blocks, events = hashlib.sha256(), 0, 0
        for block in blocks_of(_rows(temporary), packed_events.BLOCK):
            blocks, events = blocks + 1, events + len(block)
            for row in block:
                read.update(_encode(row))
        if events != count or read.digest() != told.digest():
            raise Halt(f"archive: {name} does not hold what was written to it: is the disk sound?")
        digest, size = digest_of(temporary), temporary.stat().st_size
    region, month, _ = name.split("/")
    return ArchiveFile(
        name, int(region), month, events, packed_events.BLOCK, blocks, size, digest, told.hexdigest(), written
    )


def read_blocks(folder: Path, file: ArchiveFile) -> Iterator[list[Row]]:
    """Yield a file's events in its blocks. Raises Halt if the file is not the one that the manifest tells of."""
    check_bytes(folder, file)
    yield from blocks_of(_rows(folder / file.file), file.block)


def check_bytes(folder: Path, file: ArchiveFile) -> None:
    """Raise Halt if the file is not there, or is another one."""
    try:
        found = digest_of(folder / file.file)
    except OSError as error:
        raise Halt(f"archive: {folder / file.file} cannot be read: {error.strerror}") from error
    if found != file.sha256:
        raise Halt(f"archive: {folder / file.file} was changed: its SHA-256 is not the manifest's")


def content_of(folder: Path, file: ArchiveFile) -> str:
    """Return the SHA-256 of a file's rows."""
    found = hashlib.sha256()
    for row in _rows(folder / file.file):
        found.update(_encode(row))
    return found.hexdigest()


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give the name of a temporary file, which takes the path's name after the block, and is on the disk by then."""
    temporary = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        for folder in (path.parent, path.parent.parent):
            _sync(folder)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _arrow() -> Any:
    try:
        import pyarrow.parquet  # noqa: PLC0415 - an extra, which only archives need
    except ModuleNotFoundError:
        raise Halt("archive: Parquet needs `pip install hallpulse[archive]`") from None
    return pyarrow


def _schema(arrow: Any) -> Any:
    moment = arrow.timestamp("us", "UTC")
    named = {
        "region": arrow.int32(), "hall": arrow.string(), "id": arrow.string(), "type": arrow.string(), "time": moment,
        "arrived": moment, "case_id": arrow.string(), "data": arrow.string(), "attributes": arrow.string(),
        "imported": arrow.bool_(), "packed": arrow.binary(),
    }  # fmt: skip
    return arrow.schema(list(named.items()))


def _write(path: Path, rows: Iterable[Row], told: Any) -> int:
    """Write rows to a file, add each to a digest, and return their number."""
    arrow = _arrow()
    schema, count = _schema(arrow), 0
    with arrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        left = iter(rows)
        while some := list(islice(left, _AT_ONCE)):
            columns = zip(*map(_shown, some), strict=True)
            arrays = [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(some)
            for row in some:
                told.update(_encode(row))
    return count


def _shown(row: Row) -> Row:
    """Return a stored row in the columns of a file."""
    region, hall, id_, time, minute, kind, case_id, packed, extra, hundredths, imported = row
    arrived = minute * MICROSECONDS_A_MINUTE + hundredths * 10_000
    data = msgspec.json.encode(unpack_data(kind, case_id, packed)).decode()
    attributes = None if extra is None else extra.decode()
    name = EventType(kind).wire_name
    return region, hall, unpack_id(id_), name, time, arrived, case_id, data, attributes, imported, packed


def _rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file as they were stored. Raises Halt if it is no file of an archive."""
    arrow = _arrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_AT_ONCE):
                whole = arrow.int64()
                named = {
                    field.name: (column.cast(whole) if field.name in ("time", "arrived") else column).to_pylist()
                    for field, column in zip(batch.schema, batch.columns, strict=True)
                }
                yield from map(_stored, zip(*(named[name] for name in _schema(arrow).names), strict=True))
    except (arrow.ArrowInvalid, KeyError, OSError) as error:
        raise Halt(f"archive: {path} is no file of an archive: {error}") from error


def _stored(shown: Row) -> Row:
    """Return a row of a file as it is stored."""
    region, hall, id_, name, time, arrived, case_id, _, attributes, imported, packed = shown
    minute, hundredths = arrival(arrived)
    extra = None if attributes is None else attributes.encode()
    return region, hall, pack_id(id_), time, minute, int(_TYPES[name]), case_id, packed, extra, hundredths, imported
