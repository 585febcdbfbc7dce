"""What folding needs beside the events: calendars and catalogues, cached while their versions stand."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import Connection, select, text

from hallpulse.domain.calendar import Calendar, scopes_of, workdays_of
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.workdays import Workdays

from .catalogue import Item, timelines
from .tables import calendars


def read_calendars(connection: Connection) -> dict[int, Calendar]:
    """All calendars in force, by scope."""
    rows = connection.execute(select(calendars.c.scope, calendars.c.days, calendars.c.provisional_years))
    return {scope: calendar_of(scope, days, years) for scope, days, years in rows}


def calendar_of(scope: int, days: Mapping[str, list[object]], years: Collection[int]) -> Calendar:
    special = {date.fromisoformat(day): (bool(working), str(name)) for day, (working, name) in days.items()}
    return Calendar(scope, special, frozenset(years))


class ContextCache:
    """Calendars and timelines kept from one transaction to the next; a version that was changed is read again.

    What a transaction changes itself enters the cache once it is committed. May be shared by threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[int, str] = {}
        self._calendars: dict[int, Calendar] = {}
        self._workdays: dict[tuple[int, ...], Workdays] = {}
        self._timelines: dict[int, tuple[int, Mapping[str, Timeline]]] = {}

    def begin(self, connection: Connection, regions: Collection[int]) -> TransactionContext:
        """Check what is cached against the versions that this transaction sees; locks must be held already."""
        digests = {scope: digest for scope, digest in connection.execute(select(calendars.c.scope, calendars.c.digest))}
        with self._lock:
            if digests != self._digests:
                self._calendars, self._digests = read_calendars(connection), digests
                self._workdays.clear()
        versions = _versions(connection, regions)
        return TransactionContext(connection, self, versions)

    def last_seen(self, region: int) -> tuple[Workdays, Mapping[str, Timeline]] | None:
        """A region's context as a transaction knew it before, for what is checked once its own is known."""
        known = self._timelines.get(region)
        return None if known is None else (self.workdays(region), known[1])

    def workdays(self, region: int) -> Workdays:
        """Shared by all counties under the same calendars: each takes 12 ms to make."""
        scopes = tuple(scope for scope in scopes_of(region) if scope in self._calendars)
        known = self._workdays.get(scopes)
        if known is None:
            known = self._workdays[scopes] = workdays_of(region, self._calendars)
        return known

    def timelines(self, connection: Connection, region: int, version: int) -> Mapping[str, Timeline]:
        known = self._timelines.get(region)
        if known is None or known[0] != version:
            known = self._timelines[region] = (version, timelines(connection, region))
        return known[1]

    def keep(self, region: int, version: int, items: Mapping[str, Timeline]) -> None:
        """What the transaction that made this version of a region's catalogue knows of it."""
        self._timelines[region] = (version, items)


class TransactionContext:
    """The context of one transaction: a callable region → (working days, timelines)."""

    def __init__(self, connection: Connection, cache: ContextCache, versions: Mapping[int, int]) -> None:
        self._connection = connection
        self._cache = cache
        self._versions = versions
        self._seen: dict[int, tuple[Workdays, Mapping[str, Timeline]]] = {}
        self._changed: dict[int, dict[str, Timeline]] = {}

    def catalogue_changed(self, items: Mapping[Item, Timeline]) -> None:
        """Items have other timelines from now on, in this transaction alone until it is committed."""
        for (region, code), spans in items.items():
            if region not in self._changed:
                self._changed[region] = dict(self._timelines(region))
                self._seen.pop(region, None)
            self._changed[region][code] = spans

    def committed(self) -> None:
        """The transaction is: each region whose catalogue it changed has the next version (`catalogue`)."""
        for region, items in self._changed.items():
            self._cache.keep(region, self._versions.get(region, 0) + 1, items)

    def __call__(self, region: int) -> tuple[Workdays, Mapping[str, Timeline]]:
        known = self._seen.get(region)
        if known is None:
            known = self._seen[region] = (self._cache.workdays(region), self._timelines(region))
        return known

    def _timelines(self, region: int) -> Mapping[str, Timeline]:
        if region in self._changed:
            return self._changed[region]
        return self._cache.timelines(self._connection, region, self._versions.get(region, 0))


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
