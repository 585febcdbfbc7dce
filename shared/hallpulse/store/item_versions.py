"""Changes of item versions: events change the timelines and the catalogue's sums by day, and tell which items changed.

`in_force` reads the versions in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.contract.events import Family, HallEvent, ItemPublished, ItemRetired, ItemRetracted
from hallpulse.domain.catalogue import ItemRecord, ItemSpan, Timeline, timeline
from hallpulse.domain.compression import ItemChange, ItemLimits
from hallpulse.domain.figures import Scope
from hallpulse.domain.measures import ITEM_COLUMNS, item_amounts
from hallpulse.domain.workdays import day_of
from hallpulse.store import ledger
from hallpulse.store.database import copied_day, copy_rows, of_regions
from hallpulse.store.in_force import SPAN_COLUMNS, SPAN_NAMES, Item, ends_of, spans_in_force

_CELL_KEY = ("region", "department", "day")
_CELL_NAMES = ", ".join((*_CELL_KEY, *ITEM_COLUMNS))
_CELL_SUMS = ", ".join(f"{name} = item_cells.{name} + excluded.{name}" for name in ITEM_COLUMNS)


class TimelineChange(NamedTuple):
    """An item's timeline before and after a change."""

    before: Timeline
    after: Timeline


def store_items(connection: Connection, events: Sequence[HallEvent]) -> dict[Item, TimelineChange]:
    """Store item events and return the items whose timeline changed."""
    ledger.append(connection, events)
    return rebuild_items(connection, sorted({(event.region, event.entity) for event in events}))


def rebuild_items(connection: Connection, items: Sequence[Item]) -> dict[Item, TimelineChange]:
    """Make the items' timelines again from the ledger; write and return those that changed, and update the sums."""
    before, changed = spans_in_force(connection, items), dict[Item, TimelineChange]()
    ended = ends_of(connection, {region for region, _ in items})
    for item, entries in ledger.entries_about(connection, Family.ITEM, items).items():
        after = spans_of(entries, ended.get(item[0]))
        if after != before[item]:
            changed[item] = TimelineChange(before[item], after)
    if changed:
        _write_spans(connection, {item: after for item, (_, after) in changed.items()})
        _write_sums(connection, changed)
        connection.execute(
            text("UPDATE regions SET catalogue_version = catalogue_version + 1 WHERE region = ANY(:regions)"),
            {"regions": sorted({region for region, _ in changed})},
        )
    return changed


def spans_of(entries: Iterable[ledger.LedgerEntry], ended: int | None) -> Timeline:
    """Return an item's timeline from the events about it. ended: as in `ends_of`, of its region."""
    return timeline((record_of(entry) for entry in entries), ended)


def record_of(entry: ledger.LedgerEntry) -> ItemRecord:
    """Return an event about an item in the form of the domain."""
    data = entry.data
    if isinstance(data, ItemRetracted):
        return ItemRecord(entry.hall, entry.id, entry.time, 0, None, data.event_id, data.corrects)
    assert isinstance(data, ItemPublished | ItemRetired)
    version = data.version if isinstance(data, ItemPublished) else None
    day = day_of(date.fromisoformat(data.effective_from))
    return ItemRecord(entry.hall, entry.id, entry.time, day, version, corrects=data.corrects)


def _write_spans(connection: Connection, spans: Mapping[Item, Timeline]) -> None:
    connection.execute(
        text(
            "DELETE FROM item_spans USING unnest(CAST(:regions AS int[]), CAST(:codes AS text[]))"
            " AS k(region, item_code) WHERE item_spans.region = k.region AND item_spans.item_code = k.item_code"
            + of_regions(connection, "item_spans.region", (i[0] for i in spans))
        ),
        {"regions": [i[0] for i in spans], "codes": [i[1] for i in spans]},
    )
    rows = (span_row(item, span) for item, listed in spans.items() for span in listed)
    copy_rows(connection, "stage_spans", "item_spans", SPAN_COLUMNS, rows)
    connection.exec_driver_sql(f"INSERT INTO item_spans ({SPAN_NAMES}) SELECT {SPAN_NAMES} FROM stage_spans")


def span_row(item: Item, span: ItemSpan) -> tuple[Any, ...]:
    """Return a version's row in the order of the table's columns."""
    return (*item, copied_day(span.start), copied_day(span.end), span.hall, span.id, *span.version)


def item_sums(changed: Mapping[Item, tuple[Timeline, Timeline]]) -> list[tuple[Any, ...]]:
    """Return the changes of the sums for changed timelines (before, after), as rows of `item_cells` in order.

    A version adds its amounts on its first day and takes them back on the day after its last day.
    """
    sums: dict[tuple[int, str, int], list[int]] = {}
    for (region, _), (before, after) in changed.items():
        for sign, spans in ((-1, before), (1, after)):
            for key, amounts in _steps(region, spans, sign):
                cell = sums.setdefault(key, [0] * len(ITEM_COLUMNS))
                cell[:] = [a + b for a, b in zip(cell, amounts, strict=True)]
    return sorted((region, department, copied_day(day), *cell) for (region, department, day), cell in sums.items())


def _write_sums(connection: Connection, changed: Mapping[Item, tuple[Timeline, Timeline]]) -> None:
    copy_rows(connection, "stage_item_cells", "item_cells", (*_CELL_KEY, *ITEM_COLUMNS), item_sums(changed))
    connection.exec_driver_sql(
        f"INSERT INTO item_cells ({_CELL_NAMES}) SELECT {_CELL_NAMES} FROM stage_item_cells"
        f" ON CONFLICT (region, department, day) DO UPDATE SET {_CELL_SUMS}"
    )


def _steps(region: int, spans: Timeline, sign: int) -> Iterable[tuple[tuple[int, str, int], list[int]]]:
    for span in spans:
        amounts = item_amounts(span.version)
        department = span.version.department
        yield (region, department, span.start), [sign * amount for amount in amounts]
        if span.end is not None:
            yield (region, department, span.end), [-sign * amount for amount in amounts]


LIMIT_COLUMNS = "department", "instant", "statutory_days", "promised_days"


def effective_items(alias: str, day: str) -> str:
    return (
        f"SELECT region, item_code, hall, id, name, {', '.join(LIMIT_COLUMNS)} FROM item_spans {alias}"
        f' WHERE region BETWEEN :low AND :high AND start <= :{day} AND ("end" IS NULL OR "end" > :{day})'
    )


_CHANGES = text(
    f"WITH was AS ({effective_items('s', 'before')}), now AS ({effective_items('s', 'after')})"
    " SELECT region, item_code, coalesce(now.name, was.name), was.id, now.id,"
    f" {', '.join(f'{side}.{name}' for side in ('was', 'now') for name in LIMIT_COLUMNS)}"
    " FROM was FULL JOIN now USING (region, item_code) WHERE (was.hall, was.id) IS DISTINCT FROM (now.hall, now.id)"
    " ORDER BY region, item_code"
)


def read_item_changes(connection: Connection, scope: Scope, before: date, after: date) -> list[ItemChange]:
    """Return the items that came, went or changed between two days, in any department of the scope's region.

    The domain then selects those of a department, whose items may have been another's before.
    """
    rows = connection.execute(_CHANGES, {**_region_bounds(scope), "before": before, "after": after})
    return [
        ItemChange(
            region, code, name,
            None if was is None else ItemLimits(*limits[:4]),
            None if now is None else ItemLimits(*limits[4:]),
        )
        for region, code, name, was, now, *limits in rows
    ]  # fmt: skip


def _region_bounds(scope: Scope) -> dict[str, int]:
    low, high = scope.bounds
    return {"low": low, "high": high}
