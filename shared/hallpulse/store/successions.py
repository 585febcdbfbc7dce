"""Region codes that change, as they were declared (`code_changes`): each with its day, decree and reason."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Boolean, Column, Connection, Date, Integer, PrimaryKeyConstraint, Table, Text, text

from hallpulse.domain.succession import Succession
from hallpulse.domain.workdays import day_of

from .tables import metadata

successions = Table(
    "successions",
    metadata,
    Column("region", Integer, nullable=False),
    Column("successor", Integer, nullable=False),
    Column("day", Date, nullable=False, comment="the first day of the successor"),
    Column("ends", Boolean, nullable=False, comment="whether the region's own code ends on that day"),
    Column("document", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("region", "successor"),
)
_READ = "SELECT region, successor, day, ends, document, reason FROM successions"


def read_successions(connection: Connection) -> list[Succession]:
    """Return what was declared, in order of days and codes."""
    return [Succession(*row) for row in connection.execute(text(f"{_READ} ORDER BY day, region, successor"))]


def ends_of(connection: Connection, regions: Collection[int]) -> dict[int, int]:
    """Return code → the first day (days since 1970-01-01) on which it is no longer in force, of codes that end."""
    rows = connection.execute(
        text("SELECT region, min(day) FROM successions WHERE ends AND region = ANY(:regions) GROUP BY region"),
        {"regions": sorted(regions)},
    )
    return {region: day_of(day) for region, day in rows}
