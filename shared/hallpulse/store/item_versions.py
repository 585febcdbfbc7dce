"""Item versions in the database, and the context that folding needs: catalogues and calendars.

The module stores timelines and the catalogue's sums by day, and tells which items changed. Versions limit its caches.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, text

from hallpulse.contract.events import Family, HallEvent, ItemPublished, ItemRetired, ItemRetracted
from hallpulse.domain.catalogue import ItemRecord, ItemSpan, ItemVersion, Timeline, Timelines, timeline
from hallpulse.domain.compression import ItemChange, ItemLimits
from hallpulse.domain.figures import Scope
from hallpulse.domain.measures import ITEM_COLUMNS, item_amounts
from hallpulse.domain.workdays import Calendar, Calendars, Workdays, day_of
from hallpulse.store import ledger
from hallpulse.store.database import copied_day, copy_rows, of_regions
from hallpulse.store.successions import ends_of
from hallpulse.store.tables import calendars, item_spans

Item = tuple[int, str]
"""(region, item code)."""

_COLUMNS = tuple(column.name for column in item_spans.columns)
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
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


def timelines(connection: Connection, region: int) -> dict[str, Timeline]:
    """Return all items of a region with their versions."""
    rows = connection.execute(
        text(f"SELECT {_NAMES} FROM item_spans WHERE region = :region ORDER BY item_code, start"), {"region": region}
    )
    found: dict[str, list[ItemSpan]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(_span(row))
    return dict(found)


def spans_in_force(connection: Connection, items: Sequence[Item]) -> dict[Item, list[ItemSpan]]:
    """Return the stored versions of these items; none for an item that the catalogue does not have."""
    rows = connection.execute(
        text(
            f"SELECT {_NAMES} FROM item_spans JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]))"
            " AS k(region, item_code) USING (region, item_code) WHERE true"
            + of_regions(connection, "item_spans.region", (i[0] for i in items))
            + " ORDER BY start"
        ),
        {"regions": [i[0] for i in items], "codes": [i[1] for i in items]},
    )
    found: dict[Item, list[ItemSpan]] = {item: [] for item in items}
    for row in rows:
        found[row[0], row[1]].append(_span(row))
    return found


def record_of(entry: ledger.LedgerEntry) -> ItemRecord:
    """Return an event about an item in the form of the domain."""
    data = entry.data
    if isinstance(data, ItemRetracted):
        return ItemRecord(entry.hall, entry.id, entry.time, 0, None, data.event_id, data.corrects)
    assert isinstance(data, ItemPublished | ItemRetired)
    version = data.version if isinstance(data, ItemPublished) else None
    day = day_of(date.fromisoformat(data.effective_from))
    return ItemRecord(entry.hall, entry.id, entry.time, day, version, corrects=data.corrects)


def _span(row: Sequence[Any]) -> ItemSpan:
    _, _, start, end, hall, id_, *fields = row
    return ItemSpan(day_of(start), None if end is None else day_of(end), ItemVersion(*fields), hall, id_)


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
    copy_rows(connection, "stage_spans", "item_spans", _COLUMNS, rows)
    connection.exec_driver_sql(f"INSERT INTO item_spans ({_NAMES}) SELECT {_NAMES} FROM stage_spans")


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


def read_calendars(connection: Connection) -> dict[int, Calendar]:
    """Return all calendars in force, by scope."""
    rows = connection.execute(select(calendars.c.scope, calendars.c.days, calendars.c.provisional_years))
    return {scope: calendar_of(scope, days, years) for scope, days, years in rows}


def calendar_of(scope: int, days: Mapping[str, list[object]], years: Collection[int]) -> Calendar:
    special = {date.fromisoformat(day): (bool(working), str(name)) for day, (working, name) in days.items()}
    return Calendar(scope, special, frozenset(years))


class CalendarCache:
    """The calendars in force, read again only if one of them has changed. May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[int, str] = {}
        self.last = Calendars({})

    def current(self, connection: Connection) -> Calendars:
        """Return the calendars as this transaction sees them."""
        digests = {scope: digest for scope, digest in connection.execute(select(calendars.c.scope, calendars.c.digest))}
        with self._lock:
            if digests != self._digests:
                self.last, self._digests = Calendars(read_calendars(connection)), digests
            return self.last


Spans = dict[str, Timeline]
"""Item code → the item's versions, in the catalogue of one region."""


