"""GET /v1/live: tells that events came in, and whether halls' events are being stored; once, or as a stream.

It carries no figures: a page that is told of a change requests its usual routes, which check its rights. One look
serves all watchers. While halls send a flood, pages are told more seldom, because storing is more important.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, cast

import msgspec
from litestar import Litestar, Response, get
from litestar.enums import MediaType
from litestar.response import ServerSentEvent, ServerSentEventMessage

from hallpulse.domain.figures import Scope
from hallpulse.domain.workdays import time_text
from services.gateway.access import ACTION, Action
from services.gateway.live_look import LiveLook, Seen, Trouble
from services.gateway.naming import NameBook, with_names
from services.gateway.problems import QUERY, Declined, Kind, problems
from services.gateway.request import AnyRequest, RegionCode, grant_of, resources_of, scope_of

LOOK_SECONDS, FLOOD_LOOK_SECONDS = 0.7, 2.8
"""Seconds between two looks while there are watchers, and while halls send a flood."""
FLOOD, FLOOD_SECONDS, SECONDS_OF_ONE, MOST_SECONDS, FLOOD_SPREAD = 500.0, 10.0, 0.1, 30.0, 0.6
"""Events a second that are a flood; seconds between messages to pages then, more of them for each watcher, at most; and
the part of these over which pages spread their requests: what many pages read would be taken from ingest."""
SPREAD_OF_ONE, MOST_SPREAD = 0.01, 1.0
CALM_OF_ONE, MOST_CALM = 0.012, 1.2
"""Seconds between two changes that pages are told of, for each watcher, and at most: with the time of a look and the
spread of their requests an event is still on a hundred pages within three seconds."""
COUNT_SECONDS = 10.0
"""Seconds after which watchers are told of another number of waiting messages, if nothing else is new."""
KEEP_ALIVE_SECONDS = 15.0
STREAM_SECONDS = 60.0
"""Seconds after which a stream ends and the page asks for the next one, so that an ended session gets nothing more."""
MOST_WATCHERS, MOST_OF_ONE = 2_000, 200
EVENT_STREAM = "text/event-stream"


class LiveTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """A trouble that keeps halls' events from being shown.

    kind: database, broker, ingest_stopped, ingest_absent, ingest_silent, lag, backlog, hall_silent or hall_never;
    since: when it began or was first seen; count: waiting messages; region, hall: of a silent hall, else null.
    """

    kind: str
    since: str
    count: Annotated[int, msgspec.Meta(ge=0)]
    region: str | None
    hall: str | None


class LiveAnswer(msgspec.Struct, frozen=True):
    """Whether halls' events are being stored. look: a number that grows when events came in; troubles: [] if all is
    well.
    """

    as_of: str
    look: Annotated[int, msgspec.Meta(ge=0)]
    troubles: list[LiveTrouble]


class Changed(msgspec.Struct, frozen=True):
    """Events came in. look: number of the change; within: milliseconds over which pages spread their requests."""

    look: int
    within: int


@dataclass(frozen=True, slots=True)
class Told:
    """The last look that watchers were told of. number: changes so far; within: seconds for the pages' requests."""

    number: int
    seen: Seen
    within: float = 0.0


class LiveHub:
    """Looks again and again while there are watchers, and wakes them when there is something to tell."""

    def __init__(self, look: LiveLook) -> None:
        self._look = look
        self._told: Told | None = None
        self._looked_at = self._told_at = float("-inf")
        self._woke_at, self._woke_with = float("-inf"), tuple[Trouble, ...]()
        self._pause = LOOK_SECONDS
        self._turn: asyncio.Event | None = None
        self._looking: asyncio.Task[Told] | None = None
        self._running: asyncio.Task[None] | None = None
        self._watchers: Counter[str] = Counter()
        self._closing = False

    async def now(self) -> Told:
        """Return a look that is less than 0.7 s old. Simultaneous requests share one look."""
        if self._told is not None and _clock() - self._looked_at < LOOK_SECONDS:
            return self._told
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look_again())
        return await asyncio.shield(self._looking)

    @property
    def number(self) -> int:
        """The number of changes that watchers were told of so far."""
        return self._told.number if self._told is not None else 0

    def admit(self, whose: str) -> None:
        """Raise Declined (429) if there are too many watchers, in all or with this token or account."""
        if self._watchers.total() >= MOST_WATCHERS or self._watchers[whose] >= MOST_OF_ONE:
            raise Declined(Kind.TOO_MANY_REQUESTS, "expected fewer who watch at once", headers={"retry-after": "10"})

    async def watch(self, whose: str) -> AsyncIterator[Told | None]:
        """Yield a look now and at each change; yield None after 15 s without one, to keep the connection alive."""
        self._watchers[whose] += 1
        try:
            self._run()
            ends = _clock() + STREAM_SECONDS
            yield await self.now()
            while not self._closing and (_clock() < ends or self._is_blind()):
                yield await self._next()
        finally:
            self._watchers[whose] -= 1
            if not self._watchers[whose]:
                del self._watchers[whose]

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closing = True
        self._wake()

    async def shut(self) -> None:
        """End all streams and stop looking."""
        self.close()
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await asyncio.to_thread(self._look.close)

    def _is_blind(self) -> bool:
        """Return whether the database is down. Streams then go on, since no client could be let in again."""
        return self._told is not None and any(one.kind == "database" for one in self._told.seen.troubles)

    async def _next(self) -> Told | None:
        turn = self._turn = self._turn or asyncio.Event()
        try:
            await asyncio.wait_for(turn.wait(), KEEP_ALIVE_SECONDS)
        except TimeoutError:
            return None
        return self._told

    def _wake(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.set()

    def _run(self) -> None:
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._look_while_watched())

    async def _look_while_watched(self) -> None:
        while self._watchers and not self._closing:
            await self.now()
            await asyncio.sleep(self._pause)

    async def _look_again(self) -> Told:
        seen, before = await asyncio.to_thread(self._look.look), self._told
        now = _clock()
        self._looked_at = now
        if before is None:
            self._told, self._told_at = Told(1, seen), now
            self._woke_at, self._woke_with = now, seen.troubles
            return self._told
        came = sum(seen.counts.values()) - sum(before.seen.counts.values())
        flood = came > FLOOD * max(now - self._told_at, LOOK_SECONDS)
        self._pause = FLOOD_LOOK_SECONDS if flood else LOOK_SECONDS
        between = min(FLOOD_SECONDS + SECONDS_OF_ONE * self._watchers.total(), MOST_SECONDS)
        calm = min(CALM_OF_ONE * self._watchers.total(), MOST_CALM)
        if now - self._told_at < (between if flood else calm):
            seen = Seen(seen.at, before.seen.counts, seen.troubles)  # watchers are told later
        changed = seen.counts != before.seen.counts
        spread = FLOOD_SPREAD * between if flood else min(MOST_SPREAD, SPREAD_OF_ONE * self._watchers.total())
        self._told = Told(before.number + changed, seen, spread if changed else before.within)
        if changed:
            self._told_at = now
        has_old_count = seen.troubles != self._woke_with and now - self._woke_at >= COUNT_SECONDS
        if changed or has_old_count or _kinds(seen.troubles) != _kinds(self._woke_with):
            self._woke_at, self._woke_with = now, seen.troubles
            self._wake()
        return self._told


