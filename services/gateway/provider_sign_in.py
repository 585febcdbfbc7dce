"""/v1/session/provider: people sign in through their organisation's provider (OpenID Connect), if one is configured.

A person is signed in only as the account that was linked to `iss` and `sub` of the provider's token. Region, role and
department are the account's; nothing in the token changes them.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple, Protocol, TypeAlias
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.params import QueryParameter

from hallpulse.contract.personal import is_personal
from hallpulse.domain.errors import HallpulseError
from hallpulse.store import Account, AuditEntry, Grant, Link
from services.gateway.figures import Named
from services.gateway.problems import Declined, Kind, problems
from services.gateway.request import AnyRequest, Resources, resources_of
from services.gateway.sessions import network

AT_ONCE = 8
"""Sign-ins for which the provider is asked at the same time."""
_VIEW = re.compile(r"/[A-Za-z0-9/_.~:&=?%+-]{0,400}").fullmatch
"""A view of the page, as it stands behind the # of an address."""
_log = logging.getLogger(__name__)
NextView: TypeAlias = Annotated[
    str | None, QueryParameter(name="next", max_length=500, description="the view of the page to open then")
]


class ProviderFault(enum.StrEnum):
    """The reasons why a sign-in through the provider ends without a session; the page has a sentence for each."""

    PROVIDER_DOWN = "provider-down"
    PROVIDER_WRONG = "provider-wrong"
    STATE_MISMATCH = "state-mismatch"
    ISSUER_MISMATCH = "issuer-mismatch"
    DECLINED = "declined"
    CODE_REFUSED = "code-refused"
    TOKEN_INVALID = "token-invalid"
    CLOCK_SKEW = "clock-skew"
    NOT_LINKED = "not-linked"
    ACCOUNT_LOCKED = "account-locked"
    ACCOUNT_DISABLED = "account-disabled"
    TOO_MANY = "too-many"