class ContextCache:
    """Calendars and item versions, kept from one transaction to the next; a changed catalogue is read again.

    A transaction's own changes enter the cache once it is committed. May be shared by threads.
    """

    def __init__(self) -> None:
        self._calendars = CalendarCache()
        self._spans: dict[int, tuple[int, Spans]] = {}

    def begin(self, connection: Connection, regions: Collection[int]) -> TransactionContext:
        """Return the context of a transaction, checked against the versions that it sees; it must hold its locks."""
        in_force = self._calendars.current(connection)
        return TransactionContext(connection, self, in_force, _versions(connection, regions))

    def last_seen(self, region: int) -> tuple[Workdays, Timelines] | None:
        """Return a region's context as an earlier transaction saw it, None if there is none; it may be out of date.

        Results made with it must be checked once the transaction's own context is known.
        """
        spans, workdays = self._spans.get(region), self._calendars.last.made(region)
        return None if spans is None or workdays is None else (workdays, spans[1])

    def spans(self, region: int, version: int) -> Spans:
        """Return the items read so far of this version of a region's catalogue; transactions add what they read."""
        known = self._spans.get(region)
        if known is None or known[0] != version:
            known = self._spans[region] = (version, {})
        return known[1]

    def keep(self, region: int, version: int, spans: Spans) -> None:
        """Keep the items known to the transaction that made this version of a region's catalogue."""
        self._spans[region] = (version, spans)


class RegionItems:
    """The items of a region as one transaction sees them, read when they are asked for.

    known: items of the same version of the catalogue, shared with other transactions. Only the transaction remembers
    item codes that the catalogue does not have: otherwise any sender's codes could fill the memory.
    """

    def __init__(self, connection: Connection, region: int, known: Spans) -> None:
        self._connection = connection
        self._region = region
        self._known = known
        self._own: Spans = {}

    def get(self, code: str, default: Timeline, /) -> Timeline:
        spans = self._find(code)
        if spans is None:
            item = (self._region, code)
            spans = spans_in_force(self._connection, [item])[item]
            self.put(code, spans)
        return spans or default

    def lacks(self, code: str) -> bool:
        """Return whether the item would have to be read."""
        return self._find(code) is None

    def put(self, code: str, spans: Timeline) -> None:
        """Keep an item's versions as read."""
        (self._known if spans else self._own)[code] = spans

    def change(self, code: str, spans: Timeline) -> None:
        """Give an item another timeline from now on, in this transaction."""
        self._own[code] = spans

    @property
    def known(self) -> Spans:
        """The items known to this transaction, for later transactions."""
        return {code: spans for code, spans in {**self._known, **self._own}.items() if spans}

    def _find(self, code: str) -> Timeline | None:
        own = self._own.get(code)
        return self._known.get(code) if own is None else own


class TransactionContext:
    """The context of one transaction: a callable region → (working days, items)."""

    def __init__(
        self, connection: Connection, cache: ContextCache, in_force: Calendars, versions: Mapping[int, int]
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._calendars = in_force
        self._versions = versions
        self._seen: dict[int, tuple[Workdays, RegionItems]] = {}
        self._changed: set[int] = set()

    def catalogue_changed(self, items: Mapping[Item, Timeline]) -> None:
        """Give items other timelines from now on, only in this transaction until it is committed."""
        for (region, code), spans in items.items():
            self(region)[1].change(code, spans)
            self._changed.add(region)

    def want(self, items: Iterable[Item]) -> None:
        """Read at once the items of all regions that are going to be asked for."""
        missing = [(region, code) for region, code in items if self(region)[1].lacks(code)]
        if missing:
            for (region, code), spans in spans_in_force(self._connection, missing).items():
                self(region)[1].put(code, spans)

    def committed(self) -> None:
        """Cache the catalogues that the committed transaction changed, each under its region's next version."""
        for region in self._changed:
            self._cache.keep(region, self._versions.get(region, 0) + 1, self._seen[region][1].known)

    def __call__(self, region: int) -> tuple[Workdays, RegionItems]:
        known = self._seen.get(region)
        if known is None:
            spans = self._cache.spans(region, self._versions.get(region, 0))
            known = self._seen[region] = (
                self._calendars.workdays(region),
                RegionItems(self._connection, region, spans),
            )
        return known


def _versions(connection: Connection, regions: Collection[int]) -> dict[int, int]:
    """Return the catalogue versions of the regions; store a row for a region seen for the first time."""
    query = text("SELECT region, catalogue_version FROM regions WHERE region = ANY(:regions)")
    versions = {region: version for region, version in connection.execute(query, {"regions": sorted(regions)})}
    missing = sorted(set(regions) - set(versions))
    if missing:
        connection.execute(
            text("INSERT INTO regions (region) SELECT unnest(CAST(:regions AS int[])) ON CONFLICT DO NOTHING"),
            {"regions": missing},
        )
    return versions


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
