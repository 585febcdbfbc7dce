"""Advisory locks of a transaction, taken in one order so that workers never wait in a circle.

Order: the calendars; the keys of new events, as they are inserted; regions; halls; the declared figures of regions;
each sorted. Whoever stores events shares the calendars, from when its events are in until it commits its regions too,
and holds its halls alone: one batch's events are inserted while another's cases are folded. Whoever changes a region's
catalogue holds that region alone; whoever changes the calendars or recomputes holds everything alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection

from sqlalchemy import Connection, text

_CALENDARS, _REGION, _HALL, _FIGURES = 20110, 20111, 20112, 20113


def share_calendars(connection: Connection) -> None:
    """Let others store events, but not change the calendars or recompute."""
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:space, 0)"), {"space": _CALENDARS})


def lock_regions(connection: Connection, regions: Collection[int], alone: Collection[int]) -> None:
    """Share the regions, but hold those alone whose catalogue changes."""
    if not alone:
        _lock(connection, "pg_advisory_xact_lock_shared", _REGION, regions)
        return
    for region in sorted(regions):
        _lock(connection, "pg_advisory_xact_lock" + ("" if region in alone else "_shared"), _REGION, [region])


def lock_halls(connection: Connection, halls: Collection[tuple[int, str]]) -> None:
    """Hold halls alone."""
    _lock(connection, "pg_advisory_xact_lock", _HALL, {_hall_key(region, hall) for region, hall in halls})


def lock_figures(connection: Connection, regions: Collection[int]) -> None:
    """Hold the declared figures of regions alone: several halls may report the same one."""
    _lock(connection, "pg_advisory_xact_lock", _FIGURES, regions)


def _lock(connection: Connection, function: str, space: int, keys: Collection[int]) -> None:
    connection.execute(
        text(f"SELECT {function}(:space, key) FROM unnest(CAST(:keys AS int[])) AS key"),
        {"space": space, "keys": sorted(keys)},
    )


def lock_everything(connection: Connection) -> None:
    """Wait for every merge to end and keep new ones out until this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:space, 0)"), {"space": _CALENDARS})


def _hall_key(region: int, hall: str) -> int:
    return zlib.crc32(f"{region}/{hall}".encode()) - 2**31
