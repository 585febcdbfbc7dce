"""Access: tokens and sessions, the rights of roles, and limits of rate and concurrency.

A token is looked up by its hash. It is remembered, so that it stays valid while the database does not answer.
"""

from __future__ import annotations

import asyncio
import enum
import hmac
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Scope, region_bounds
from hallpulse.store import Grant, hash_of
from services.gateway.problems import Declined, Kind

BUREAU = Grant("bureau", name="read-token")
"""The grant of the suite's own token, which reads everything and writes nothing."""


class Action(enum.StrEnum):
    """The actions at addresses under /v1. A route names its action in `opt`; the table `MAY` says which roles may."""

    SESSION = "see who is signed in, sign out and change the password"
    READ = "read figures, targets, cases and reports"
    PUBLISH = "send events and see what became of them"
    DECLARE = "declare figures"
    REVIEW = "see monthly reports off: take or return them"
    ALERTS = "see what fires"
    ACKNOWLEDGE = "acknowledge and silence alerts and write notes of them"
    REPORT = "make and publish reports"
    SUPERVISED = "see what is supervised"
    SUPERVISE = "open, return, raise and close matters of supervision"
    ANSWER = "answer matters of supervision"
    IMPORT = "upload tables and import them"
    WHAT_IF = "change items in thought, and keep drafts of the catalogue"
    AUDIT = "see who did what"


ACTION = "action"
"""The key of the action in a handler's `opt`."""
_ALERTS = frozenset({Action.ALERTS, Action.ACKNOWLEDGE})
_TABLES = frozenset({Action.IMPORT, Action.WHAT_IF})
MAY: Mapping[str, frozenset[Action]] = {
    "hall": frozenset({Action.SESSION, Action.READ, Action.PUBLISH, Action.IMPORT}),
    "department": frozenset({Action.SESSION, Action.READ, Action.DECLARE, Action.SUPERVISED, Action.ANSWER}) | _TABLES,
    "bureau": frozenset({Action.SESSION, Action.READ, Action.DECLARE, Action.REVIEW, Action.REPORT})
    | _ALERTS
    | _TABLES
    | {Action.SUPERVISED, Action.SUPERVISE, Action.AUDIT},
    "leader": frozenset({Action.SESSION, Action.READ, Action.ALERTS, Action.SUPERVISED, Action.AUDIT}),
    "operator": frozenset({Action.SESSION, Action.READ, Action.AUDIT}) | _ALERTS,
}
"""Role → its actions. For which region, hall or department, `may_read`, `may_declare` and the like decide."""
OF_HALLS_PROGRAMS = frozenset({Action.PUBLISH})
"""Actions that need a hall's token; no signed-in person may do them."""
OF_HALLS_PEOPLE = frozenset({Action.IMPORT})
"""Actions of a hall's people only: its programs send events instead, of the families that they were granted."""
_READ_TOKEN_MAY = frozenset({Action.SESSION, Action.READ, Action.ALERTS, Action.SUPERVISED})


def actions(grant: Grant) -> frozenset[Action]:
    """Return the actions of the grant's role. Only for halls do a program's actions differ from a person's."""
    if grant is BUREAU:
        return _READ_TOKEN_MAY
    found = MAY.get(grant.role, frozenset())
    is_program_of_a_hall = not grant.account and grant.hall is not None and grant.region is not None
    return found - (OF_HALLS_PEOPLE if is_program_of_a_hall else OF_HALLS_PROGRAMS)


def may_declare(grant: Grant, region: int, department: str | None) -> bool:
    """Return whether the grant may declare these figures: a department its own ones, a bureau those of its region."""
    if Action.DECLARE not in actions(grant) or not is_of(grant, region):
        return False
    return grant.role == "bureau" or (department is not None and grant.department == department)


def is_of(grant: Grant, region: int) -> bool:
    """Return whether a region is the grant's or lies in it. A person without a region has all, a token none."""
    if grant.region is None:
        return bool(grant.account)
    return _within(region, grant.region)


def may_import(grant: Grant, kind: str, region: int, hall: str | None) -> bool:
    """Return whether the grant may import a table: a bureau any in its region, a department figures, a hall cases."""
    if Action.IMPORT not in actions(grant) or not is_of(grant, region):
        return False
    if grant.role == "department":
        return kind == "figures" and grant.department is not None
    return grant.role == "bureau" or (kind == "cases" and grant.hall is not None and grant.hall == hall)


def may_report(grant: Grant, region: int) -> bool:
    """Return whether the grant may make reports of a region: a bureau may, for its region and the regions below it."""
    return Action.REPORT in actions(grant) and is_of(grant, region)


def may_read(grant: Grant, scope: Scope) -> bool:
    """Return whether the grant may read a scope. A grant for a region, hall or department reads only that."""
    if Action.READ not in actions(grant):
        return False
    if grant.region is not None and not _within(scope.region, grant.region):
        return False
    return _same_or_open(grant.hall, scope.hall) and _same_or_open(grant.department, scope.department)


def reach(grant: Grant) -> str:
    """Return in words what a grant may read, to answer a request for more."""
    if grant.hall is not None:
        return f"region={grant.region}&hall={grant.hall}"
    if grant.department is not None:
        return f"region={grant.region}&department={grant.department}"
    return f"region={grant.region} and what lies below it" if grant.region is not None else "nothing"


def whose(grant: Grant) -> str:
    """Return the words for the grant in an answer."""
    return "this account" if grant.account else "this token"


def _within(region: int, outer: int) -> bool:
    (low, high), (first, last) = region_bounds(outer), region_bounds(region)
    return low <= first and last <= high


