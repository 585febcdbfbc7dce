"""Today's tables for a transaction that looks at another time.

On Citus a temporary table cannot be joined with spread ones. There the region's rows are copied into temporary tables,
on the node that is asked, and that transaction reads these alone.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope
from hallpulse.store.database import is_spread
from hallpulse.store.distribution import by_region

from .declared import parameters

_COPIES = "pg_temp.now_"


def tables_of_today(connection: Connection, scope: Scope) -> str:
    """Return the beginning of the names of today's tables, in which the scope's regions have all of their rows."""
    if not is_spread(connection):
        return f"{connection.scalar(text('SELECT current_schema()'))}."
    for table in by_region():
        connection.execute(
            text(
                f"CREATE TEMP TABLE now_{table} ON COMMIT DROP AS SELECT * FROM {table}"
                " WHERE region BETWEEN :low AND :high"
            ),
            parameters(scope),
        )
        connection.exec_driver_sql(f"ANALYZE now_{table}")
    return _COPIES


def hide_other_tables(connection: Connection) -> None:
    """Let each spread table that nothing hides yet be read from its copy."""
    if not is_spread(connection):
        return
    for table in by_region():
        if connection.scalar(text("SELECT to_regclass(:name) IS NULL"), {"name": f"pg_temp.{table}"}):
            connection.exec_driver_sql(f"CREATE TEMP VIEW {table} AS SELECT * FROM {_COPIES}{table}")