def _kinds(troubles: Sequence[Trouble]) -> list[tuple[str, int, int, str]]:
    """Return troubles without the number of waiting messages, which differs at each look."""
    return [(one.kind, one.since, one.region, one.hall) for one in troubles]


def _clock() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Watcher:
    """Writes the messages for one watcher of a scope: only about this scope, and only news."""

    scope: Scope
    book: NameBook
    _counts: Mapping[int, int] | None = None
    _troubles: list[LiveTrouble] | None = None

    def messages(self, told: Told) -> list[ServerSentEventMessage]:
        low, high = self.scope.bounds
        counts = {region: count for region, count in told.seen.counts.items() if low <= region <= high}
        troubles, made = troubles_of(self.scope, told.seen), []
        if troubles != self._troubles:
            self.book.refresh()
            made.append(_message("status", with_names(_answer(told, troubles), self.book)))
        if self._counts is not None and counts != self._counts:
            made.append(_message("changed", Changed(told.number, round(told.within * 1000))))
        self._counts, self._troubles = counts, troubles
        return made


def troubles_of(scope: Scope, seen: Seen) -> list[LiveTrouble]:
    """Return the troubles of the suite and the silent halls of a scope; for a hall's scope, only the hall itself."""
    low, high = scope.bounds
    return [
        LiveTrouble(
            kind=one.kind,
            since=time_text(one.since),
            count=one.count,
            region=str(one.region) if one.hall else None,
            hall=one.hall or None,
        )
        for one in seen.troubles
        if not one.hall or (low <= one.region <= high and scope.hall in (None, one.hall))
    ]


def _answer(told: Told, troubles: list[LiveTrouble]) -> LiveAnswer:
    return LiveAnswer(time_text(told.seen.at), told.number, troubles)


def _message(event: str, content: object) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=event, data=msgspec.json.encode(content))


async def _stream(hub: LiveHub, whose: str, watcher: Watcher) -> AsyncIterator[ServerSentEventMessage]:
    async for told in hub.watch(whose):
        if told is None:
            yield ServerSentEventMessage(event="alive", data="")
            continue
        for message in await asyncio.to_thread(watcher.messages, told):
            yield message


@get(
    "/v1/live",
    media_type=EVENT_STREAM,
    responses=problems(*QUERY),
    operation_id="getLive",
    summary="Whether halls' events are being stored, once or as it changes",
    opt={ACTION: Action.READ},
    tags=["status"],
)
async def get_live(request: AnyRequest, region: RegionCode) -> LiveAnswer:
    """Answers once as JSON, or as server-sent events if `Accept: text/event-stream` asks for them.

    The event `status` has the content of the JSON and is sent first and when it changes; `changed` is sent when events
    came in; `alive` when there was nothing to tell for a while. A stream ends after a minute: ask for the next one.
    """
    grant, resources = grant_of(request), resources_of(request)
    scope, hub = scope_of(grant, region, grant.department, grant.hall), resources.live
    answer: Any  # the framework sends either as it is; LiveAnswer documents the content of both
    if EVENT_STREAM in request.headers.get("accept", ""):
        whose = grant.account or grant.name
        hub.admit(whose)
        answer = ServerSentEvent(_stream(hub, whose, Watcher(scope, resources.book)))
    else:
        told = await hub.now()
        answer = Response(_answer(told, troubles_of(scope, told.seen)), media_type=MediaType.JSON)
    return cast(LiveAnswer, answer)


def watched(hub: LiveHub) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Return a lifespan of the application that stops the hub at its end."""

    @asynccontextmanager
    async def watching(_: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await hub.shut()

    return watching
