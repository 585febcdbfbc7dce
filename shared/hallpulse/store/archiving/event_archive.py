"""Move events of past months to the files of an archive, and back; nothing is deleted that was not read back first.

A file is written and listed in the manifest before its first event leaves the table. Then its blocks move, some of them
in each transaction: the rows are compared with the file, deleted, and stored again packed, while merges wait. If the
command is killed, it goes on where it ended when it is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from sqlalchemy import Connection, Select, insert, make_url, select, text

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.workdays import day_of, midnight_after
from hallpulse.store.audit import AuditEntry, process_actor, write
from hallpulse.store.database import copy_into, copy_rows, driver_types, faults, is_spread, transaction
from hallpulse.store.locks import lock_archive, lock_everything, lock_moving
from hallpulse.store.migration import note_least_ingest
from hallpulse.store.recomputing.comparing import long_running
from hallpulse.store.recomputing.findings import read

from .packed_events import ARCHIVED_TYPES, COLUMNS, Row, archive_files, archived_events, block_row, unpack
from .parquet_files import (
    ArchiveFile,
    check_bytes,
    content_of,
    read_blocks,
    read_manifest,
    write_file,
    write_manifest,
)

_TYPES = driver_types("events", COLUMNS)
BLOCKS_AT_ONCE = 20
"""Blocks that move in one transaction, for which merges wait: some 10,000 events."""
Progress = Callable[[int, int], None]
"""A function called with (events done, events in all)."""
_MONTH = "CAST(date_trunc('month', DATE '1970-01-01' + CAST((time + 28800000000) / 86400000000 AS int)) AS date)"
_PREVIEW = text(
    f"SELECT region, {_MONTH} AS month, count(*) AS events FROM events WHERE time < :end AND {ARCHIVED_TYPES}"
    " AND region BETWEEN :low AND :high GROUP BY 1, 2 ORDER BY 2, 1"
)
_SAME = " AND ".join(
    f"e.{name} = s.{name}" if name in ("id", "region", "hall") else f"e.{name} IS NOT DISTINCT FROM s.{name}"
    for name in COLUMNS
)
_NAMES = ", ".join(COLUMNS)
_BLOCK_COLUMNS = tuple(column.name for column in archived_events.columns)


@dataclass(frozen=True, slots=True)
class ArchivedMonth:
    """The events of a region's month, by the local day of their time, that an archive would take."""

    region: int
    month: date
    events: int


