"""The audit of access: refusals and readings of cases are counted when they are answered, and written soon after.

Both are bounded, so that an attack cannot fill the memory, the metrics or the audit.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from litestar import Litestar
from litestar.types import HTTPScope

from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import GatewayMetrics
from hallpulse.store import AuditEntry, CaseReading, Grant
from services.gateway.problems import SOUGHT, Sought

READS = "reads"
"""The key in a handler's `opt` for the kind of reading: case, list, integrity or event."""
OTHERS = "*"
"""The name for all readings or refusals above a bound. They are still counted exactly."""
WRITE_SECONDS = 2.0
NOTED_AT = frozenset(20 * 10**power for power in range(12))
"""Numbers of refusals of one address or token in an hour that give a line in the audit: 20, 200, 2,000 and so on."""
MOST_LINES = 60
MOST_DENIED_PEOPLE = 5_000
MOST_SOUGHT = 50
"""The most things of others for which one person or token has a line each in an hour; all further ones share a line."""
MOST_DENIED = 10_000
MOST_QUESTIONS = {"case": 2_000, "list": 200, "integrity": 200, "event": 2_000}
"""Kind → the most different readings of one token in an hour that are written by name."""
MOST_READINGS = 50_000
MOST_WAITING = 100_000
_CASES, _EVENTS = b"/v1/cases/", b"/v1/events/"
_PAGING = ("region", "cursor", "limit")
_log = logging.getLogger(__name__)
Write = Callable[[Sequence[AuditEntry], Sequence[CaseReading]], None]


class Question(NamedTuple):
    """A reading by a token. token: its name; subject: the address of a case or an event, or a list's parameters."""

    token: str
    kind: str
    region: int | None
    subject: str


class Readings:
    """The readings of cases in this hour. A new reading is due at once, its repetitions at the end of the hour."""

    def __init__(self) -> None:
        self._hour: datetime | None = None
        self._counts: Counter[Question] = Counter()
        self._asked: Counter[tuple[str, str]] = Counter()
        self._new: list[Question] = []
        self._due: list[CaseReading] = []

    def note(self, question: Question, hour: datetime) -> None:
        self.turn(hour)
        if question not in self._counts:
            question = self._within_bounds(question)
        if question not in self._counts:
            self._new.append(question)
            self._asked[question.token, question.kind] += 1
        self._counts[question] += 1

    def _within_bounds(self, question: Question) -> Question:
        full = self._asked[question.token, question.kind] >= MOST_QUESTIONS[question.kind]
        if full or len(self._counts) >= MOST_READINGS:
            return question._replace(region=None, subject=OTHERS)
        return question

    def turn(self, hour: datetime | None) -> None:
        """Make the last hour's repetitions due if a new hour has begun."""
        if self._hour == hour:
            return
        self._note_new()
        for question, count in self._counts.items():
            self._note(question, count)
        self._counts.clear()
        self._asked.clear()
        self._hour = hour

    def take(self) -> list[CaseReading]:
        """Return the readings that became due since the last call."""
        self._note_new()
        due, self._due = self._due, []
        return due

    def _note_new(self) -> None:
        for question in self._new:
            self._note(question, self._counts[question])
            self._counts[question] = 0
        self._new.clear()

    def _note(self, question: Question, count: int) -> None:
        if count and self._hour is not None:
            self._due.append(CaseReading(self._hour, *question, count))


class Denials:
    """Counts the refusals of this hour by address and by token. The audit gets a line at each number of NOTED_AT."""

    def __init__(self) -> None:
        self._hour: datetime | None = None
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._lines = 0
        self._left_out = 0
        self._due: list[AuditEntry] = []

    def note(self, by: str, who: str, status: int, hour: datetime, region: int | None = None) -> int:
        """Count a refusal and return how many there were for `who` in this hour. by: `address` or `token`."""
        self.turn(hour)
        key = (by, who, status)
        if key not in self._counts and len(self._counts) >= MOST_DENIED:
            key = (by, OTHERS, status)
        self._counts[key] += 1
        count = self._counts[key]
        if count in NOTED_AT:
            self._note(key, count, region)
        return count

    def _note(self, key: tuple[str, str, int], count: int, region: int | None) -> None:
        if self._lines >= MOST_LINES:
            self._left_out += 1
            return
        self._lines += 1
        by, who, status = key
        self._due.append(AuditEntry("access.denied", f"{by} {who}", region, {"status": status, "this_hour": count}))

    def turn(self, hour: datetime | None) -> None:
        """Begin a new hour. If the last one had lines in the audit, one more line sums it up."""
        if self._hour == hour:
            return
        if self._lines:
            by = Counter(by for by, _, _ in self._counts)
            detail = {
                "hour": self._hour.isoformat() if self._hour else "",
                "refused": sum(count for (by_, _, _), count in self._counts.items() if by_ == "address"),
                "addresses": by["address"],
                "tokens": by["token"],
                "lines_left_out": self._left_out,
            }
            self._due.append(AuditEntry("access.hour", detail=detail))
        self._counts.clear()
        self._lines = self._left_out = 0
        self._hour = hour

    def take(self) -> list[AuditEntry]:
        """Return the lines that became due since the last call."""
        due, self._due = self._due, []
        return due


