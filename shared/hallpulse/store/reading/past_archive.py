"""Archived events that a past needs: unpacked into a temporary table, which also has the other events."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from hallpulse.store.archiving.packed_events import COLUMNS, stage_archived

_DAY = "(CAST(g.day - DATE '1970-01-01' AS bigint) * 86400000000 - 28800000000)"
_OF_MIXED_DAYS = (
    "EXISTS (SELECT FROM gone_hall_days g JOIN {now}hall_days h USING (region, hall, day)"
    " WHERE region = b.region AND hall = b.hall AND h.events > g.events AND h.newest <= g.newest"
    f" AND b.last_time >= {_DAY} AND b.first_time < {_DAY} + 86400000000)"
)
"""SQL condition of blocks that may hold the newest event that is left of a day (`hall_days`)."""


class PastArchive:
    """The archived events for one transaction that turns back.

    now: the prefix of the names of today's tables; needed: SQL condition of the blocks `b` that hold events missing in
    that past, empty if none does; values: the parameters of the condition, with the regions' bounds `low` and `high`.
    """

    def __init__(self, connection: Connection, now: str, needed: str, values: Mapping[str, object]) -> None:
        self._connection, self._now, self._values = connection, now, values
        self._needed = needed
        self.events = f"{now}events"
        """The table or view of all events that matter."""
        if needed and self._any():
            self._put()

    def add_days(self) -> None:
        """Add the blocks of days of which some events are missing, once these are noted in gone_hall_days."""
        if self.events == "all_events":
            mixed = _OF_MIXED_DAYS.format(now=self._now)
            self._stage(f"NOT ({self._needed}) AND {mixed}")

    def _any(self) -> bool:
        query = f"SELECT EXISTS (SELECT FROM archived_events b WHERE {_OF_REGION})"
        return bool(self._connection.scalar(text(query), self._values))

    def _put(self) -> None:
        names = ", ".join(COLUMNS)
        run = self._connection.exec_driver_sql
        run(f"CREATE TEMP TABLE archived_then (LIKE {self._now}events) ON COMMIT DROP")
        self._stage(f"({self._needed})")
        run(
            f"CREATE TEMP VIEW all_events AS SELECT {names} FROM {self._now}events"
            f" UNION ALL SELECT {names} FROM archived_then"
        )
        self.events = "all_events"

    def _stage(self, where: str) -> None:
        stage_archived(self._connection, "archived_then", f"{_OF_REGION} AND {where}", self._values)
        self._connection.exec_driver_sql("ANALYZE archived_then")


_OF_REGION = "b.region BETWEEN :low AND :high"
