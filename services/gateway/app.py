"""The ASGI application: routes, guards, and the one way out for every answer and every error."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Litestar, Request, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler, HTTPScope, Message, Receive, Scope, Send

from hallpulse.contract.decode import MAX_BODY

from .desk import Desk
from .guards import knows_its_parameters, needs_token
from .problems import Declined, Kind, answer
from .records import kept
from .routes.cases import get_case, list_cases
from .routes.events import post_events
from .routes.openapi import HANDLERS, get_openapi
from .routes.page import get_asset, get_page, get_problems
from .routes.queries import get_departments, get_indicators, get_integrity, get_regions, get_targets, get_trend
from .routes.status import get_health, get_metrics, get_readiness, get_suite
from .visitors import LedToThePage, to_the_page

API = (
    post_events,
    get_indicators,
    get_targets,
    get_trend,
    get_departments,
    get_integrity,
    get_regions,
    get_suite,
    list_cases,
    get_case,
)
OPEN = (get_health, get_readiness, get_metrics, get_openapi, get_page, get_asset, get_problems)
_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
"""Those that have a series of their own; the sender names the method."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
"""Of every answer that does not set them itself: a page that is not one of page.py's runs and loads nothing."""
_CASE = re.compile(rb"/v1/cases/[^/%]+/[^/%]+/.+").fullmatch


class Gateway(Litestar):
    """Counts every answer under its documented route, and gives it the headers that all answers have."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        scope["headers"] = [header for header in scope["headers"] if header[0] != b"host"]  # the sender's word for us

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*_missing(message["headers"]), *message["headers"]]
            await send(message)

        try:
            if is_as_documented(scope["raw_path"].partition(b"?")[0]):
                await super().__call__(scope, receive, sending)
            else:
                await _no_such_address(scope, receive, sending)
        finally:
            self._count(scope, status, time.perf_counter() - began)

    def _count(self, scope: HTTPScope, status: int, seconds: float) -> None:
        desk: Desk = self.state.desk
        method = scope["method"] if scope["method"] in _METHODS else "other"
        desk.metrics.answered(scope.get("path_template") or "other", method, status, seconds)
        desk.records.answered(scope, status, desk.clock())


def is_as_documented(raw_path: bytes) -> bool:
    """Whether an address is written in the one way that a proxy's rules know.

    The framework takes `//metrics`, `/metrics/` and `/%6detrics` for `/metrics`, a rule for `/metrics` does not. Only a
    case's id may be written in percent codes.
    """
    if raw_path == b"/":
        return True
    return b"//" not in raw_path and not raw_path.endswith(b"/") and (b"%" not in raw_path or bool(_CASE(raw_path)))


async def _no_such_address(scope: HTTPScope, receive: Receive, send: Send) -> None:
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    detail = "expected an address as /openapi.json has it: no doubled slash, none at the end, no percent codes"
    response = answer(request, Declined(Kind.NOT_FOUND, detail))
    await response.to_asgi_response(app=None, request=request)(scope, receive, send)


def _missing(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    return [header for header in _HEADERS if header[0] not in given]


def create_app(desk: Desk) -> Gateway:
    """The application of a desk. The framework's own pages are off: /openapi.json is the one description."""
    return Gateway(
        handlers(),
        exception_handlers={LedToThePage: to_the_page, Declined: answer, HTTPException: answer, Exception: answer},
        openapi_config=None,
        compression_config=CompressionConfig(backend="gzip", minimum_size=2048, gzip_compress_level=4),
        debug=False,
        logging_config=None,
        request_max_body_size=MAX_BODY,
        lifespan=[kept(desk.records, desk.clock)],
        state=State({"desk": desk, HANDLERS: handlers}),
    )


def handlers() -> Sequence[ControllerRouterHandler]:
    """Every route, those under /v1 behind their guards."""
    return [Router("/", route_handlers=API, guards=[needs_token, knows_its_parameters]), *OPEN]