class NamedDenials:
    """Refusals that the audit names: of people who are signed in, and of requests for things of others, by tokens too.

    Within an hour only the first refusal of an address and method, or of a thing, gives a line.
    """

    def __init__(self) -> None:
        self._hour: datetime | None = None
        self._seen: set[tuple[str, str, int, str]] = set()
        self._sought: Counter[str] = Counter()
        self._due: list[AuditEntry] = []

    def note(self, grant: Grant, what: str, status: int, hour: datetime, sought: Sought | None = None) -> None:
        """Note a refusal. what: method and documented address."""
        if hour != self._hour:
            self._seen.clear()
            self._sought.clear()
            self._hour = hour
        who = f"person {grant.account}" if grant.account else f"token {grant.name}"
        if sought is not None and self._sought[who] >= MOST_SOUGHT:
            sought = Sought(OTHERS, "")
        key = (who, what, status, sought.thing if sought is not None else "")
        if key in self._seen or len(self._seen) >= MOST_DENIED_PEOPLE:
            return
        self._seen.add(key)
        detail: dict[str, Any] = {"status": status, "what": what}
        if sought is not None:
            self._sought[who] += 1
            detail |= {"sought": sought.thing, "whose": sought.whose}
        self._due.append(AuditEntry("access.denied", who, grant.region, detail, grant.name))

    def take(self) -> list[AuditEntry]:
        """Return the lines that became due since the last call."""
        due, self._due = self._due, []
        return due


class AccessAudit:
    """Notes readings, refusals and actions of people, and writes them to the database. Use it from one thread."""

    def __init__(self, metrics: GatewayMetrics, write: Write) -> None:
        self._metrics = metrics
        self._write = write
        self._readings = Readings()
        self._denials = Denials()
        self._named = NamedDenials()
        self._waiting: tuple[list[AuditEntry], list[CaseReading]] = ([], [])
        self._most: dict[str, int] = {}
        self._hour: datetime | None = None
        self._fault = ""

    def answered(self, scope: HTTPScope, status: int, now: datetime) -> None:
        """Note an answer if it is a refusal (401, 403, 404 for what may be another's) or a reading of cases."""
        if status in (401, 403) or (status == 404 and SOUGHT in scope.get("state", {})):
            self._denied(scope, status, self._turn(now))
        elif status == 200 and (kind := _kind_of(scope)) is not None:
            grant: Grant = scope["state"]["grant"]
            region, subject = _asked(scope, kind, grant)
            self._readings.note(Question(grant.name, kind, region, subject), self._turn(now))

    def _denied(self, scope: HTTPScope, status: int, hour: datetime) -> None:
        state = scope.get("state", {})
        grant: Grant | None = state.get("grant")
        sought: Sought | None = state.get(SOUGHT)
        client = scope.get("client")
        self._metrics.denied(status, grant.role if grant is not None else "none")
        counts = {"address": self._denials.note("address", network_of(client[0] if client else ""), status, hour)}
        if grant is not None and (grant.account or sought is not None):
            what = f"{scope['method']} {scope.get('path_template') or 'another address'}"
            self._named.note(grant, what, status, hour, sought)
        if grant is not None and not grant.account:
            counts["token"] = self._denials.note("token", grant.name, status, hour, grant.region)
        for by, count in counts.items():
            self._most[by] = max(count, self._most.get(by, 0))
            self._metrics.denied_most(by, self._most[by])

    def _turn(self, now: datetime) -> datetime:
        """Return the hour of a moment. If it is a new hour, make the rest of the last one due."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour = hour
            self._readings.turn(hour)
            self._denials.turn(hour)
            for by in self._most:
                self._metrics.denied_most(by, 0)
            self._most.clear()
        return hour

    def did(self, entry: AuditEntry) -> None:
        """Record an action that does not change the database. It waits if the database does not answer."""
        self._waiting[0].append(entry)

    async def write(self, now: datetime) -> None:
        """Write all that is due. If the database does not answer, it waits for the next time."""
        self._turn(now)
        entries, readings = self._waiting
        entries, readings = (
            [*entries, *self._denials.take(), *self._named.take()],
            [*readings, *self._readings.take()],
        )
        self._waiting = ([], [])
        if not entries and not readings:
            return
        try:
            await asyncio.to_thread(self._write, entries, readings)
            self._fault = ""
        except HallpulseError as error:
            self._waiting = (entries[-MOST_WAITING:], readings[-MOST_WAITING:])
            if str(error) != self._fault:
                self._fault = str(error)
                _log.error("refusals and readings of cases cannot be written: %s", error)

    async def close(self, now: datetime) -> None:
        """Write everything, also the repetitions of this hour."""
        self._readings.turn(None)
        self._denials.turn(None)
        self._hour = None
        await self.write(now)


def kept(audit: AccessAudit, clock: Callable[[], datetime]) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Return a lifespan of the application that writes the audit every two seconds and at the end."""

    @asynccontextmanager
    async def writing(_: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(_write_regularly(audit, clock))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await audit.close(clock())

    return writing


async def _write_regularly(audit: AccessAudit, clock: Callable[[], datetime]) -> None:
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await audit.write(clock())


def network_of(address: str) -> str:
    """Return an IPv4 address as it is; for an IPv6 address its /64 network, since one customer has all of that."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def _kind_of(scope: HTTPScope) -> str | None:
    handler: Any = scope.get("route_handler")
    kind: str | None = handler.opt.get(READS) if handler is not None else None
    return kind


def _asked(scope: HTTPScope, kind: str, grant: Grant) -> tuple[int | None, str]:
    """Return the region and the subject of a reading. Without a parameter `region`, it is the token's region."""
    path = scope["raw_path"].partition(b"?")[0]
    if kind == "case":
        address = unquote(path[len(_CASES) :].decode("latin-1"))
        return int(address.partition("/")[0]), address
    if kind == "event":
        return grant.region, f"{grant.region}/{grant.hall}/events/{unquote(path[len(_EVENTS) :].decode('latin-1'))}"
    given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    subject = "&".join(f"{name}={value}" for name, value in sorted(given.items()) if name not in _PAGING)
    return int(given["region"]) if "region" in given else grant.region, subject
