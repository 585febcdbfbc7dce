"""Tables on Citus, spread by their column `region`: all rows of a region lie together on one worker.

So a transaction of one region touches one machine, and roll-ups are summed there first. Calendars and codes that change
are copied to every node, since each merge reads them. The other tables stay on the coordinator: those of ALONE, and
those without the region in their key, which are small.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from sqlalchemy import Connection, Engine, text

from hallpulse.domain.errors import Halt

from .database import driver, faults, is_spread
from .tables import metadata

COPIED = ("calendars", "successions")
ALONE = frozenset(
    {"announced", "archive_files", "archived_events", "case_reads", "notices", "refused", "refused_halls"}
)
"""Small tables with a region in their key that are not spread: their rows are locked, counted and put in order across
regions, which Citus allows on one node only. Those of archives are empty, since nothing is archived on Citus."""
SETTINGS: Mapping[str, str] = MappingProxyType({"citus.multi_shard_modify_mode": "sequential"})
"""Settings of the database: a transaction has one connection to each worker, and one commit there, not one a shard."""


def by_region() -> list[str]:
    """Return the names of the tables to spread: those with the region in their key."""
    return [
        table.name
        for table in metadata.sorted_tables
        if "region" in {column.name for column in table.primary_key} and table.name not in {*ALONE, *COPIED}
    ]


def statements(done: Collection[str]) -> list[str]:
    """Return the statements that place the tables: `done` are spread already; all spread ones lie beside the first."""
    first, *others = by_region()
    found = [] if first in done else [f"SELECT create_distributed_table('{first}', 'region')"]
    found += [
        f"SELECT create_distributed_table('{name}', 'region', colocate_with => '{first}')"
        for name in others
        if name not in done
    ]
    found += [f"SELECT create_reference_table('{name}')" for name in COPIED if name not in done]
    return found + [f"SELECT undistribute_table('{name}')" for name in sorted(ALONE) if name in done]


def distribute(engine: Engine) -> list[str]:
    """Spread the tables if the database has Citus, with the rows in them; return the statements that were run.

    Raises Halt if the cluster has no worker yet, which would have to be spread again later.
    """
    with faults(), engine.begin() as connection:
        if not is_spread(connection):
            return []
        _set_up(connection)
        wanted = statements(_done(connection))
        if wanted and not connection.scalar(text("SELECT count(*) FROM citus_get_active_worker_nodes()")):
            raise Halt("database: it has the extension citus, but no worker: add one first (SELECT citus_add_node(…))")
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in wanted:
            connection.execute(text(statement))
        return wanted


def _set_up(connection: Connection) -> None:
    """Give the database its settings, and this transaction, too; those that it has stay as they are."""
    known = connection.scalar(
        text(
            "SELECT array_agg(one) FROM pg_db_role_setting s, unnest(s.setconfig) AS one WHERE s.setrole = 0"
            " AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    )
    name = driver(connection).info.dbname.replace('"', '""')
    for setting, value in SETTINGS.items():
        connection.exec_driver_sql(f"SET LOCAL {setting} = '{value}'")
        if f"{setting}={value}" not in (known or ()):
            connection.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")


def _done(connection: Connection) -> set[str]:
    rows = connection.execute(text("SELECT CAST(logicalrelid AS text) FROM pg_dist_partition"))
    return {name for (name,) in rows}
