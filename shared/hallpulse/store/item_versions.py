"""Item versions in the database, and the context that folding needs: catalogues and calendars.

Timelines, the catalogue's sums by day, and which items changed; catalogues and calendars are cached while their
versions stand.
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
from hallpulse.domain.clock import NONE_LIKE_LIMITS
from hallpulse.domain.compression import NONE_LIKE, RAISED, Doubt, ItemChange, ItemLimits, ItemRef, doubt
from hallpulse.domain.figures import Scope
from hallpulse.domain.measures import ITEM_COLUMNS, item_amounts
from hallpulse.domain.workdays import Calendar, Calendars, Workdays, day_of
from hallpulse.store import ledger
from hallpulse.store.database import copied_day, copy_rows
from hallpulse.store.tables import calendars, item_spans

Item = tuple[int, str]
"""(region, item code)."""

_COLUMNS = tuple(column.name for column in item_spans.columns)
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_CELL_KEY = ("region", "department", "day")
_CELL_NAMES = ", ".join((*_CELL_KEY, *ITEM_COLUMNS))
_CELL_SUMS = ", ".join(f"{name} = item_cells.{name} + excluded.{name}" for name in ITEM_COLUMNS)


class TimelineChange(NamedTuple):
    """An item's timeline as it was and as it is now."""

    before: Timeline
    after: Timeline


def store_items(connection: Connection, events: Sequence[HallEvent]) -> dict[Item, TimelineChange]:
    """Take in item events and return the items whose timeline is no longer what it was."""
    ledger.append(connection, events)
    touched = sorted({(event.region, event.entity) for event in events})
    return rebuild_items(connection, touched)


def rebuild_items(connection: Connection, items: Sequence[Item]) -> dict[Item, TimelineChange]:
    """Fold the items from the ledger; write timelines and sums where they differ."""
    before = spans_in_force(connection, items)
    changed: dict[Item, TimelineChange] = {}
    for item, entries in ledger.entries_about(connection, Family.ITEM, items).items():
        after = spans_of(entries)
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


def spans_of(entries: Iterable[ledger.LedgerEntry]) -> Timeline:
    """An item's timeline, from the events about it."""
    return timeline(record_of(entry) for entry in entries)


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


def record_of(entry: ledger.LedgerEntry) -> ItemRecord:
    """Return what the domain knows of an event about an item."""
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
    """Return the changes of the sums where timelines give way to others, as rows of `item_cells` in order.

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


def read_calendars(connection: Connection) -> dict[int, Calendar]:
    """All calendars in force, by scope."""
    rows = connection.execute(select(calendars.c.scope, calendars.c.days, calendars.c.provisional_years))
    return {scope: calendar_of(scope, days, years) for scope, days, years in rows}


def calendar_of(scope: int, days: Mapping[str, list[object]], years: Collection[int]) -> Calendar:
    special = {date.fromisoformat(day): (bool(working), str(name)) for day, (working, name) in days.items()}
    return Calendar(scope, special, frozenset(years))


class CalendarCache:
    """The calendars in force, read again only when one of them changed. May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[int, str] = {}
        self.last = Calendars({})

    def current(self, connection: Connection) -> Calendars:
        """As this transaction sees them."""
        digests = {scope: digest for scope, digest in connection.execute(select(calendars.c.scope, calendars.c.digest))}
        with self._lock:
            if digests != self._digests:
                self.last, self._digests = Calendars(read_calendars(connection)), digests
            return self.last


Spans = dict[str, Timeline]
"""Item code → the versions of an item of one region's catalogue."""


class ContextCache:
    """Calendars and item versions kept from one transaction to the next; a catalogue that was changed is read again.

    What a transaction changes itself enters the cache once it is committed. May be shared by threads.
    """

    def __init__(self) -> None:
        self._calendars = CalendarCache()
        self._spans: dict[int, tuple[int, Spans]] = {}

    def begin(self, connection: Connection, regions: Collection[int]) -> TransactionContext:
        """Check what is cached against the versions that this transaction sees; locks must be held already."""
        in_force = self._calendars.current(connection)
        return TransactionContext(connection, self, in_force, _versions(connection, regions))

    def last_seen(self, region: int) -> tuple[Workdays, Timelines] | None:
        """A region's context as a transaction knew it before, for what is checked once its own is known.

        Nothing is made here: the calendars may be older than those of the transaction that asks.
        """
        spans, workdays = self._spans.get(region), self._calendars.last.made(region)
        return None if spans is None or workdays is None else (workdays, spans[1])

    def spans(self, region: int, version: int) -> Spans:
        """Return what was read of this version of a region's catalogue; transactions that read more add to it."""
        known = self._spans.get(region)
        if known is None or known[0] != version:
            known = self._spans[region] = (version, {})
        return known[1]

    def keep(self, region: int, version: int, spans: Spans) -> None:
        """Keep what the transaction that made this version of a region's catalogue knows of it."""
        self._spans[region] = (version, spans)


