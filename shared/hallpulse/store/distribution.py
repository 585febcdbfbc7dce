"""Tables on Citus: those of a region lie on one worker, together, by their column `region`.

So whatever a transaction of one region touches is on one machine, and roll-ups are summed there first. What has no
region in its key is small: calendars are copied to every worker, since cases are dated by them; the rest stays on the
coordinator, some of it under triggers, which Citus wants on no table that it spreads.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Engine, text

from .database import faults, is_spread
from .tables import metadata

COPIED = ("calendars",)
ALONE = frozenset({"case_reads"})
"""Has a region, but not in its key; under triggers."""


def by_region() -> list[str]:
    """The tables whose key has the region."""
    return [
        table.name
        for table in metadata.sorted_tables
        if "region" in {column.name for column in table.primary_key} and table.name not in ALONE
    ]


def statements(done: Collection[str]) -> list[str]:
    """Return what spreads the tables, but for those that are spread. The first is the one that others lie beside."""
    first, *others = by_region()
    found = [] if first in done else [f"SELECT create_distributed_table('{first}', 'region')"]
    found += [
        f"SELECT create_distributed_table('{name}', 'region', colocate_with => '{first}')"
        for name in others
        if name not in done
    ]
    return found + [f"SELECT create_reference_table('{name}')" for name in COPIED if name not in done]


def distribute(engine: Engine) -> list[str]:
    """Spread the tables where Citus is there; what was done. Rows that are there move with their tables."""
    with faults(), engine.begin() as connection:
        if not is_spread(connection):
            return []
        wanted = statements(_done(connection))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in wanted:
            connection.execute(text(statement))
        return wanted


def _done(connection: Connection) -> set[str]:
    rows = connection.execute(text("SELECT CAST(logicalrelid AS text) FROM pg_dist_partition"))
    return {name for (name,) in rows}
