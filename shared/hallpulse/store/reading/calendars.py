"""The calendars in force, for readers: read again only when one of them changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from sqlalchemy import Connection, select

from hallpulse.domain.calendar import Calendar, workdays_of
from hallpulse.domain.workdays import Workdays
from hallpulse.store.context import read_calendars
from hallpulse.store.tables import calendars


class CalendarReader:
    """Working days of counties; may be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[int, str] = {}
        self._calendars: Mapping[int, Calendar] = {}
        self._workdays: dict[int, Workdays] = {}

    def workdays(self, connection: Connection, region: int) -> Workdays:
        """The county's working days as this transaction sees them."""
        digests = {scope: digest for scope, digest in connection.execute(select(calendars.c.scope, calendars.c.digest))}
        with self._lock:
            if digests != self._digests:
                self._calendars = read_calendars(connection)
                self._digests = digests
                self._workdays = {}
            known = self._workdays.get(region)
            if known is None:
                known = self._workdays[region] = workdays_of(region, self._calendars)
            return known
