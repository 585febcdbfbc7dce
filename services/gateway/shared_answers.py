"""Answers shared by all pages that were told of the same change: a hundred pages then cost little more than one.

A page names in the header `x-look` the change that it was told of (/v1/live). An answer made after that change is right
for every page that sends the same request, with the same scope, because of the same change or of an earlier one. Pages
that ask while the answer is being made wait for it. A request without the header gets a fresh answer. So does a late
request, because figures also change with the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from litestar import Response
from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope, Message
from litestar.utils.scope.state import ScopeState

from services.gateway.access import BUREAU
from services.gateway.request import AnyRequest, Connection, grant_of, resources_of

LOOK = "x-look"
SHARED = frozenset(
    f"/v1/{name}" for name in ("indicators", "targets", "departments", "trend", "outstanding", "suite", "figures")
)
"""Paths that a page requests again at every change. None of them is a reading of cases, which the audit records."""
SHARED_SECONDS = 10.0
WAIT_SECONDS = 10.0
"""Seconds for which a request waits for the same answer; then another one is made for it."""
MOST_KEPT, MOST_BYTES = 500, 1 << 20
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was sent, compressed or not."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


class AnswerKnown(Exception):
    """The answer to a request is kept already."""

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__("known")
        self.kept = kept


@dataclass
class SharedAnswers:
    """The answers since the last change that pages were told of. number: returns its number; clock: seconds."""

    number: Callable[[], int]
    clock: Callable[[], float] = time.monotonic
    _kept: dict[Key, KeptAnswer] = field(default_factory=dict)
    _made: dict[Key, asyncio.Future[KeptAnswer | None]] = field(default_factory=dict)
    _of: int = 0
    _since: float = 0.0

    def key(self, connection: Connection) -> Key | None:
        """Return the key under which a request's answer is shared; None if it is not shared."""
        look = connection.headers.get(LOOK)
        if look is None or connection.scope["path"] not in SHARED or not _is_known(look, number := self.number()):
            return None
        now = self.clock()
        if self._of != number or now - self._since > SHARED_SECONDS:
            self._kept, self._of, self._since = {}, number, now
        grant, scope = grant_of(connection), connection.scope
        reach = (grant is BUREAU, grant.role, grant.region, grant.hall, grant.department)
        encoding = connection.headers.get("accept-encoding", "")
        return number, scope["path"], scope["query_string"], encoding, *reach

    async def find(self, key: Key) -> KeptAnswer | None:
        """Return the kept answer, or the one that is being made; None if the request has to make it."""
        if (kept := self._kept.get(key)) is not None:
            return kept
        making = self._made.get(key)
        if making is None:
            self._made[key] = asyncio.get_running_loop().create_future()
            return None
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(making), WAIT_SECONDS)
        return None

    def keep(self, key: Key, answer: KeptAnswer) -> None:
        """Keep the answer to the requests of this key, unless pages were told of another change meanwhile."""
        if key[0] == self._of and len(self._kept) < MOST_KEPT:
            self._kept[key] = answer
        self.release(key, answer)

    def release(self, key: Key, answer: KeptAnswer | None = None) -> None:
        """Give those who wait for an answer this one, or none if it could not be made."""
        making = self._made.pop(key, None)
        if making is not None and not making.done():
            making.set_result(answer)


def _is_known(look: str, number: int) -> bool:
    """Return whether pages were told of this change."""
    return look.isascii() and look.isdecimal() and len(look) <= 18 and int(look) <= number


async def share_answer(connection: Connection, _: BaseRouteHandler) -> None:
    """Raise AnswerKnown if the answer is kept already; else let it be kept.

    This is a guard of routes. It runs after the guards that check access.
    """
    shared = resources_of(connection).shared
    key = shared.key(connection)
    if key is None:
        return
    kept = await shared.find(key)
    if kept is not None:
        raise AnswerKnown(kept)
    connection.scope["state"]["shared_as"] = key


def known_answer(request: AnyRequest, error: AnswerKnown) -> Response[bytes]:
    ScopeState.from_scope(request.scope).is_cached = True  # a compressed answer must not be compressed again
    return Response(error.kept.body, status_code=200, headers=dict(error.kept.headers))


@dataclass
class Recording:
    """Copies an answer while it is sent, and keeps it if it is to be shared."""

    shared: SharedAnswers
    scope: HTTPScope
    _headers: tuple[tuple[str, str], ...] = ()
    _body: bytearray = field(default_factory=bytearray)
    _wanted: bool = False

    def see(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._wanted = message["status"] == 200 and "shared_as" in self.scope.get("state", {})
            self._headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
            )
        elif message["type"] == "http.response.body" and self._wanted:
            self._body += message["body"]
            if len(self._body) > MOST_BYTES:
                self._wanted = False
                self.end()
            elif not message.get("more_body"):
                self.shared.keep(self.scope["state"]["shared_as"], KeptAnswer(self._headers, bytes(self._body)))

    def end(self) -> None:
        """End the wait of other requests for an answer that was not kept."""
        key = self.scope.get("state", {}).get("shared_as")
        if key is not None:
            self.shared.release(key)
