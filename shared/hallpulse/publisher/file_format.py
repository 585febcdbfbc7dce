"""The file format of an outbox, in SQLite."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from hallpulse.domain.errors import Halt

_OURS = 0x48504F42
"""The application's number in the file's header: HPOB."""
_FORMAT = 1
_TABLES = (
    "CREATE TABLE waiting (number INTEGER PRIMARY KEY AUTOINCREMENT, routing_key TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX waiting_by_key ON waiting (routing_key)",
    "CREATE TABLE refused"
    " (number INTEGER PRIMARY KEY, routing_key TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL)",
    f"PRAGMA application_id = {_OURS}",
    f"PRAGMA user_version = {_FORMAT}",
)
_ATTEMPTS = 100


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make an outbox of an empty file. Raises Halt if the file is no outbox, or of a newer format."""
    if _is_empty(connection):
        _make(connection)
    ours = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if ours != _OURS:
        raise Halt(f"outbox {path}: expected an outbox, found another program's file of SQLite")
    if version > _FORMAT:
        raise Halt(f"outbox {path}: expected format {_FORMAT}, found {version}: a newer version of hallpulse made it")


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another program has just made them."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # must precede every other statement
    _write_ahead(connection)
    connection.execute("BEGIN IMMEDIATE")
    if _is_empty(connection):
        for statement in _TABLES:
            connection.execute(statement)
    connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead journal; try again while SQLite says it is busy: it does not wait for others here."""
    for left in range(_ATTEMPTS, 0, -1):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or left == 1:
                raise
        time.sleep(0.05)


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
