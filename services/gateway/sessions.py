"""/v1/session: people sign in with name and password, and are recognised by a cookie until they sign out.

The cookie is HttpOnly and SameSite=Strict and holds a new random id from each sign-in. A request that changes something
also needs the session's CSRF token in a header, which no other site can read or send.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie

from hallpulse import passwords
from hallpulse.store import Account, Attempt, Grant, Link, Way, hash_of
from services.gateway.access import ACTION, Action, RateLimiter, TokenCache, actions
from services.gateway.access_audit import network_of
from services.gateway.problems import WRITES, Declined, Kind, problems
from services.gateway.request import AnyRequest, Connection, body_of, grant_of, resources_of

SIGN_INS_A_SECOND = 5.0
"""Sign-ins a second from one address; at most twice as many at once, since each costs a hash.

The limit is not lower, because a whole bureau may come from the address of a proxy.
"""
HASHES_AT_ONCE, MOST_WAITING = 2, 32
TOUCH_SECONDS = 60.0
LEAVING_SECONDS = 600
"""How long a person may take at the provider of sign-ins."""
MOST_TOUCHED = 10_000
CSRF_HEADER = "x-csrf-token"
UNATTENDED = "x-unattended"
"""The header of requests that the page sends by itself, so that a screen left alone does not prolong its session."""
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}").fullmatch
_SAFE = ("GET", "HEAD", "OPTIONS")
_ID = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch
_WRONG = (
    "账户名或密码不对；连续输错会锁定账户 15 分钟 · "
    "name or password is wrong, or the account is locked for 15 minutes after wrong passwords"
)


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """A person's name and password."""

    name: str
    password: str


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """A change of the password. old: the present password, also if it is a one-time password."""

    old: str
    new: str


class Accounts(Protocol):
    """The accounts and sessions in the database, as `hallpulse.store.AccountRegistry` keeps them."""

    def attempt(self, name: str, now: datetime) -> Attempt | None: ...

    def tell_locked(self, grant: Grant, network: str) -> None: ...

    def linked(self, link: Link) -> Account | None: ...

    def begin(self, grant: Grant, id_hash: str, now: datetime, way: Way = "password") -> None: ...

    def touch(self, id_hash: str, now: datetime) -> None: ...

    def end(self, id_hash: str, grant: Grant) -> None: ...

    def set_password(self, name: str, password_hash: str, *, one_time: bool, claimed: str = "") -> bool: ...