def _same_or_open(granted: str | None, asked: str | None) -> bool:
    return granted is None or granted == asked


FRESH_SECONDS = 0.25
"""Seconds for which a token is not looked up again. A revoked token is refused after this time; under load this saves
most queries."""
STALE_SECONDS = 600.0
"""Seconds for which a known token stays valid while the database is down: events go only to the broker."""
PAUSE_SECONDS = 2.0
MOST_REMEMBERED = 10_000
MOST_UNKNOWN = 64
"""Unknown tokens looked up at the same time. A flood of them neither delays nor displaces known tokens."""


@dataclass(frozen=True, slots=True)
class CachedGrant:
    grant: Grant | None
    at: float


class TokenCache:
    """Keeps grants for a while, by the hash of a token or a session.

    find: returns the grant for a SHA-256 in hex; clock: monotonic seconds; stale: seconds for which a grant stays valid
    while the database does not answer.
    """

    def __init__(
        self,
        find: Callable[[str], Grant | None],
        read_token: str,
        clock: Callable[[], float],
        threads: Executor | None = None,
        stale: float = STALE_SECONDS,
    ) -> None:
        self._find = find
        self._read_token_hash = hash_of(read_token) if read_token else ""
        self._clock = clock
        self._threads = threads
        self._stale = stale
        self._known: OrderedDict[str, CachedGrant] = OrderedDict()
        self._unknown: OrderedDict[str, CachedGrant] = OrderedDict()
        self._unknown_asked = 0
        self._asking: dict[str, asyncio.Future[Grant | None]] = {}
        self._ask_again_at = 0.0

    async def grant(self, token_hash: str) -> Grant | None:
        """Return the grant of a token, None if it is unknown. Raises Unavailable if that cannot be known now."""
        if self._read_token_hash and hmac.compare_digest(token_hash, self._read_token_hash):
            return BUREAU
        now = self._clock()
        seen = self._known.get(token_hash) or self._unknown.get(token_hash)
        if seen is not None and now - seen.at < FRESH_SECONDS:
            return seen.grant
        if now < self._ask_again_at:
            return self._remembered(seen, now)
        asking = self._asking.get(token_hash)
        if asking is None:
            asking = self._asking[token_hash] = asyncio.ensure_future(self._admit(token_hash, seen, now))
            asking.add_done_callback(lambda _: self._asking.pop(token_hash, None))
        return await asyncio.shield(asking)

    def forget(self, token_hash: str) -> None:
        """Forget a hash, so that it is looked up again at its next use."""
        self._known.pop(token_hash, None)
        self._unknown.pop(token_hash, None)

    async def _admit(self, token_hash: str, seen: CachedGrant | None, now: float) -> Grant | None:
        if seen is not None and seen.grant is not None:
            return await self._ask(token_hash, seen, now)
        if self._unknown_asked >= MOST_UNKNOWN:
            raise Unavailable("too many unknown tokens are being looked up")
        self._unknown_asked += 1
        try:
            return await self._ask(token_hash, seen, now)
        finally:
            self._unknown_asked -= 1

    async def _ask(self, token_hash: str, seen: CachedGrant | None, now: float) -> Grant | None:
        """Query the database once, no matter how many requests wait for the answer."""
        try:
            grant = await asyncio.get_running_loop().run_in_executor(self._threads, self._find, token_hash)
        except Unavailable:
            self._ask_again_at = now + PAUSE_SECONDS
            return self._remembered(seen, now)
        self._remember(token_hash, CachedGrant(grant, now))
        return grant

    def _remembered(self, seen: CachedGrant | None, now: float) -> Grant | None:
        if seen is None or seen.grant is None or now - seen.at > self._stale:
            raise Unavailable("the database is down, so that it cannot be known who asks")
        return seen.grant

    def _remember(self, token_hash: str, seen: CachedGrant) -> None:
        kept, other = (self._known, self._unknown) if seen.grant is not None else (self._unknown, self._known)
        other.pop(token_hash, None)
        kept[token_hash] = seen
        kept.move_to_end(token_hash)
        if len(kept) > MOST_REMEMBERED:
            kept.popitem(last=False)


MOST_BUCKETS = 10_000


@dataclass(slots=True)
class Bucket:
    left: float
    at: float


class RateLimiter:
    """A token bucket for each key: `per_second` requests in the long run, twice as many at once; 0 means no limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str, now: float) -> float:
        """Return 0 if the request may pass (it is then counted), else the seconds until the next one may."""
        if not self._per_second:
            return 0.0
        most = 2 * self._per_second
        bucket = self._buckets.pop(key, None) or Bucket(most, now)
        bucket.left = min(most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_second
        bucket.left -= 1
        return 0.0


MOST_AT_ONCE = 16
"""Requests of one hall at the same time. Each may hold a body of 4 MiB, perhaps one that arrives slowly on purpose."""


class ConcurrencyLimit:
    """Limits the requests that a sender has under way to `most`."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def slot(self, sender: str) -> Iterator[None]:
        """Count one more request during the block. Raises Declined (429) if the sender has reached the limit."""
        if self._under_way[sender] >= self._most:
            detail = f"expected at most {self._most} such requests at once: wait for their answers"
            raise Declined(Kind.TOO_MANY_REQUESTS, detail, headers={"retry-after": "1"})
        self._under_way[sender] += 1
        try:
            yield
        finally:
            self._under_way[sender] -= 1
            if not self._under_way[sender]:
                del self._under_way[sender]
