"""Everything derived, rebuilt from the stored events: to repair, or to prove that nothing needs repair.

The rebuilding runs in temporary tables that carry the names of the real ones, so that the very code that merges does
it, nobody waits for it, and the real rows change only where they differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from hallpulse.contract.events import Family
from hallpulse.domain.case import CaseEvent
from hallpulse.domain.indicators import ITEM_COLUMNS
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.domain.measures import COLUMNS

from .audit import Deed, write
from .cases import CaseKey
from .catalogue import rebuild_items
from .codec import case_event
from .context import ContextCache
from .database import CONNECT_ARGUMENTS, transaction
from .incoming import EVENT_COLUMNS, event_of
from .ledger import append
from .locks import lock_everything
from .merge import CASES_AT_ONCE, refold_all
from .reports import rebuild_figures, rebuild_tallies
from .tables import metadata

DERIVED = ("ledger", "item_spans", "item_cells", "tallies", "figures", "cases", "cells", "hall_days")
_WITHOUT = {"cases": {"history"}}  # the order of a history's events is that of their arrival
_NOT_ALL_ZERO = {"cells": COLUMNS, "item_cells": ITEM_COLUMNS}  # corrections leave such rows behind
Progress = Callable[[int, int], None]
"""Called with (events done, events in all)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A derived row that is not what the stored events give; None where one side has no such row."""

    table: str
    key: str
    stored: str | None
    rebuilt: str | None


def recompute(
    engine: Engine, actor: str, *, check: bool, progress: Progress | None = None, most: int = 100
) -> list[Difference]:
    """Rebuild all that is derived and return up to `most` differences per table.

    With check nothing is changed and merges go on; without it they wait, and what differs is put right.
    Raises Unavailable or Halt.
    """
    # a connection of its own: statements prepared earlier would still mean the real tables
    own = create_engine(engine.url, poolclass=NullPool, connect_args={**CONNECT_ARGUMENTS, "prepare_threshold": None})
    if check:
        own = own.execution_options(isolation_level="REPEATABLE READ")
    with transaction(own) as connection:
        if not check:
            lock_everything(connection)
        _shadow(connection)
        _rebuild(connection, progress)
        found = [difference for table in DERIVED for difference in _differences(connection, table, most)]
        if found and not check:
            for table in DERIVED:
                _put_right(connection, table)
            connection.exec_driver_sql("UPDATE public.regions SET catalogue_version = catalogue_version + 1")
        if not check:
            write(connection, actor, Deed("recompute.repair", detail={"differences": Counter(d.table for d in found)}))
    own.dispose()
    return found


def _shadow(connection: Connection) -> None:
    for table in (*DERIVED, "regions"):
        connection.exec_driver_sql(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL) ON COMMIT DROP")


def _rebuild(connection: Connection, progress: Progress | None) -> None:
    regions = [region for (region,) in connection.exec_driver_sql("SELECT DISTINCT region FROM events ORDER BY 1")]
    total = connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
    context = ContextCache().begin(connection, regions)
    connection.exec_driver_sql(_HALL_DAYS)
    done = 0
    for region in regions:
        done += _rebuild_reports(connection, region)
        context.catalogue_changed([region])
        for batch in _cases_of(connection, region):
            refold_all(connection, batch, context)
            done += sum(map(len, batch.values()))
            if progress is not None:
                progress(done, total)


_HALL_DAYS = f"""
    INSERT INTO hall_days (region, hall, day, events, newest, late)
    SELECT region, hall, DATE '1970-01-01' + ((time + 28800000000) / 86400000000)::int, count(*), max(time),
           count(*) FILTER (WHERE arrived - time / 60000000 > {LATE_MINUTES})
    FROM events GROUP BY 1, 2, 3
"""


def _rebuild_reports(connection: Connection, region: int) -> int:
    """Catalogue, tallies and declared figures; how many events that took."""
    rows = connection.execute(
        text(f"SELECT {EVENT_COLUMNS} FROM events WHERE region = :region AND type > 20"), {"region": region}
    )
    events = [event_of(tuple(row)) for row in rows]
    append(connection, [event for event in events if event.type.family is not Family.HEARTBEAT])
    entities = connection.execute(
        text("SELECT DISTINCT family, entity FROM ledger WHERE region = :region ORDER BY 1, 2"), {"region": region}
    ).all()
    by_family = {family: [(region, entity) for name, entity in entities if name == family.value] for family in Family}
    if by_family[Family.ITEM]:
        rebuild_items(connection, by_family[Family.ITEM])
    if by_family[Family.TALLY]:
        rebuild_tallies(connection, by_family[Family.TALLY])
    if by_family[Family.FIGURE]:
        rebuild_figures(connection, by_family[Family.FIGURE])
    return len(events)


def _cases_of(connection: Connection, region: int) -> Iterator[dict[CaseKey, list[CaseEvent]]]:
    """The region's cases with all their events, some thousands at once, streamed in order of the key."""
    rows = connection.execute(
        text(f"SELECT {EVENT_COLUMNS} FROM events WHERE region = :region AND type < 20 ORDER BY hall, case_id"),
        {"region": region},
        execution_options={"stream_results": True, "yield_per": 20_000},
    )
    batch: dict[CaseKey, list[CaseEvent]] = {}
    for (hall, case_id), group in groupby((tuple(row) for row in rows), key=lambda row: (row[1], row[5])):
        batch[region, hall, case_id] = [case_event(event_of(row), bytes(row[2])) for row in group]
        if len(batch) >= CASES_AT_ONCE:
            yield batch
            batch = {}
    if batch:
        yield batch


def _names(table: str) -> str:
    without = _WITHOUT.get(table, set())
    return ", ".join(f'"{c.name}"' for c in metadata.tables[table].columns if c.name not in without)


def _key(table: str) -> list[str]:
    return [column.name for column in metadata.tables[table].primary_key.columns]


def _only_in(here: str, there: str, table: str) -> str:
    columns = _NOT_ALL_ZERO.get(table)
    where = f" WHERE ({', '.join(columns)}) <> ({', '.join('0' for _ in columns)})" if columns else ""
    names = _names(table)
    return f"SELECT {names} FROM {here}.{table}{where} EXCEPT SELECT {names} FROM {there}.{table}"


def _differences(connection: Connection, table: str, most: int) -> list[Difference]:
    sides: list[dict[tuple[object, ...], str]] = []
    for here, there in (("public", "pg_temp"), ("pg_temp", "public")):
        rows = connection.exec_driver_sql(f"{_only_in(here, there, table)} LIMIT {most}")
        length = len(_key(table))
        sides.append({tuple(row[:length]): str(tuple(row[length:])) for row in rows})
    stored, rebuilt = sides
    return [
        Difference(table, "/".join(map(str, key)), stored.get(key), rebuilt.get(key))
        for key in sorted({*stored, *rebuilt}, key=str)
    ][:most]


def _put_right(connection: Connection, table: str) -> None:
    """Make the real rows what was rebuilt, touching only those that differ."""
    names = ", ".join(f'"{column.name}"' for column in metadata.tables[table].columns)
    key = ", ".join(_key(table))
    for here, there in (("public", "pg_temp"), ("pg_temp", "public")):
        connection.exec_driver_sql(
            f"DELETE FROM public.{table} WHERE ({key}) IN (SELECT {key} FROM ({_only_in(here, there, table)}) d)"
        )
    connection.exec_driver_sql(
        f"INSERT INTO public.{table} ({names}) SELECT {names} FROM pg_temp.{table} ON CONFLICT DO NOTHING"
    )
