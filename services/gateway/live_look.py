"""A look, shared by all watchers, at whether halls' events are being stored and at what came in."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hallpulse.broker.queue_standing import QueueStanding
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.sources import silent_since
from hallpulse.domain.workdays import Workdays, date_of, local_day
from hallpulse.store import Moment, Readable

LAG = "hallpulse_ingest_lag_seconds"
LAG_SECONDS = 5.0
"""Seconds after which a waiting event is too late on the page."""
INGEST_SECONDS = 2.0
"""Seconds between queries of the broker and of ingest."""
HALLS_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble that keeps halls' events from being shown.

    kind: database, broker, ingest_stopped, ingest_absent, ingest_silent, lag, backlog, hall_silent or hall_never;
    since: microseconds since 1970-01-01 UTC; count: waiting messages; region, hall: of a silent hall.
    """

    kind: str
    since: int
    count: int = 0
    region: int = 0
    hall: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The findings of a look. at: when, in microseconds since 1970-01-01 UTC; counts: region → a number that grows
    when something comes in there.
    """

    at: int
    counts: Mapping[int, int]
    troubles: tuple[Trouble, ...]


class Broker(Protocol):
    def look(self) -> QueueStanding: ...

    def close(self) -> None: ...


@dataclass
class IngestLook:
    """Queries the broker and ingest for how far storing is behind.

    lags: returns the seconds that each worker's oldest delivery has waited, None for a worker that does not answer; ()
    if the workers' addresses are not known.
    """

    broker: Broker
    lags: Callable[[], Sequence[float | None]] = tuple

    def troubles(self, now: int) -> list[Trouble]:
        """Return the present troubles.

        One whose beginning is not known begins now, since it is seen for the first time.
        """
        try:
            standing = self.broker.look()
        except Unavailable:
            return [Trouble("broker", now)]
        if standing.stopped:
            return [Trouble("ingest_stopped", now)]
        if not standing.workers:
            return [Trouble("ingest_absent", now)]
        lags = self.lags()
        found = [Trouble("ingest_silent", now)] if None in lags else []
        behind = max((lag for lag in lags if lag is not None), default=0.0)
        if behind > LAG_SECONDS:
            found.append(Trouble("lag", now - round(behind * _SECOND)))
        if standing.waiting:
            found.append(Trouble("backlog", now, standing.waiting))
        return found


@dataclass
class LiveLook:
    """Looks at database, broker, ingest and halls. Use it from one thread at a time.

    clock: returns the present time with a time zone; ingest: None if this process does not watch it.
    """

    store: Readable
    clock: Callable[[], datetime]
    ingest: IngestLook | None = None
    _version: str | None = None
    _counts: Mapping[int, int] = field(default_factory=dict)
    _halls: list[Trouble] = field(default_factory=list)
    _ingest: list[Trouble] = field(default_factory=list)
    _began: dict[str, int] = field(default_factory=dict)
    _halls_at: int | None = None
    _ingest_at: int | None = None

    def look(self) -> Seen:
        """Look at everything. A server that is down raises no error; it is one of the troubles."""
        now = (self.clock() - _EPOCH) // timedelta(microseconds=1)
        found = self._database(now)
        if self.ingest is not None and _is_due(self._ingest_at, now, INGEST_SECONDS):
            self._ingest, self._ingest_at = self.ingest.troubles(now), now
        shown = self._dated([*found, *self._ingest], now)
        return Seen(now, self._counts, (*shown, *self._halls))

    def close(self) -> None:
        if self.ingest is not None:
            self.ingest.broker.close()

    def _database(self, now: int) -> list[Trouble]:
        try:
            with self.store.read() as moment:
                self._read(moment, now)
        except Unavailable:
            return [Trouble("database", now)]
        return []

    def _read(self, moment: Moment, now: int) -> None:
        version = moment.version()
        if version is None or version != self._version:
            self._counts = moment.change_counts(date_of(local_day(now) - 1))
            self._version = version
        if _is_due(self._halls_at, now, HALLS_SECONDS):
            self._halls, self._halls_at = silent_halls(moment, now), now

    def _dated(self, found: Sequence[Trouble], now: int) -> list[Trouble]:
        """Date troubles from the look that first found them. Leave out a backlog that has lasted less than 5 s."""
        self._began = {one.kind: min(self._began.get(one.kind, now), one.since) for one in found}
        dated = [Trouble(one.kind, self._began[one.kind], one.count) for one in found]
        return [one for one in dated if one.kind != "backlog" or now - one.since > LAG_SECONDS * _SECOND]


def silent_halls(moment: Moment, now: int) -> list[Trouble]:
    """Return the registered halls that are open now and silent, as troubles."""
    newest, calendars, found = moment.last_event_times(), dict[int, Workdays](), []
    for one in moment.halls():
        if one.region not in calendars:
            calendars[one.region] = moment.workdays(one.region)
        key = one.region, one.hall
        seen = newest.get(key, (one.added - _EPOCH) // timedelta(microseconds=1))
        since = silent_since(seen, now, calendars[one.region], one.facts.closed)
        if since is not None:
            kind = "hall_silent" if key in newest else "hall_never"
            found.append(Trouble(kind, since, region=one.region, hall=one.hall))
    return found


def _is_due(last: int | None, now: int, seconds: float) -> bool:
    return last is None or not 0 <= now - last < seconds * _SECOND


class IngestPages:
    """Reads the lag from the metrics of every worker of ingest, one after the other.

    url: the metrics of one worker, or a URL whose host name resolves to the addresses of all; token: opens the metrics.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = httpx.URL(url)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=2.0, trust_env=False)

    def __call__(self) -> Sequence[float | None]:
        return [self._lag(address) for address in self._addresses()]

    def close(self) -> None:
        self._client.close()

    def _addresses(self) -> list[httpx.URL]:
        wanted = self._url.copy_merge_params({"name[]": LAG})
        if wanted.scheme == "https":  # its certificate is for the name, not for an address
            return [wanted]
        try:
            known = socket.getaddrinfo(wanted.host, None, type=socket.SOCK_STREAM)
        except OSError:
            return []  # no worker runs; the broker reports that, too
        return [wanted.copy_with(host=host) for host in sorted({str(one[4][0]) for one in known})]

    def _lag(self, address: httpx.URL) -> float | None:
        try:
            page = self._client.get(address).raise_for_status().text
            samples = [sample for one in text_string_to_metric_families(page) for sample in one.samples]
        except (httpx.HTTPError, ValueError):
            return None
        return max((sample.value for sample in samples if sample.name == LAG), default=None)
