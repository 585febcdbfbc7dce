"""The version of a moment: the same while nothing is stored, another after every kind of change."""

from __future__ import annotations

import threading
from datetime import date

from sqlalchemy import text

from hallpulse.store import AuditEntry, Store
from hallpulse.store.database import open_engine
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream


def version(store: Store) -> str:
    with store.read() as moment:
        found = moment.version()
    assert found is not None
    return found


def test_every_change_shows_and_reading_does_not(store: Store) -> None:
    seen = [version(store)]
    for change in (
        lambda: merge_all(store, decoded(stream(61, 200)), 100),
        lambda: store.halls.add(222424, "hall-1", ["case"], "0" * 64),
        lambda: store.audit.append(AuditEntry("plan.load")),
        lambda: store.halls.close(222424, "hall-1", date(2026, 5, 1)),
    ):
        change()
        with store.read() as moment:
            moment.halls()
        seen.append(version(store))
        assert version(store) == version(store) == seen[-1]
    assert len(set(seen)) == len(seen)


def test_what_is_not_committed_yet_shows_once_it_is(store: Store, store_url: str) -> None:
    """Begun before a reading and committed after it: the version that the reading saw is another then."""
    engine = open_engine(store_url)
    begun, finish = threading.Event(), threading.Event()

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(text("SAVEPOINT s"))
            connection.execute(text("INSERT INTO regions (region) VALUES (222499)"))
            begun.set()
            assert finish.wait(20)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(20)
    with store.read() as moment:
        before, regions = moment.version(), moment.regions()
    finish.set()
    thread.join()
    engine.dispose()
    assert 222499 not in regions
    assert version(store) != before
