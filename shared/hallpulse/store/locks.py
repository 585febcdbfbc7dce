"""Advisory locks of a transaction, taken in one order so that workers never wait in a circle.

Order: the calendars, then regions, then halls, each sorted. Whoever stores events shares the calendars and its
regions and holds its halls alone; whoever changes a region's catalogue holds that region alone; whoever changes the
calendars or recomputes holds everything alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text

_CALENDARS, _REGION, _HALL = 20110, 20111, 20112


def lock_for_merge(connection: Connection, halls: Iterable[tuple[int, str]], regions_alone: Collection[int]) -> None:
    """Take what a batch needs: its halls alone, its regions shared, or alone where the catalogue changes."""
    pairs = sorted(set(halls))
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:space, 0)"), {"space": _CALENDARS})
    for region in sorted({region for region, _ in pairs}):
        alone = region in regions_alone
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {function}(:space, :key)"), {"space": _REGION, "key": region})
    keys = sorted({_hall_key(region, hall) for region, hall in pairs})
    connection.execute(
        text("SELECT pg_advisory_xact_lock(:space, key) FROM unnest(CAST(:keys AS int[])) AS key"),
        {"space": _HALL, "keys": keys},
    )


def lock_everything(connection: Connection) -> None:
    """Wait for every merge to end and keep new ones out until this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:space, 0)"), {"space": _CALENDARS})


def _hall_key(region: int, hall: str) -> int:
    return zlib.crc32(f"{region}/{hall}".encode()) - 2**31
