"""The context that folding needs, as the database has it: calendars, item versions, and region codes that change.

A transaction reads it once; what it knows is cached for the next one, as long as the versions in the database agree.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Date, Integer, PrimaryKeyConstraint, Table, Text, select, text

from hallpulse.domain.catalogue import ItemSpan, ItemVersion, Timeline, Timelines
from hallpulse.domain.succession import Succession
from hallpulse.domain.workdays import Calendar, Calendars, Workdays, day_of
from hallpulse.store.database import of_regions
from hallpulse.store.tables import calendars, item_spans, metadata

Item = tuple[int, str]
"""(region, item code)."""

successions = Table(
    "successions",
    metadata,
    Column("region", Integer, nullable=False),
    Column("successor", Integer, nullable=False),
    Column("day", Date, nullable=False, comment="the first day of the successor"),
    Column("ends", Boolean, nullable=False, comment="whether the region's own code ends on that day"),
    Column("document", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("region", "successor"),
)
"""Region codes that change, as they were declared (`code_changes`): each with its day, decree and reason."""

SPAN_COLUMNS = tuple(column.name for column in item_spans.columns)
SPAN_NAMES = ", ".join(f'"{name}"' for name in SPAN_COLUMNS)


def read_successions(connection: Connection) -> list[Succession]:
    """Return what was declared, in order of days and codes."""
    query = "SELECT region, successor, day, ends, document, reason FROM successions ORDER BY day, region, successor"
    return [Succession(*row) for row in connection.execute(text(query))]


def ends_of(connection: Connection, regions: Collection[int]) -> dict[int, int]:
    """Return code → the first day (days since 1970-01-01) on which it is no longer in force, of codes that end."""
    rows = connection.execute(
        text("SELECT region, min(day) FROM successions WHERE ends AND region = ANY(:regions) GROUP BY region"),
        {"regions": sorted(regions)},
    )
    return {region: day_of(day) for region, day in rows}


def timelines(connection: Connection, region: int) -> dict[str, Timeline]:
    """Return all items of a region with their versions."""
    rows = connection.execute(
        text(f"SELECT {SPAN_NAMES} FROM item_spans WHERE region = :region ORDER BY item_code, start"),
        {"region": region},
    )
    found: dict[str, list[ItemSpan]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(_span(row))
    return dict(found)


def spans_in_force(connection: Connection, items: Sequence[Item]) -> dict[Item, list[ItemSpan]]:
    """Return the stored versions of these items; none for an item that the catalogue does not have."""
    rows = connection.execute(
        text(
            f"SELECT {SPAN_NAMES} FROM item_spans JOIN unnest(CAST(:regions AS int[]), CAST(:codes AS text[]))"
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


def _span(row: Sequence[Any]) -> ItemSpan:
    _, _, start, end, hall, id_, *fields = row
    return ItemSpan(day_of(start), None if end is None else day_of(end), ItemVersion(*fields), hall, id_)


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


NO_SPANS: Timeline = ()
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

    def foresee(self, connection: Connection, items: Iterable[Item]) -> None:
        """Read those of these items that are not known, before the transaction holds its locks.

        What is read is kept under the versions read before it: if a catalogue changes in between, its version is
        another once the locks are held, and the items are read again.
        """
        seen = cache(self.last_seen)  # once a region: its working days are looked up by all scopes above it
        lacking = [item for item in items if (known := seen(item[0])) is None or not known[1].get(item[1], NO_SPANS)]
        if lacking:
            regions = {region for region, _ in lacking}
            context = TransactionContext(
                connection, self, self._calendars.current(connection), _stored_versions(connection, regions)
            )
            context.want(lacking)

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
    versions = _stored_versions(connection, regions)
    missing = sorted(set(regions) - set(versions))
    if missing:
        connection.execute(
            text("INSERT INTO regions (region) SELECT unnest(CAST(:regions AS int[])) ON CONFLICT DO NOTHING"),
            {"regions": missing},
        )
    return versions


def _stored_versions(connection: Connection, regions: Collection[int]) -> dict[int, int]:
    query = text("SELECT region, catalogue_version FROM regions WHERE region = ANY(:regions)")
    return {region: version for region, version in connection.execute(query, {"regions": sorted(regions)})}
