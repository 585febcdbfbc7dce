"""The HTTP door: Alertmanager posts notices, people read the ledger and acknowledge."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from anyio.to_thread import run_sync
from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State as AppState
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hallpulse.domain.errors import Unavailable
from hallpulse.scrapes import CHALLENGE, admits

from .desk import NoticeDesk
from .webhook import MAX_BYTES, BadNotice

NoticeState = Literal["open", "acknowledged", "resolved"]
Guard = Any
# No control character, and none that turns the direction of writing.
_NAME = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+$"


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes care of which alert; region 0 for one of the suite itself."""

    region: Annotated[int, msgspec.Meta(ge=0, le=999_999)]
    fingerprint: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    by: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+$",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Tokens:
    """post: Alertmanager's; read: people's; metrics: Prometheus'. One left empty opens its part to everybody."""

    post: str = ""
    read: str = ""
    metrics: str = ""


def build(desk: NoticeDesk, registry: CollectorRegistry, tokens: Tokens) -> Litestar:
    """An ASGI application."""

    @post("/v1/alerts", status_code=200, guards=[bearer(tokens.post)])
    async def alerts(request: Request[Any, Any, AppState]) -> dict[str, int]:
        return {"notices": await _in_thread(desk.take, await request.body())}

    @get("/v1/notices", guards=[bearer(tokens.read)], sync_to_thread=True)
    def notices(
        region: Annotated[int | None, QueryParameter(ge=0, le=999_999)] = None,
        which: Annotated[NoticeState | None, QueryParameter(name="state")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 100,
    ) -> dict[str, Any]:
        return desk.list(region, which, limit)

    @post("/v1/notices/acknowledge", status_code=200, guards=[bearer(tokens.read)])
    async def acknowledge(request: Request[Any, Any, AppState]) -> dict[str, int]:
        told = _acknowledgement(await request.body())
        done = await _in_thread(desk.acknowledge, told.region, told.fingerprint, told.by)
        return {"acknowledged": done}

    @get("/healthz", sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @get("/readyz", sync_to_thread=True)
    def readyz() -> dict[str, str]:
        desk.ping()
        return {"status": "ok"}

    @get("/metrics", guards=[scraping(tokens.metrics)], sync_to_thread=True)
    def metrics() -> Response[bytes]:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Litestar(
        [alerts, notices, acknowledge, healthz, readyz, metrics],
        exception_handlers={BadNotice: _bad_notice, Unavailable: _unavailable},
        request_max_body_size=MAX_BYTES,
        openapi_config=None,
    )


def bearer(token: str) -> Guard:
    """Lets through who shows the token; everybody where none is set.

    As a password it opens nothing: a browser would send that along with what a page of another origin asks.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        shown = connection.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and not hmac.compare_digest(shown.encode(), token.encode()):
            raise NotAuthorizedException("expected Authorization: Bearer and the right token")

    return guard


def scraping(token: str) -> Guard:
    """Lets Prometheus through, which shows the token as its password."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        query = connection.scope["query_string"].decode("latin-1")
        if not admits(token, connection.headers.get("Authorization", ""), query):
            raise NotAuthorizedException("expected the token of the metrics", headers={"WWW-Authenticate": CHALLENGE})

    return guard


def _acknowledgement(body: bytes) -> Acknowledgement:
    try:
        return msgspec.json.decode(body, type=Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadNotice(f"expected region, fingerprint and by: {error}") from None


async def _in_thread(work: Any, *arguments: object) -> Any:
    return await run_sync(work, *arguments)


def _problem(status: int, title: str, error: Exception) -> Response[dict[str, Any]]:
    content = {"type": "about:blank", "title": title, "status": status, "detail": str(error)}
    return Response(content, status_code=status, media_type="application/problem+json")


def _bad_notice(_request: Request[Any, Any, Any], error: BadNotice) -> Response[dict[str, Any]]:
    return _problem(400, "Not a notification", error)


def _unavailable(_request: Request[Any, Any, Any], error: Unavailable) -> Response[dict[str, Any]]:
    return _problem(503, "Try again later", error)
