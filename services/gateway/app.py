"""The ASGI application: routes, guards, and the one way out for every error."""

from __future__ import annotations

import time
from collections.abc import Iterable

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import Message, Receive, Scope, Send

from hallpulse.contract.decode import MAX_BODY

from .desk import Desk
from .document import CONFIG
from .guards import knows_its_parameters, needs_token
from .problems import Declined, answer
from .routes.cases import get_case, list_cases
from .routes.events import post_events
from .routes.openapi import get_openapi
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
)


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
            await super().__call__(scope, receive, sending)
        finally:
            desk: Desk = self.state.desk
            route = scope.get("path_template") or "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            desk.metrics.answered(route, method, status, time.perf_counter() - began)


def _missing(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    return [header for header in _HEADERS if header[0] not in given]


def create_app(desk: Desk) -> Gateway:
    guarded = Router("/", route_handlers=API, guards=[needs_token, knows_its_parameters])
    return Gateway(
        [guarded, *OPEN],
        exception_handlers={LedToThePage: to_the_page, Declined: answer, HTTPException: answer, Exception: answer},
        openapi_config=CONFIG,
        compression_config=CompressionConfig(backend="gzip", minimum_size=2048, gzip_compress_level=4),
        logging_config=None,
        request_max_body_size=MAX_BODY,
        state=State({"desk": desk}),
    )