class RegionItems:
    """The items of a region as one transaction sees them, read when they are asked for.

    known: of the same version of the catalogue, shared with other transactions. What the catalogue does not have is
    remembered by the transaction alone, or anybody's item codes would fill the memory.
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
        """Keep what was read of an item."""
        (self._known if spans else self._own)[code] = spans

    def change(self, code: str, spans: Timeline) -> None:
        """An item has another timeline from now on, in this transaction."""
        self._own[code] = spans

    @property
    def known(self) -> Spans:
        """By this transaction, for those who come after it."""
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
        """Items have other timelines from now on, in this transaction alone until it is committed."""
        for (region, code), spans in items.items():
            self(region)[1].change(code, spans)
            self._changed.add(region)

    def want(self, items: Iterable[Item]) -> None:
        """Read at once, of all regions, the items that are going to be asked for."""
        missing = [(region, code) for region, code in items if self(region)[1].lacks(code)]
        if missing:
            for (region, code), spans in spans_in_force(self._connection, missing).items():
                self(region)[1].put(code, spans)

    def committed(self) -> None:
        """The transaction is: each region whose catalogue it changed has the next version (`catalogue`)."""
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
    """Catalogue versions of the regions; one seen for the first time is written down."""
    query = text("SELECT region, catalogue_version FROM regions WHERE region = ANY(:regions)")
    versions = {region: version for region, version in connection.execute(query, {"regions": sorted(regions)})}
    missing = sorted(set(regions) - set(versions))
    if missing:
        connection.execute(
            text("INSERT INTO regions (region) SELECT unnest(CAST(:regions AS int[])) ON CONFLICT DO NOTHING"),
            {"regions": missing},
        )
    return versions


_LIMITS = "department", "instant", "statutory_days", "promised_days"


def _effective(alias: str, day: str) -> str:
    return (
        f"SELECT region, item_code, hall, id, name, {', '.join(_LIMITS)} FROM item_spans {alias}"
        f' WHERE region BETWEEN :low AND :high AND start <= :{day} AND ("end" IS NULL OR "end" > :{day})'
    )


_CHANGES = text(
    f"WITH was AS ({_effective('s', 'before')}), now AS ({_effective('s', 'after')})"
    " SELECT region, item_code, coalesce(now.name, was.name), was.id, now.id,"
    f" {', '.join(f'{side}.{name}' for side in ('was', 'now') for name in _LIMITS)}"
    " FROM was FULL JOIN now USING (region, item_code) WHERE (was.hall, was.id) IS DISTINCT FROM (now.hall, now.id)"
    " ORDER BY region, item_code"
)


def read_item_changes(connection: Connection, scope: Scope, before: date, after: date) -> list[ItemChange]:
    """The items that came, went or changed between two days, in any department of the scope's region.

    A department's items may have been another's: the domain tells them apart.
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


_RAISED = text(
    f"WITH now AS ({_effective('s', 'on')} AND statutory_days > 0),"
    " was AS (SELECT DISTINCT ON (region, item_code) region, item_code, statutory_days FROM item_spans"
    ' WHERE region BETWEEN :low AND :high AND start <= :on AND ("end" IS NULL OR "end" > :since)'
    " AND statutory_days > 0 ORDER BY region, item_code, start)"
    f" SELECT now.region, item_code, now.name, {', '.join(f'now.{name}' for name in _LIMITS)}, was.statutory_days"
    " FROM now JOIN was USING (region, item_code)"
    " WHERE now.statutory_days > was.statutory_days OR now.statutory_days = ANY(:none_like) ORDER BY 1, 2"
)


def read_item_doubts(connection: Connection, scope: Scope, since: date, on: date) -> list[Doubt]:
    """Items whose statutory limit was raised, or stands for none, among those effective on a day.

    since: the day whose versions are taken as given; of an item that came later its first limited version is.
    """
    values = {**_region_bounds(scope), "since": since, "on": on, "none_like": sorted(NONE_LIKE_LIMITS)}
    found = [_doubt(row) for row in connection.execute(_RAISED, values)]
    return [one for one in found if scope.department in (None, one.department)]


def _region_bounds(scope: Scope) -> dict[str, int]:
    low, high = scope.bounds
    return {"low": low, "high": high}


def _doubt(row: Sequence[Any]) -> Doubt:
    """A limit that stands for none is left out whole, whatever it was before."""
    region, code, name, *fields, was = row
    item, limits = ItemRef(region, code, name), ItemLimits(*fields)
    if limits.statutory_days in NONE_LIKE_LIMITS:
        return doubt(NONE_LIKE, item, limits, None)
    return doubt(RAISED, item, limits, was)
