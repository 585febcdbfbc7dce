"""One answer for all who were told of the same change: a hundred pages that ask at once cost little more than one.

A page says with `x-look` of which change it was told (/v1/live). An answer that was made after that change is right for
everybody who asks the same, of the same scope, because of the same change. Who does not say so gets a fresh one, and so
does who asks long after it: figures follow the clock, too.
"""

from __future__ import annotations

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
"""Paths that a page asks again at every change. None of them is a reading that the audit keeps apart."""
SHARED_SECONDS = 10.0
MOST_KEPT, MOST_BYTES = 500, 1 << 20
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was sent, compressed or not."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


class AnswerKnown(Exception):
    """The answer to a request is there already."""

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__("known")
        self.kept = kept


@dataclass
class SharedAnswers:
    """The answers since the last change that was told. number: returns that change's; clock: seconds."""

    number: Callable[[], int]
    clock: Callable[[], float] = time.monotonic
    _kept: dict[Key, KeptAnswer] = field(default_factory=dict)
    _of: int = 0
    _since: float = 0.0

    def key(self, connection: Connection) -> Key | None:
        """Return under which key a request's answer is shared; None where it is not."""
        number = self.number()
        if connection.headers.get(LOOK) != str(number) or connection.scope["path"] not in SHARED:
            return None
        now = self.clock()
        if self._of != number or now - self._since > SHARED_SECONDS:
            self._kept, self._of, self._since = {}, number, now
        grant, scope = grant_of(connection), connection.scope
        reach = (grant is BUREAU, grant.role, grant.region, grant.hall, grant.department)
        encoding = connection.headers.get("accept-encoding", "")
        return number, scope["path"], scope["query_string"], encoding, *reach

    def find(self, key: Key) -> KeptAnswer | None:
        return self._kept.get(key)

    def keep(self, key: Key, answer: KeptAnswer) -> None:
        """Keep an answer that was made after the change, unless another one was told since."""
        if key[0] == self._of and len(self._kept) < MOST_KEPT:
            self._kept[key] = answer


def share_answer(connection: Connection, _: BaseRouteHandler) -> None:
    """Raise AnswerKnown where the answer is there; else have it kept. A guard, after those that say who may."""
    shared = resources_of(connection).shared
    key = shared.key(connection)
    if key is None:
        return
    kept = shared.find(key)
    if kept is not None:
        raise AnswerKnown(kept)
    connection.scope["state"]["shared_as"] = key


def known_answer(request: AnyRequest, error: AnswerKnown) -> Response[bytes]:
    ScopeState.from_scope(request.scope).is_cached = True  # what was compressed is not compressed again
    return Response(error.kept.body, status_code=200, headers=dict(error.kept.headers))


@dataclass
class Recording:
    """Reads an answer along while it is sent, and keeps it where it is to be shared."""

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
            elif not message.get("more_body"):
                self.shared.keep(self.scope["state"]["shared_as"], KeptAnswer(self._headers, bytes(self._body)))
