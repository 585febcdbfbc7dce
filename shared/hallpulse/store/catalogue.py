"""Item versions in the database: timelines, the catalogue's sums by day, and which items changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.contract.events import Family, HallEvent, ItemPublished, ItemRetired, ItemRetracted
from hallpulse.domain.catalogue import ItemRecord, ItemSpan, ItemVersion, Timeline, timeline
from hallpulse.domain.measures import ITEM_COLUMNS, item_amounts
from hallpulse.domain.workdays import day_of

from . import ledger
from .staging import copied_day, copy_rows
from .tables import item_spans

Item = tuple[int, str]
"""(region, item code)."""

_COLUMNS = tuple(column.name for column in item_spans.columns)
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_CELL_KEY = ("region", "department", "day")
_CELL_NAMES = ", ".join((*_CELL_KEY, *ITEM_COLUMNS))
_CELL_SUMS = ", ".join(f"{name} = item_cells.{name} + excluded.{name}" for name in ITEM_COLUMNS)


class Change(NamedTuple):
    """An item's timeline as it was and as it is now."""

    before: Timeline
    after: Timeline


def store_items(connection: Connection, events: Sequence[HallEvent]) -> dict[Item, Change]:
    """Take in item events and return the items whose timeline is no longer what it was."""
    ledger.append(connection, events)
    touched = sorted({(event.region, event.entity) for event in events})
    return rebuild_items(connection, touched)


def rebuild_items(connection: Connection, items: Sequence[Item]) -> dict[Item, Change]:
    """Fold the items from the ledger; write timelines and sums where they differ."""
    before = spans_in_force(connection, items)
    changed: dict[Item, Change] = {}
    for item, entries in ledger.entries(connection, Family.ITEM, items).items():
        after = spans_of(entries)
        if after != before[item]:
            changed[item] = Change(before[item], after)
    if changed:
        _write_spans(connection, {item: after for item, (_, after) in changed.items()})
        _write_sums(connection, changed)
        connection.execute(
            text("UPDATE regions SET catalogue_version = catalogue_version + 1 WHERE region = ANY(:regions)"),
            {"regions": sorted({region for region, _ in changed})},
        )
    return changed


def spans_of(entries: Iterable[ledger.Entry]) -> Timeline:
    """An item's timeline, from the events about it."""
    return timeline(_record(entry) for entry in entries)


def timelines(connection: Connection, region: int) -> dict[str, Timeline]:
    """All items of a region with their versions."""
    rows = connection.execute(
        text(f"SELECT {_NAMES} FROM item_spans WHERE region = :region ORDER BY item_code, start"), {"region": region}
    )
    found: dict[str, list[ItemSpan]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(_span(row))
    return dict(found)


def spans_in_force(connection: Connection, items: Sequence[Item]) -> dict[Item, list[ItemSpan]]:
    """The versions of these items as they are stored; none where the catalogue does not have the item."""
    rows = connection.execute(
        text(
            f"SELECT {_NAMES} FROM item_spans JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]))"
            " AS k(region, item_code) USING (region, item_code) ORDER BY start"
        ),
        {"regions": [i[0] for i in items], "codes": [i[1] for i in items]},
    )
    found: dict[Item, list[ItemSpan]] = {item: [] for item in items}
    for row in rows:
        found[row[0], row[1]].append(_span(row))
    return found


def _record(entry: ledger.Entry) -> ItemRecord:
    data = entry.data
    if isinstance(data, ItemRetracted):
        return ItemRecord(entry.hall, entry.id, entry.time, 0, None, retracts=data.event_id)
    assert isinstance(data, ItemPublished | ItemRetired)
    version = data.version if isinstance(data, ItemPublished) else None
    return ItemRecord(entry.hall, entry.id, entry.time, day_of(date.fromisoformat(data.effective_from)), version)


def _span(row: Sequence[Any]) -> ItemSpan:
    _, _, start, end, hall, id_, *fields = row
    return ItemSpan(day_of(start), None if end is None else day_of(end), ItemVersion(*fields), hall, id_)


def _write_spans(connection: Connection, spans: Mapping[Item, Timeline]) -> None:
    connection.execute(
        text(
            "DELETE FROM item_spans USING unnest(CAST(:regions AS int[]), CAST(:codes AS text[]))"
            " AS k(region, item_code) WHERE item_spans.region = k.region AND item_spans.item_code = k.item_code"
        ),
        {"regions": [i[0] for i in spans], "codes": [i[1] for i in spans]},
    )
    rows = (span_row(item, span) for item, listed in spans.items() for span in listed)
    copy_rows(connection, "stage_spans", "item_spans", _COLUMNS, rows)
    connection.exec_driver_sql(f"INSERT INTO item_spans ({_NAMES}) SELECT {_NAMES} FROM stage_spans")


def span_row(item: Item, span: ItemSpan) -> tuple[Any, ...]:
    """A row in the order of the table's columns."""
    return (*item, copied_day(span.start), copied_day(span.end), span.hall, span.id, *span.version)


def item_sums(changed: Mapping[Item, tuple[Timeline, Timeline]]) -> list[tuple[Any, ...]]:
    """What timelines that give way to others change in the sums, as rows of `item_cells` in order.

    A version adds its amounts on its first day and takes them back on the day after its last.
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