class NotSignedIn(Exception):
    """The sign-in failed. detail: a line for the operator; subject: the provider's id of a person with no account."""

    def __init__(self, fault: ProviderFault, detail: str = "", subject: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault
        self.subject = subject


class Arrived(NamedTuple):
    """A person who came back from the provider. view: the requested view of the page.

    hint: the sealed token with which to sign out at the provider; empty if it is too long for a cookie.
    """

    link: Link
    view: str
    hint: str


class SignInProvider(Protocol):
    """The methods of `services.gateway.provider.Provider` that sign-ins need."""

    @property
    def names(self) -> tuple[str, str]: ...

    async def leave(self, next_: str) -> tuple[str, str]: ...

    async def arrive(self, cookie: str, given: Mapping[str, str]) -> Arrived: ...

    async def sign_out_address(self, hint: str) -> str | None: ...


class ProviderAnswer(msgspec.Struct, frozen=True):
    """The provider through which people can also sign in."""

    names: Named


class WaysAnswer(msgspec.Struct, frozen=True):
    """The ways to sign in. provider: null if none is configured."""

    password: bool
    provider: ProviderAnswer | None


@get(
    "/v1/session/ways",
    sync_to_thread=False,
    responses=problems(500),
    operation_id="getSessionWays",
    summary="The ways to sign in",
    tags=["session"],
)
def get_ways(request: AnyRequest) -> WaysAnswer:
    """Returns the ways to sign in. Needs no token, because the page asks before anyone is signed in."""
    provider = resources_of(request).provider
    return WaysAnswer(True, ProviderAnswer(Named(*provider.names)) if provider is not None else None)


@get("/v1/session/provider", include_in_schema=False)
async def get_provider(request: AnyRequest, next_: NextView = None) -> Response[None]:
    """Sends the browser to the provider."""
    resources = resources_of(request)
    provider = _provider(resources)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Declined(Kind.FORBIDDEN, "expected a request of this page: another site sent it")
    try:
        async with Turn(resources, request):
            address, cookie = await provider.leave(_view_of(next_))
    except NotSignedIn as error:
        return _refused(error)
    return _redirect(address, resources.sessions.leaving_cookie(cookie))


@get("/v1/session/callback", include_in_schema=False)
async def get_callback(request: AnyRequest) -> Response[None]:
    """Takes a browser back from the provider, with a new session or with the reason why there is none."""
    resources = resources_of(request)
    provider, door = _provider(resources), resources.sessions
    asked = request.query_params
    given = {name: asked[name] for name in asked if len(asked.getall(name)) == 1}
    gone = door.leaving_cookie("")
    try:
        async with Turn(resources, request):
            arrived = await provider.arrive(door.left_with(request) or "", given)
            grant = await asyncio.to_thread(_grant_of, resources, arrived.link, network(request))
            id_ = await asyncio.to_thread(door.begin_by_provider, grant)
    except NotSignedIn as error:
        return _refused(error, gone)
    except HallpulseError as error:
        _log.warning("sign-in by the provider: %s", error)
        return _to_page("refused/unavailable", gone)
    return _to_page(f"signed-in{arrived.view}", door.session_cookie(id_), door.hint_cookie(arrived.hint), gone)


def _grant_of(resources: Resources, link: Link, origin: str) -> Grant:
    """Return what the linked account opens. Raise NotSignedIn, with a line of the audit, where there is none."""
    account = resources.sessions.accounts.linked(link)
    fault = _fault_of(account, resources)
    if account is not None and fault is None:
        return account.grant
    assert fault is not None
    subject = link.subject if not is_personal(link.subject, resources.today().year) else "(a person's number)"
    detail = {"way": "provider", "reason": str(fault), "issuer": link.issuer, "subject": subject, "from": origin}
    name, region = (account.grant.account, account.grant.region) if account is not None else ("", None)
    resources.audit.did(AuditEntry("session.refused", name, region, detail))
    raise NotSignedIn(fault, subject=link.subject if fault is ProviderFault.NOT_LINKED else "")


def _fault_of(account: Account | None, resources: Resources) -> ProviderFault | None:
    if account is None:
        return ProviderFault.NOT_LINKED
    if account.disabled is not None:
        return ProviderFault.ACCOUNT_DISABLED
    return ProviderFault.ACCOUNT_LOCKED if account.is_locked(resources.clock()) else None


def _provider(resources: Resources) -> SignInProvider:
    if resources.provider is None:
        raise Declined(Kind.NOT_FOUND, "no provider of sign-ins is configured: expected name and password")
    return resources.provider


class Turn:
    """One sign-in under way at the provider. Raise NotSignedIn if there are too many, in all or from one address."""

    def __init__(self, resources: Resources, request: AnyRequest) -> None:
        self._resources = resources
        self._whose = network(request)

    async def __aenter__(self) -> None:
        door = self._resources.sessions
        if door.limiter.wait(f"provider {self._whose}", door.monotonic()) or len(door.at_provider) >= AT_ONCE:
            raise NotSignedIn(ProviderFault.TOO_MANY)
        door.at_provider.add(self)

    async def __aexit__(self, *_: object) -> None:
        self._resources.sessions.at_provider.discard(self)


def _view_of(asked: str | None) -> str:
    """Return the view to open, the first page for what is no view; never another address, never a token."""
    return asked if asked and _VIEW(asked) and "token=" not in asked else "/"


def _refused(error: NotSignedIn, *cookies: Cookie) -> Response[None]:
    if error.fault in _OPERATORS:
        _log.warning("sign-in by the provider: %s", error)
    query = f"?{urlencode({'subject': error.subject})}" if error.subject else ""
    return _to_page(f"refused/{error.fault}{query}", *cookies)


_OPERATORS = (
    ProviderFault.PROVIDER_DOWN, ProviderFault.PROVIDER_WRONG, ProviderFault.ISSUER_MISMATCH,
    ProviderFault.CODE_REFUSED, ProviderFault.TOKEN_INVALID, ProviderFault.CLOCK_SKEW,
)  # fmt: skip
"""Faults that the operator can mend."""


def _to_page(view: str, *cookies: Cookie) -> Response[None]:
    return _redirect(f"/#/{view}", *cookies)


def _redirect(address: str, *cookies: Cookie) -> Response[None]:
    return Response(None, status_code=303, headers={"location": address}, cookies=cookies)
