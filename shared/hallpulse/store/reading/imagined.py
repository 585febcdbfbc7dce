"""The tables as they would be with item versions that were not sent, for one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, text

from hallpulse.contract.events import Family, HallEvent
from hallpulse.domain.figures import Scope
from hallpulse.domain.workdays import Calendars
from hallpulse.store.ledger import Entity, LedgerEntry, entity_of, entries_about

from .past import Past, ViewsOfAnotherTime


def imagine(connection: Connection, calendars: Calendars, region: int, events: Sequence[HallEvent]) -> None:
    """Let the rest of the transaction see the region as it would be with these events of its items too.

    Under the conditions of `turn_back`, and by the same folds: each case that another limit would date is dated again,
    and every query then gives what it would give once the events are stored.
    """
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
    schema = str(connection.scalar(text("SELECT current_schema()")))
    added: dict[Entity, list[LedgerEntry]] = defaultdict(list)
    for event in events:
        added[entity_of(event)].append(LedgerEntry(event.hall, event.id, event.time, event.type, event.data))
    known = entries_about(connection, Family.ITEM, sorted(added)) if added else {}
    views = ViewsOfAnotherTime(connection, schema, Scope(region), Past())
    changed = views.put_items({item: [*known[item], *added[item]] for item in known})
    views.forget_cases(changed)
    views.put_cases(calendars)
