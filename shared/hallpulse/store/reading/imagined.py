"""The tables as they would be with item versions that have not been sent, for one transaction."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from hallpulse.contract.events import Family, HallEvent
from hallpulse.domain.case import pack_id
from hallpulse.domain.figures import Scope
from hallpulse.domain.workdays import Calendars
from hallpulse.store.database import copy_rows, pack_data
from hallpulse.store.ledger import Entity, LedgerEntry, entity_of, entries_about
from hallpulse.store.receipts import arrival
from hallpulse.store.tables import metadata

from .past import Past, ViewsOfAnotherTime
from .tables_here import hide_other_tables, tables_of_today


def imagine(connection: Connection, calendars: Calendars, region: int, events: Sequence[HallEvent], now: int) -> None:
    """Let the rest of the transaction see the region as it would be with these events of its items.

    The conditions are those of `turn_back`, and so are the folds: each case that would get another limit is folded
    again, and every query then answers as if the events were stored. now: when they would have arrived, microseconds
    since 1970-01-01 UTC.
    """
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
    tables = tables_of_today(connection, Scope(region))
    added: dict[Entity, list[LedgerEntry]] = defaultdict(list)
    for event in events:
        added[entity_of(event)].append(LedgerEntry(event.hall, event.id, event.time, event.type, event.data))
    known = entries_about(connection, Family.ITEM, sorted(added)) if added else {}
    views = ViewsOfAnotherTime(connection, tables, Scope(region), Past())
    changed = views.put_items({item: [*known[item], *added[item]] for item in known})
    views.forget_cases(changed)
    views.put_cases(calendars)
    _put_events(connection, tables, events, now)
    _put_version(connection, tables, region)
    hide_other_tables(connection)


def _put_events(connection: Connection, tables: str, events: Sequence[HallEvent], now: int) -> None:
    """Add the events to the ledger and to the stored events, marked as imported."""
    minute, hundredths = arrival(now)
    packed = [(event, pack_id(event.id), pack_data(event.data)) for event in events]
    rows: dict[str, list[Sequence[Any]]] = {
        "events": [
            (e.region, e.hall, id_, e.time, minute, int(e.type), *data, e.extra, hundredths, True)
            for e, id_, data in packed
        ],
        "ledger": [
            (e.region, Family.ITEM.value, e.entity, e.hall, id_, e.time, int(e.type), data[1])
            for e, id_, data in packed
        ],
    }  # fmt: skip
    for table, added in rows.items():
        names = tuple(column.name for column in metadata.tables[table].columns)
        copy_rows(connection, f"then_{table}", table, names, added)
        listed = ", ".join(f'"{name}"' for name in names)
        connection.exec_driver_sql(
            f"CREATE TEMP VIEW {table} AS SELECT {listed} FROM {tables}{table}"
            f" UNION ALL SELECT {listed} FROM then_{table}"
        )


def _put_version(connection: Connection, tables: str, region: int) -> None:
    """Give the catalogue a version that no other has or will have, so that nothing cached is used or kept for it."""
    version = -1 - secrets.randbits(62)
    connection.exec_driver_sql(
        f"CREATE TEMP VIEW regions AS SELECT region, CASE WHEN region = {int(region)} THEN {version}"
        f" ELSE catalogue_version END AS catalogue_version FROM {tables}regions"
    )
