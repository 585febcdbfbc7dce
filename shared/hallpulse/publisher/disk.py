"""An outbox in a file of SQLite: events for which `add` has returned survive a killed program and a power cut.

Several programs may have one outbox open. All of them add to it; one of them sends, in the single order of the file,
and when it ends, however it ends, the next takes over. The file belongs on a local disk: SQLite's locks do not reach
over a network.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from hallpulse.domain.errors import Halt, Unavailable

from . import file_format
from .message import MOST_EVENTS, Message
from .outbox import OutboxFull, RefusedEvent, Waiting, fits

MOST_BYTES = 1 << 30
ROOM_KEPT = 8 * 1024 * 1024
"""Bytes of the disk left free: deleting confirmed events takes room too."""
_OF_A_ROW = 64
"""Bytes that SQLite adds to an event: its number, its routing key twice, its share of the page."""
_BUSY_SECONDS = 10.0
_WORTH_SHRINKING = 16 * 1024 * 1024
_KEYS = """
WITH RECURSIVE keys(key) AS (
  SELECT min(routing_key) FROM waiting
  UNION ALL
  SELECT (SELECT min(routing_key) FROM waiting WHERE routing_key > key) FROM keys WHERE key IS NOT NULL
) SELECT key FROM keys WHERE key IS NOT NULL"""
"""The query for routing keys. It steps from key to key in the index: its cost grows with the keys, not the events."""


class DiskOutbox:
    """An outbox in the file `path`, made if it is missing.

    It accepts events while its file stays below `most_bytes` and its disk keeps `ROOM_KEPT` free. Raises Halt, which
    says why, if the file cannot be an outbox. It has two connections: added events reach the disk before `add`
    returns; deletions by the sender may be lost in a power cut, and those events are sent twice.
    """

    def __init__(self, path: str | Path, most_bytes: int = MOST_BYTES) -> None:
        self.path = Path(path)
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._lease: sqlite3.Connection | None = None
        with self._told():
            self._touch()
            self._front = self._connect("FULL")
            try:
                file_format.prepare(self._front, self.path)
                self._page_size = _number(self._front, "PRAGMA page_size")
                self._back = self._connect("NORMAL")
            except BaseException:
                self._front.close()
                raise

    def add(self, messages: Sequence[Message]) -> None:
        rows = [(message.routing_key, message.body) for message in messages]
        size = sum(len(body) + _OF_A_ROW for _, body in rows)
        with self._lock, self._transaction(self._front):
            unused = _number(self._front, "PRAGMA freelist_count") * self._page_size
            used = _number(self._front, "PRAGMA page_count") * self._page_size - unused
            if used + size > self._most_bytes:
                raise OutboxFull(f"outbox {self.path}: full: it holds {used} of at most {self._most_bytes} bytes")
            if size > unused and shutil.disk_usage(self.path).free < size - unused + ROOM_KEPT:
                raise _disk_full(self.path)
            self._front.executemany("INSERT INTO waiting (routing_key, body) VALUES (?, ?)", rows)

    def first(self) -> int | None:
        return self._ask("SELECT min(number) FROM waiting")

    def last(self) -> int:
        return self._ask("SELECT seq FROM sqlite_sequence WHERE name = 'waiting'") or 0

    def count(self) -> int:
        return self._ask("SELECT count(*) FROM waiting") or 0

    def count_refused(self) -> int:
        return self._ask("SELECT count(*) FROM refused") or 0

    def refused(self) -> Iterator[RefusedEvent]:
        """Yield the events that the broker turned away for good, oldest first, a hundred read at a time."""
        query = "SELECT number, routing_key, body, reason FROM refused WHERE number > ? ORDER BY number LIMIT 100"
        number = 0
        while True:
            with self._lock, self._told():
                events = [RefusedEvent(*row) for row in self._front.execute(query, (number,))]
            if not events:
                return
            yield from events
            number = events[-1].number

    def retry_refused(self) -> int:
        """Send refused events again, after all waiting ones; return their number."""
        with self._lock, self._transaction(self._front):
            self._front.execute(
                "INSERT INTO waiting (routing_key, body) SELECT routing_key, body FROM refused ORDER BY number"
            )
            return self._front.execute("DELETE FROM refused").rowcount

    def drop_refused(self) -> int:
        """Delete refused events; return their number."""
        with self._lock, self._transaction(self._front):
            return self._front.execute("DELETE FROM refused").rowcount

    def close(self) -> None:
        with self._lock:
            self._front.close()

    def lease(self) -> bool:
        """Lock a file beside the outbox; return whether that succeeded.

        The system releases the lock however the program ends.
        """
        if self._lease is None:
            with self._told():
                lease = sqlite3.connect(f"{self.path}-lease", timeout=0, isolation_level=None, check_same_thread=False)
                try:
                    lease.execute("BEGIN EXCLUSIVE")
                except sqlite3.Error as error:
                    lease.close()
                    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                        return False
                    raise
            self._lease = lease
        return True

    def keys(self) -> list[str]:
        with self._told():
            return [key for (key,) in self._back.execute(_KEYS)]

    def head(self, routing_key: str, after: int = 0) -> list[Waiting]:
        taken: list[Waiting] = []
        size = 0
        query = "SELECT number, body FROM waiting WHERE routing_key = ? AND number > ? ORDER BY number LIMIT ?"
        with self._told(), closing(self._back.execute(query, (routing_key, after, MOST_EVENTS))) as rows:
            for row in rows:
                waiting = Waiting(*row)
                size += len(waiting.body) + 1
                if not fits(len(taken) + 1, size):
                    break
                taken.append(waiting)
        return taken

    def confirm(self, upto: Iterable[tuple[str, int]]) -> None:
        with self._transaction(self._back):
            self._back.executemany("DELETE FROM waiting WHERE routing_key = ? AND number <= ?", upto)
        self._shrink()

    def refuse(self, routing_key: str, upto: int, reason: str) -> None:
        which = "FROM waiting WHERE routing_key = ? AND number <= ?"
        with self._transaction(self._back):
            self._back.execute(
                f"INSERT INTO refused SELECT number, routing_key, body, ? {which}", (reason, routing_key, upto)
            )
            self._back.execute(f"DELETE {which}", (routing_key, upto))

    def let_go(self) -> None:
        self._back.close()
        if self._lease is not None:
            self._lease.close()

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA journal_size_limit = {_WORTH_SHRINKING}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _touch(self) -> None:
        """Make the file, private to its owner. Raises Halt with the reason, which SQLite does not give.

        An existing file is not opened here: closing it would end this process' locks on it.
        """
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if not self.path.is_file():
                raise Halt(f"outbox {self.path}: expected a file") from None
            if not os.access(self.path, os.R_OK | os.W_OK):
                raise Halt(f"outbox {self.path}: this user may not read and write it") from None
        except OSError as error:
            raise Halt(f"outbox {self.path}: cannot be made: {error.strerror}") from None

    def _shrink(self) -> None:
        """Give the room that an outage took back to the disk, once all events are sent."""
        with self._told():
            free = _number(self._back, "PRAGMA freelist_count") * self._page_size
            if free > _WORTH_SHRINKING and not self._back.execute("SELECT 1 FROM waiting LIMIT 1").fetchone():
                self._back.executescript("PRAGMA incremental_vacuum")  # `execute` would give back one page

    def _ask(self, query: str) -> int | None:
        with self._lock, self._told():
            row = self._front.execute(query).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        with self._told():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has already rolled back if the disk is full
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _as_ours(self.path, error) from None


def _as_ours(path: Path, error: sqlite3.Error) -> Halt | Unavailable:
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if kind == sqlite3.SQLITE_FULL:
        return _disk_full(path)
    if kind == sqlite3.SQLITE_BUSY:
        return Unavailable(f"outbox {path}: another program has kept it locked for {_BUSY_SECONDS:.0f} s")
    if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return Halt(f"outbox {path}: expected an outbox, a file of SQLite: {error}")
    if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return Halt(f"outbox {path}: cannot be written: {error}")
    return Unavailable(f"outbox {path}: {error}")


def _disk_full(path: Path) -> OutboxFull:
    return OutboxFull(f"outbox {path}: the disk is full; what the outbox holds is kept")


def _number(connection: sqlite3.Connection, query: str) -> int:
    number: int = connection.execute(query).fetchone()[0]
    return number
