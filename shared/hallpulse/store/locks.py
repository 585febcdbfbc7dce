"""The advisory locks of transactions, taken in one order, so that workers never wait in a circle.

The order is: the calendars; the keys of new events, as they are inserted; regions; halls; the declared figures of
regions; each sorted. A transaction that stores events shares the calendars and, after its events are inserted, its
regions, and holds its halls alone: so one batch's events are inserted while another's cases are folded. A transaction
that changes a region's catalogue holds that region alone; one that changes the calendars or recomputes holds everything
alone. On Citus a transaction holds its regions alone, by their rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection

from sqlalchemy import Connection, text

from hallpulse.store.database import is_spread

_CALENDARS, _REGION, _HALL, _FIGURES, _ARCHIVE = 20110, 20111, 20112, 20113, 20116


def share_calendars(connection: Connection) -> None:
    """Share the calendars' lock: others may store events, but not change the calendars or recompute."""
    if is_spread(connection):
        return  # the regions' rows, which are locked before anything is read, do as much
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:space, 0)"), {"space": _CALENDARS})


def lock_regions(connection: Connection, regions: Collection[int], alone: Collection[int]) -> None:
    """Share the locks of regions, but hold alone those of regions whose catalogue changes."""
    if not alone:
        _lock(connection, "pg_advisory_xact_lock_shared", _REGION, regions)
        return
    for region in sorted(regions):
        _lock(connection, "pg_advisory_xact_lock" + ("" if region in alone else "_shared"), _REGION, [region])


def lock_halls(connection: Connection, halls: Collection[tuple[int, str]]) -> None:
    """Hold the locks of halls alone."""
    _lock(connection, "pg_advisory_xact_lock", _HALL, {_hall_key(region, hall) for region, hall in halls})


def lock_figures(connection: Connection, regions: Collection[int]) -> None:
    """Hold the locks of regions' declared figures alone: several halls may report the same figure."""
    if is_spread(connection):
        return  # their regions are held alone
    _lock(connection, "pg_advisory_xact_lock", _FIGURES, regions)


def _lock(connection: Connection, function: str, space: int, keys: Collection[int]) -> None:
    connection.execute(
        text(f"SELECT {function}(:space, key) FROM unnest(CAST(:keys AS int[])) AS key"),
        {"space": space, "keys": sorted(keys)},
    )


def hold_back_archive(connection: Connection) -> None:
    """Let no event be archived or brought back until this session ends; wait for one that is just being moved."""
    connection.execute(text("SELECT pg_advisory_lock_shared(:space, 0)"), {"space": _ARCHIVE})


def lock_moving(connection: Connection) -> None:
    """Wait until no session is reading events and archived ones one after the other; keep such sessions out."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:space, 0)"), {"space": _ARCHIVE})


def lock_archive(connection: Connection) -> bool:
    """Take the archive's lock until this session ends; return False if another session has it."""
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:space, 1)"), {"space": _ARCHIVE}).scalar())


def lock_everything(connection: Connection) -> None:
    """Wait for every merge to end and keep new ones out until this transaction ends."""
    if is_spread(connection):
        connection.exec_driver_sql("LOCK TABLE regions IN EXCLUSIVE MODE")
        connection.exec_driver_sql("UPDATE regions SET catalogue_version = catalogue_version")
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:space, 0)"), {"space": _CALENDARS})


def lock_what_is_touched(connection: Connection, halls: Collection[tuple[int, str]], changed: Collection[int]) -> None:
    """Take the locks of halls and their regions, of which those in `changed` get another catalogue."""
    regions = {region for region, _ in halls}
    if is_spread(connection):
        _lock_rows(connection, regions)
        return
    lock_regions(connection, regions, changed)
    lock_halls(connection, halls)


def _lock_rows(connection: Connection, regions: Collection[int]) -> None:
    """Hold regions alone by their rows, on Citus, whose nodes do not know one another's advisory locks.

    The row lies beside the region's other rows, moves with them, and stays locked while a worker has not yet ended a
    transaction of several workers: after a worker was killed, such a one is committed elsewhere seconds before.
    """
    values = ", ".join(f"({int(region)})" for region in sorted(regions))
    connection.exec_driver_sql(
        f"INSERT INTO regions (region) VALUES {values}"
        " ON CONFLICT (region) DO UPDATE SET catalogue_version = regions.catalogue_version"
    )


def _hall_key(region: int, hall: str) -> int:
    return zlib.crc32(f"{region}/{hall}".encode()) - 2**31
