"""What folding needs beside the events: calendars and catalogues, cached while their versions stand."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import Connection, select, text

from hallpulse.domain.calendar import Calendar, scopes_of, workdays_of
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.workdays import Workdays

from .catalogue import timelines
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

    A transaction that changes a region's catalogue itself must not leave what it read in the cache: it may yet be
    rolled back. One cache serves one thread.
    """

    def __init__(self) -> None:
        self._digests: dict[int, str] = {}
        self._calendars: dict[int, Calendar] = {}
        self._workdays: dict[tuple[int, ...], Workdays] = {}
        self._timelines: dict[int, tuple[int, dict[str, Timeline]]] = {}

    def begin(self, connection: Connection, regions: Collection[int]) -> TransactionContext:
        """Check what is cached against the versions that this transaction sees; locks must be held already."""
        digests = {scope: digest for scope, digest in connection.execute(select(calendars.c.scope, calendars.c.digest))}
        if digests != self._digests:
            self._calendars, self._digests = read_calendars(connection), digests
            self._workdays.clear()
        versions = _versions(connection, regions)
        return TransactionContext(connection, self, versions)

    def workdays(self, region: int) -> Workdays:
        """Shared by all counties under the same calendars: each takes 12 ms to make."""
        scopes = tuple(scope for scope in scopes_of(region) if scope in self._calendars)
        known = self._workdays.get(scopes)
        if known is None:
            known = self._workdays[scopes] = workdays_of(region, self._calendars)
        return known

    def timelines(self, connection: Connection, region: int, version: int) -> dict[str, Timeline]:
        known = self._timelines.get(region)
        if known is None or known[0] != version:
            known = self._timelines[region] = (version, timelines(connection, region))
        return known[1]


class TransactionContext:
    """The context of one transaction: a callable region → (working days, timelines)."""

    def __init__(self, connection: Connection, cache: ContextCache, versions: Mapping[int, int]) -> None:
        self._connection = connection
        self._cache = cache
        self._versions = versions
        self._seen: dict[int, tuple[Workdays, Mapping[str, Timeline]]] = {}
        self._changed: set[int] = set()

    def catalogue_changed(self, regions: Collection[int]) -> None:
        """Read these regions' timelines for this transaction alone."""
        self._changed.update(regions)
        for region in regions:
            self._seen.pop(region, None)

    def __call__(self, region: int) -> tuple[Workdays, Mapping[str, Timeline]]:
        known = self._seen.get(region)
        if known is None:
            known = self._seen[region] = (self._cache.workdays(region), self._timelines(region))
        return known

    def _timelines(self, region: int) -> Mapping[str, Timeline]:
        if region in self._changed:
            return timelines(self._connection, region)
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