@dataclass(frozen=True, slots=True)
class SessionDoor:
    """Signs people in and recognises their sessions.

    cache: grants by the hash of a session's id; secure: the cookie is sent only over HTTPS; threads: hash passwords, a
    few at once; touched: session → when its activity was last noted; waiting: sign-ins that wait or are checked.
    """

    accounts: Accounts
    cache: TokenCache
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    secure: bool = False
    limiter: RateLimiter = field(default_factory=lambda: RateLimiter(SIGN_INS_A_SECOND))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(HASHES_AT_ONCE, "passwords"))
    touched: OrderedDict[str, float] = field(default_factory=OrderedDict)
    waiting: set[object] = field(default_factory=set)
    at_provider: set[object] = field(default_factory=set)

    @property
    def cookie(self) -> str:
        """The cookie's name. Browsers take a cookie with the prefix `__Host-` only from this host and over HTTPS."""
        return "__Host-hallpulse" if self.secure else "hallpulse"

    @property
    def _leaving(self) -> str:
        """The name of the cookie of a browser that was sent to the provider of sign-ins."""
        return f"{self.cookie}-leaving"

    @property
    def _hint(self) -> str:
        """The name of the cookie with the provider's token of a session that began there."""
        return f"{self.cookie}-hint"

    def id_of(self, connection: Connection) -> str | None:
        """Return the id in the request's cookie; None if there is no cookie, more than one, or an invalid one."""
        found = self._cookie_of(connection, self.cookie)
        return found if found is not None and _ID(found) else None

    def left_with(self, connection: Connection) -> str | None:
        """Return the content of the cookie with which the browser was sent to the provider."""
        return self._cookie_of(connection, self._leaving)

    def hint_of(self, connection: Connection) -> str:
        """Return the sealed token of the session's sign-in by the provider, empty if there is none."""
        return self._cookie_of(connection, self._hint) or ""

    def _cookie_of(self, connection: Connection, wanted: str) -> str | None:
        pairs = (one.strip() for header in connection.headers.getall("cookie", []) for one in header.split(";"))
        found = [value for name, _, value in (pair.partition("=") for pair in pairs) if name == wanted]
        return found[0] if len(found) == 1 else None

    async def touch(self, id_hash: str) -> None:
        """Note that the session's person did something, at most once a minute."""
        now = self.monotonic()
        if now - self.touched.get(id_hash, -TOUCH_SECONDS) < TOUCH_SECONDS:
            return
        self.touched[id_hash] = now
        if len(self.touched) > MOST_TOUCHED:
            self.touched.popitem(last=False)
        await asyncio.to_thread(self.accounts.touch, id_hash, self.clock())

    async def sign_in(self, name: str, password: str, network: str) -> tuple[str, Grant]:
        """Return a new session's id and grant. Raises Declined for a wrong name or password, or a locked account."""
        return await self._in_turn(network, lambda: self._begin(self._verified(name, password, network)))

    async def change_password(self, grant: Grant, given: NewPassword, network: str) -> str:
        """Replace the password, end every session of the account, and return the id of a new session.

        Raises Declined if the old password is wrong or the new one is not good enough.
        """
        fault = passwords.fault_of(grant.account, given.new)
        if given.old == given.new:
            fault = "新旧密码相同 · expected another password than the old one"
        if fault:
            raise Declined(Kind.CONTRADICTION, f"new: {fault}", field="new")

        def change() -> tuple[str, Grant]:
            known = self._verified(grant.account, given.old, network)
            self.accounts.set_password(known.account, passwords.hashed(given.new), one_time=False, claimed=known.name)
            return self._begin(known)

        return (await self._in_turn(network, change))[0]

    async def _in_turn(self, network: str, work: Callable[[], tuple[str, Grant]]) -> tuple[str, Grant]:
        """Run work that costs a hash, a few at once. Raises Declined (429) for too many, in all or from one address."""
        if self.limiter.wait(network, self.monotonic()) or len(self.waiting) >= MOST_WAITING:
            raise Declined(Kind.TOO_MANY_REQUESTS, "expected fewer sign-ins at once", headers={"retry-after": "1"})
        turn = object()
        self.waiting.add(turn)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)
        finally:
            self.waiting.discard(turn)

    def _verified(self, name: str, password: str, network: str) -> Grant:
        attempt = self.accounts.attempt(name, self.clock()) if _NAME(name) else None
        if passwords.matches(attempt.password if attempt else None, password) and attempt is not None:
            return attempt.grant
        if attempt is not None and attempt.locks:
            self.accounts.tell_locked(attempt.grant, network)
        raise Declined(Kind.NOT_SIGNED_IN, _WRONG)

    def begin_by_provider(self, grant: Grant) -> str:
        """Return the id of a new session of a person who signed in through the provider."""
        return self._begin(grant, "provider")[0]

    def _begin(self, grant: Grant, way: Way = "password") -> tuple[str, Grant]:
        id_ = secrets.token_urlsafe(32)
        self.accounts.begin(grant, hash_of(id_), self.clock(), way)
        return id_, replace(grant, way=way)

    def set_cookie(self, id_: str) -> str:
        """Return the value of the header `set-cookie`; an empty id deletes the cookie."""
        secure = "; Secure" if self.secure else ""
        ended = "" if id_ else "; Max-Age=0"
        return f"{self.cookie}={id_}; Path=/; HttpOnly; SameSite=Strict{secure}{ended}"

    def session_cookie(self, id_: str) -> Cookie:
        """Return the same cookie for an answer that sets two."""
        return Cookie(self.cookie, value=id_, httponly=True, samesite="strict", secure=self.secure)

    def hint_cookie(self, sealed: str) -> Cookie:
        """Return the cookie with the sealed token of a sign-in by the provider; an empty one takes it away."""
        kept = None if sealed else 0
        return Cookie(self._hint, value=sealed, max_age=kept, httponly=True, samesite="strict", secure=self.secure)

    def leaving_cookie(self, sealed: str) -> Cookie:
        """Return the cookie with the values that a return from the provider must match; an empty one deletes it.

        SameSite=Lax: the provider's page sends the browser back.
        """
        seconds = LEAVING_SECONDS if sealed else 0
        return Cookie(self._leaving, value=sealed, max_age=seconds, httponly=True, samesite="lax", secure=self.secure)


def csrf_of(id_: str) -> str:
    """Return a session's CSRF token. It cannot be made from the database, which has only a hash of the id."""
    return hash_of(f"csrf {id_}")


async def session_grant(connection: Connection) -> tuple[Grant, str]:
    """Return the grant of the person who is signed in, and the session's hash. Raises Declined (401) if no one is."""
    door = resources_of(connection).sessions
    id_ = door.id_of(connection)
    grant = await door.cache.grant(hash_of(id_)) if id_ is not None else None
    if id_ is None or grant is None:
        raise Declined(Kind.NOT_SIGNED_IN, "the session has ended or was never begun: sign in")
    return grant, hash_of(id_)


