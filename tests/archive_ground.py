"""A stream in a database and the folder of its archive, for the tests of archived events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hallpulse.store import ArchiveFile, EventArchive, Store
from hallpulse.store.archiving import event_archive, packed_events
from tests.merging import NOW, decoded, merge_all
from tests.oracle.eventset import Event
from tests.oracle.streams import stream

EVERYWHERE = (0, 999_999)
AUTUMN = date(2026, 9, 1)
_COLUMNS = ", ".join(packed_events.COLUMNS)


def make_blocks_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few hundred events fill many blocks, which move in several transactions."""
    monkeypatch.setattr(packed_events, "BLOCK", 7)
    monkeypatch.setattr(event_archive, "BLOCKS_AT_ONCE", 5)


def take(archive: EventArchive, before: date = AUTUMN) -> list[ArchiveFile]:
    return archive.take(before, EVERYWHERE, NOW)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def stored(url: str) -> list[tuple[Any, ...]]:
    return sorted(rows(url, f"SELECT {_COLUMNS} FROM events"), key=lambda row: (row[0], row[1], row[2]))


@dataclass
class Ground:
    """A stream in a database, of which nothing is archived yet."""

    url: str
    folder: Path
    events: list[Event]
    rows: list[tuple[Any, ...]]


def ground_in(store: Store, url: str, folder: Path) -> Ground:
    """Merge a stream into a database, of which nothing is archived yet."""
    events = stream(302, 400)
    merge_all(store, decoded(events), 200)
    return Ground(url, folder, events, stored(url))
