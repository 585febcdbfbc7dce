"""What folding needs beside the events: calendars and catalogues, cached while their versions stand."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from sqlalchemy import Connection, select, text

from hallpulse.domain.calendar import Calendar, Calendars
from hallpulse.domain.catalogue import Timeline, Timelines
from hallpulse.domain.workdays import Workdays

from .catalogue import Item, spans_in_force
from .tables import calendars


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
        """What was read of this version of a region's catalogue, for whoever reads more of it to put there."""
        known = self._spans.get(region)
        if known is None or known[0] != version:
            known = self._spans[region] = (version, {})
        return known[1]

    def keep(self, region: int, version: int, spans: Spans) -> None:
        """What the transaction that made this version of a region's catalogue knows of it."""
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
        """Whether the item would have to be read."""
        return self._find(code) is None

    def put(self, code: str, spans: Timeline) -> None:
        """What was read of an item."""
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


def packed_days(calendar: Calendar) -> str:
    """A calendar's days as canonical JSON."""
    return json.dumps(
        {day.isoformat(): [working, name] for day, (working, name) in calendar.days.items()},
        ensure_ascii=False,
        sort_keys=True,
    )