def needs_csrf(connection: Connection) -> None:
    """Raise Declined (403) for a session's request that another site may have caused."""
    door = resources_of(connection).sessions
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Declined(Kind.FORBIDDEN, "expected a request of this page: another site sent it")
    if connection.scope.get("method") in _SAFE:
        return
    given = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), csrf_of(door.id_of(connection) or "").encode()):
        raise Declined(Kind.FORBIDDEN, f"expected the header {CSRF_HEADER} as GET /v1/session gives it")


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The person who is signed in, or the token. name, person: null for a token.

    may: the actions of the role; csrf: for the header x-csrf-token of requests that change something, null for a token;
    one_time: only a change of the password is answered; way: password or provider, by which the
    session began; leave_at: of a session that has ended, where the browser ends the one at the provider too.
    """

    role: str
    name: str | None
    person: str | None
    region: str | None
    department: str | None
    hall: str | None
    may: list[str]
    csrf: str | None
    one_time: bool
    way: str | None
    leave_at: str | None = None


def _answer(grant: Grant, id_: str | None) -> SessionAnswer:
    return SessionAnswer(
        role=grant.role,
        name=grant.account or None,
        person=grant.person or None,
        region=str(grant.region) if grant.region is not None else None,
        department=grant.department,
        hall=grant.hall,
        may=sorted(action.name.lower() for action in actions(grant)),
        csrf=csrf_of(id_) if id_ is not None else None,
        one_time=grant.one_time,
        way=grant.way or None,
    )


@post(
    "/v1/session",
    status_code=201,
    responses=problems(*WRITES),
    operation_id="postSession",
    summary="Sign in with name and password",
    tags=["session"],
)
async def post_session(request: AnyRequest) -> Response[SessionAnswer]:
    """The answer sets the cookie of a new session. A cookie in the request is ignored."""
    door = resources_of(request).sessions
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Declined(Kind.FORBIDDEN, "expected a request of this page: another site sent it")
    given = await body_of(request, SignIn)
    id_, grant = await door.sign_in(given.name, given.password, network(request))
    return Response(_answer(grant, id_), headers={"set-cookie": door.set_cookie(id_)})


@get(
    "/v1/session",
    sync_to_thread=False,
    responses=problems(401, 403, 429, 500, 503),
    operation_id="getSession",
    summary="Who is signed in",
    opt={ACTION: Action.SESSION},
    tags=["session"],
)
def get_session(request: AnyRequest) -> SessionAnswer:
    """Return the signed-in person's role and actions; for a token, those of the token."""
    grant = grant_of(request)
    return _answer(grant, resources_of(request).sessions.id_of(request) if grant.account else None)


@post(
    "/v1/session/end",
    status_code=200,
    responses=problems(400, 401, 403, 429, 500, 503),
    operation_id="endSession",
    summary="Sign out",
    opt={ACTION: Action.SESSION},
    tags=["session"],
)
async def end_session(request: AnyRequest) -> Response[SessionAnswer]:
    """End the session. Its cookie then opens nothing, no matter who has it. leave_at: to end the provider's too."""
    resources, grant = resources_of(request), _person(request)
    door, provider = resources.sessions, resources.provider
    id_hash = hash_of(door.id_of(request) or "")
    await asyncio.to_thread(door.accounts.end, id_hash, grant)
    door.cache.forget(id_hash)
    by_provider = provider is not None and grant.way == "provider"
    leave_at = await provider.sign_out_address(door.hint_of(request)) if provider is not None and by_provider else None
    answer = msgspec.structs.replace(_answer(grant, None), leave_at=leave_at)
    gone = [door.hint_cookie("")] if by_provider else []
    return Response(answer, headers={"set-cookie": door.set_cookie("")}, cookies=gone)


@post(
    "/v1/session/password",
    status_code=200,
    responses=problems(*WRITES),
    operation_id="changePassword",
    summary="Change one's own password",
    opt={ACTION: Action.SESSION},
    tags=["session"],
)
async def change_password(request: AnyRequest) -> Response[SessionAnswer]:
    """Change the password and end every session of the account. The answer sets the cookie of a new session."""
    door, grant = resources_of(request).sessions, _person(request)
    given = await body_of(request, NewPassword)
    before = hash_of(door.id_of(request) or "")
    id_ = await door.change_password(grant, given, network(request))
    door.cache.forget(before)
    done = msgspec.structs.replace(_answer(grant, id_), one_time=False)
    return Response(done, headers={"set-cookie": door.set_cookie(id_)})


def _person(request: AnyRequest) -> Grant:
    grant = grant_of(request)
    if not grant.account:
        raise Declined(Kind.FORBIDDEN, "a token has no session and no password: expected a person who is signed in")
    return grant


def network(request: AnyRequest) -> str:
    return network_of(request.client.host if request.client else "")