class EventArchive:
    """The archive of a database's events in a folder. Every method raises Unavailable (try again) or Halt.

    actor: named in the audit.
    """

    def __init__(self, database_url: str, actor: str, folder: Path) -> None:
        url = make_url(database_url).set(drivername="postgresql+psycopg")
        self._engine = long_running(url.render_as_string(hide_password=False))
        self._actor, self._folder = actor, folder

    def preview(self, before: date, bounds: tuple[int, int]) -> list[ArchivedMonth]:
        """Return what `take` would archive now. before: the first day that stays; bounds: of the regions.

        Raises Halt on Citus, as do the other methods that move events.
        """
        given = {"end": midnight_after(day_of(before) - 1), "low": bounds[0], "high": bounds[1]}
        with transaction(self._engine) as connection:
            _refuse_spread(connection)
            return [ArchivedMonth(*row) for row in connection.execute(_PREVIEW, given)]

    def take(
        self, before: date, bounds: tuple[int, int], now: datetime, progress: Progress | None = None
    ) -> list[ArchiveFile]:
        """Archive the events of the months before a day, and what an earlier call left half done; return the files.

        Events that come later of these months go to further files the next time. now: written in the manifest.
        """
        with self._alone() as session:
            unfinished = [file for file in read_manifest(self._folder) if not self._is_done(session, file)]
            wanted = self.preview(before, bounds)
            meter = _FileMeter(sum(one.events for one in wanted), progress)
            moved = [self._move(file, _FileMeter(0, None)) for file in unfinished]
            left = self.preview(before, bounds) if unfinished else wanted
            for month, parts in groupby(left, key=lambda one: one.month):
                written = self._write(session, month, [part.region for part in parts], now)
                moved += [self._move(file, meter) for file in written]
            if moved:
                self._clean()
            return moved

    def restore(self, chosen: Sequence[ArchiveFile], progress: Progress | None = None) -> int:
        """Bring the events of files back, and delete the files; return the number of events."""
        with self._alone():
            meter = _FileMeter(sum(file.events for file in chosen), progress)
            for file in chosen:
                self._bring_back(file, meter)
                others = [one for one in read_manifest(self._folder) if one.file != file.file]
                write_manifest(self._folder, others)
                with suppress(FileNotFoundError):
                    (self._folder / file.file).unlink()
            return sum(file.events for file in chosen)

    def check(self) -> list[str]:
        """Return what is wrong with the archive: files, manifest and database must hold the same events."""
        files = read_manifest(self._folder)
        known = {file.file for file in files}
        with transaction(self._engine) as connection:
            listed = connection.execute(select(archive_files.c.file, archive_files.c.sha256)).all()
            wrong = [f"{name}: not in the folder's manifest" for name, _ in listed if name not in known]
            for file in files:
                try:
                    check_bytes(self._folder, file)
                    if content_of(self._folder, file) != file.content:
                        wrong.append(f"{file.file}: its rows are not those that were written")
                except Halt as error:
                    wrong.append(str(error))
                    continue
                wrong += self._differences(connection, file)
        return wrong

    def _differences(self, connection: Connection, file: ArchiveFile) -> list[str]:
        if not self._is_done(connection, file):
            return [f"{file.file}: its events are not all archived in this database: archive again, or restore it"]
        query = text(
            "SELECT region, hall, packed FROM archived_events WHERE region = :region AND file = :file ORDER BY number"
        )
        packed = connection.execute(query, {"region": file.region, "file": file.file})
        for block, (region, hall, content) in zip(read_blocks(self._folder, file), packed, strict=True):
            if block != unpack(region, hall, bytes(content)):
                return [f"{file.file}: it and the database have different events of {region}/{hall}"]
        return []

    def _write(self, session: Connection, month: date, regions: Sequence[int], now: datetime) -> list[ArchiveFile]:
        """Write a month's events to files, one for each region, and name them in the manifest."""
        after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        start, end = (midnight_after(day_of(day) - 1) for day in (month, after))
        query = (
            f"SELECT {_NAMES} FROM events WHERE time >= {start} AND time < {end} AND {ARCHIVED_TYPES}"
            f" AND region IN ({', '.join(map(str, map(int, regions)))})"
            ' ORDER BY region, hall COLLATE "C", case_id COLLATE "C", time, id'
        )
        files = []
        with transaction(self._engine) as connection:
            for region, rows in groupby(read(connection, query, _TYPES), key=itemgetter(0)):
                name = self._next(session, f"{region}/{month:%Y-%m}")
                files.append(write_file(self._folder, name, rows, now))
        write_manifest(self._folder, [*read_manifest(self._folder), *files])
        return files

    def _next(self, session: Connection, month: str) -> str:
        """Return the name of a month's next file, which neither the manifest nor the database knows."""
        names = session.execute(select(archive_files.c.file).where(archive_files.c.file.startswith(f"{month}/")))
        known = {*(name for (name,) in names), *(file.file for file in read_manifest(self._folder))}
        return next(name for n in range(1, len(known) + 2) if (name := f"{month}/{n:04}.parquet") not in known)

    def _move(self, file: ArchiveFile, meter: _FileMeter) -> ArchiveFile:
        """Let a file's events leave the table, as far as they have not."""
        with transaction(self._engine) as connection:
            note_least_ingest(connection, "0042")
            _note(connection, file)
            done = set(connection.scalars(_numbers_of(file)))
        blocks = ((number, block) for number, block in enumerate(read_blocks(self._folder, file)) if number not in done)
        while some := list(islice(blocks, BLOCKS_AT_ONCE)):
            with transaction(self._engine) as connection:
                self._move_blocks(connection, file, some)
                done.update(number for number, _ in some)
                if len(done) == file.blocks:
                    self._audit(connection, "archive.events", file)
            meter.add(sum(len(block) for _, block in some))
        return file

    def _move_blocks(self, connection: Connection, file: ArchiveFile, some: Sequence[tuple[int, list[Row]]]) -> None:
        rows = [row for _, block in some for row in block]
        _stage(connection, rows)
        lock_moving(connection)
        lock_everything(connection)
        deleted = connection.exec_driver_sql(f"DELETE FROM events e USING stage_archive s WHERE {_SAME}")
        if deleted.rowcount != len(rows):
            raise Halt(
                f"archive: {len(rows) - deleted.rowcount} events of {file.file} are not in the database as in the"
                " file: nothing more was moved; was a region deleted meanwhile?"
            )
        copy_into(
            connection,
            "archived_events",
            _BLOCK_COLUMNS,
            (block_row(file.file, number, block) for number, block in some),
        )

    def _bring_back(self, file: ArchiveFile, meter: _FileMeter) -> None:
        blocks = enumerate(read_blocks(self._folder, file))
        done = 0
        while some := list(islice(blocks, BLOCKS_AT_ONCE)):
            rows = [row for _, block in some for row in block]
            with transaction(self._engine) as connection:
                _stage(connection, rows)
                lock_moving(connection)
                lock_everything(connection)
                connection.exec_driver_sql(
                    f"INSERT INTO events ({_NAMES}) SELECT {_NAMES} FROM stage_archive ON CONFLICT DO NOTHING"
                )
                same = f"SELECT count(*) FROM events e JOIN stage_archive s ON {_SAME}"
                if connection.exec_driver_sql(same).scalar_one() != len(rows):
                    raise Halt(f"archive: the database has other events under ids of {file.file}")
                gone = {"region": file.region, "file": file.file, "numbers": [number for number, _ in some]}
                connection.execute(_FORGET_BLOCKS, gone)
                done += len(some)
                if done == file.blocks:
                    connection.execute(_FORGET_FILE, {"region": file.region, "file": file.file})
                    self._audit(connection, "archive.restore", file)
            meter.add(len(rows))

    def _is_done(self, connection: Connection, file: ArchiveFile) -> bool:
        return len(connection.scalars(_numbers_of(file)).all()) == file.blocks

    def _audit(self, connection: Connection, action: str, file: ArchiveFile) -> None:
        detail = {"events": file.events, "sha256": file.sha256}
        write(connection, self._actor, AuditEntry(action, file.file, file.region, detail))

    def _clean(self) -> None:
        """Let the table's room be used again."""
        with faults(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM (ANALYZE) events")

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Open a session for the block, beside which no other process changes the archive."""
        with faults(), self._engine.connect() as connection:
            session = connection.execution_options(isolation_level="AUTOCOMMIT")
            _refuse_spread(session)
            if not lock_archive(session):
                raise Unavailable("archive: another command is changing the archive: try again when it has ended")
            yield session


def _refuse_spread(connection: Connection) -> None:
    if is_spread(connection):
        raise Halt(
            "archive: not on Citus, where each worker tells duplicates by the events in its own table: archived ones"
            " that come again would count twice; leave the events there, and add a worker before a disk is full"
            " (docs/citus.md)"
        )


_FORGET_BLOCKS = text(
    "DELETE FROM archived_events WHERE region = :region AND file = :file AND number = ANY(CAST(:numbers AS int[]))"
)
_FORGET_FILE = text("DELETE FROM archive_files WHERE region = :region AND file = :file")


def open_archive(database_url: str, folder: Path) -> EventArchive:
    """Return the archive of a database's events in a folder, without connecting yet."""
    return EventArchive(database_url, process_actor(), folder)


def _numbers_of(file: ArchiveFile) -> Select[int]:
    mine = (archived_events.c.region == file.region, archived_events.c.file == file.file)
    return select(archived_events.c.number).where(*mine)


def _note(connection: Connection, file: ArchiveFile) -> None:
    """Note a file in the database before its events move. Raises Halt if another one is noted under its name."""
    mine = (archive_files.c.region == file.region, archive_files.c.file == file.file)
    known = connection.scalar(select(archive_files.c.sha256).where(*mine))
    if known is None:
        row = {name: getattr(file, name) for name in ("region", "file", "events", "blocks", "sha256")}
        connection.execute(insert(archive_files).values(**row))
    elif known != file.sha256:
        raise Halt(f"archive: the database knows another {file.file}: is this another archive's folder?")


def _stage(connection: Connection, rows: Iterable[Row]) -> None:
    copy_rows(connection, "stage_archive", "events", COLUMNS, rows)
    connection.exec_driver_sql("ANALYZE stage_archive")


class _FileMeter:
    """The progress of all files."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, events: int) -> None:
        self._done += events
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)
