"""The ASGI application: its routes, its guards, and the common handling of every answer and error."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence

from litestar import Litestar, Request, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler, HTTPScope, Message, Receive, Scope, Send

from hallpulse.contract.decode import MAX_BODY
from hallpulse.store import Grant, hash_of
from services.gateway.access import ACTION, Action, actions, whose
from services.gateway.access_audit import kept
from services.gateway.alerts import acknowledge_alert, end_silence, get_alerts, note_alert, silence_alert
from services.gateway.audit_entries import get_audit
from services.gateway.boundaries import get_boundaries
from services.gateway.case_history import get_case
from services.gateway.cases import list_cases
from services.gateway.catalogue_drafts import (
    get_draft,
    list_drafts,
    list_items,
    post_draft,
    post_draft_import,
    post_what_if,
)
from services.gateway.compression_causes import get_compression
from services.gateway.declaring import post_figures
from services.gateway.document import HANDLERS, get_asyncapi, get_openapi, get_schema
from services.gateway.events import post_events
from services.gateway.figure_reports import get_figures
from services.gateway.figures import get_departments, get_indicators
from services.gateway.integrity import get_integrity
from services.gateway.live import get_live, watched
from services.gateway.matters import (
    answer_matter,
    decide_matter,
    get_matter,
    get_matter_draft,
    get_matters,
    open_matter,
)
from services.gateway.month_flow import get_flow
from services.gateway.month_reports import get_form, get_outstanding, post_review
from services.gateway.naming import Naming
from services.gateway.own_events import get_event, get_refused
from services.gateway.pages import get_asset, get_page, get_problems, get_wall
from services.gateway.problems import Declined, Kind, answer
from services.gateway.provider_sign_in import get_callback, get_provider, get_ways
from services.gateway.published import get_report, list_reports
from services.gateway.ratings import get_ratings
from services.gateway.reconciliation import get_reconciliation
from services.gateway.regions import get_regions
from services.gateway.report_orders import post_report
from services.gateway.request import AnyRequest, Connection, Resources, resources_of
from services.gateway.scores import get_scores
from services.gateway.series import get_series
from services.gateway.sessions import (
    UNATTENDED,
    change_password,
    end_session,
    get_session,
    needs_csrf,
    post_session,
    session_grant,
)
from services.gateway.shared_answers import AnswerKnown, Recording, known_answer, share_answer
from services.gateway.sources import get_sources
from services.gateway.status import get_health, get_metrics, get_readiness, get_suite
from services.gateway.target_split import get_target_split
from services.gateway.targets import get_targets
from services.gateway.tasks import get_tasks, post_task
from services.gateway.templates import get_template
from services.gateway.trend import get_trend
from services.gateway.uploads import (
    get_rejected,
    get_upload,
    list_uploads,
    post_answers,
    post_discard,
    post_import,
    post_upload,
)

_LISTS = b"/v1/cases"


class RedirectToPage(Exception):
    """A browser requests something that the page shows. address: where the page shows it."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def redirect_browser(connection: Connection) -> None:
    """Raise RedirectToPage for a browser that requests cases, since links in boards and notices have no token."""
    if "authorization" in connection.headers or "text/html" not in connection.headers.get("accept", ""):
        return
    path = connection.scope["raw_path"].partition(b"?")[0]
    query = connection.scope["query_string"]
    if path == _LISTS:
        raise RedirectToPage(f"/#/list?{query.decode('latin-1')}")
    if path.startswith(_LISTS + b"/"):
        raise RedirectToPage(f"/#/case{path[len(_LISTS) :].decode('latin-1')}")


def redirect_to_page(_: AnyRequest, error: RedirectToPage) -> Response[None]:
    return Response(None, status_code=303, headers={"location": error.address, "vary": "accept, authorization"})


_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,512}=*)", re.IGNORECASE).fullmatch
_CHALLENGE = {"www-authenticate": 'Bearer realm="hallpulse"'}


async def needs_grant(connection: Connection, handler: BaseRouteHandler) -> None:
    """Keep the grant of the token or session for the handler. This guard is the only gate of every route under /v1.

    401 without a token or session, 429 if it is used too often, 403 for an action that its role may not do
    (`access.MAY`), and for a session's request that another site may have caused.
    """
    redirect_browser(connection)
    resources = resources_of(connection)
    by_token = "authorization" in connection.headers or resources.sessions.id_of(connection) is None
    grant, token_hash = await (_token_grant(connection) if by_token else session_grant(connection))
    wait = resources.rate_limiter.wait(_counted_as(grant, token_hash), resources.monotonic())
    if wait:
        seconds = str(math.ceil(wait))
        raise Declined(Kind.TOO_MANY_REQUESTS, f"try again in {seconds} s", headers={"retry-after": seconds})
    connection.state.grant = grant
    if connection.scope.get("method") == "OPTIONS":  # asks for the allowed methods; the framework's own handler answers
        return
    action: Action = handler.opt[ACTION]
    if not by_token:
        needs_csrf(connection)
        if grant.one_time and action is not Action.SESSION:
            raise Declined(Kind.PASSWORD_DUE, "POST /v1/session/password changes it")
        if UNATTENDED not in connection.headers:
            await resources.sessions.touch(token_hash)
    if action not in actions(grant):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} is not one to {action.value}")


async def _token_grant(connection: Connection) -> tuple[Grant, str]:
    token_hash = hash_of(_token(connection))
    grant = await resources_of(connection).token_cache.grant(token_hash)
    if grant is None:
        raise Declined(Kind.NO_TOKEN, "this token was never given or has ended", headers=_CHALLENGE)
    return grant, token_hash


def _counted_as(grant: Grant, token_hash: str) -> str:
    """Return the key for the rate limit. A hall has one rate for all its tokens: during a rotation there are two."""
    return f"{grant.region}/{grant.hall}" if grant.hall is not None else token_hash


async def knows_its_parameters(connection: Connection, handler: BaseRouteHandler) -> None:
    """Raise Declined (400) for an unknown or repeated parameter, since a misspelt filter would give a wrong number."""
    known = _parameters(handler)
    given = [name for name, _ in connection.query_params.multi_items()]
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise Declined(Kind.BAD_PARAMETER, f"unknown parameter: expected {listed}", field=name[:100])
        if given.count(name) > 1:
            raise Declined(Kind.BAD_PARAMETER, f"{name}: expected once", field=name)


def _parameters(handler: BaseRouteHandler) -> list[str]:
    """Return the query parameters of the handler and of its dependencies."""
    needed = (one.parsed_fn_signature for one in handler.resolve_dependencies().values())
    signatures = [handler.parsed_fn_signature, *needed]
    definitions = (field.kwarg_definition for one in signatures for field in one.parameters.values())
    return [d.name for d in definitions if isinstance(d, QueryParameter) and d.name]


def _token(connection: Connection) -> str:
    given = connection.headers.getall("authorization", [])
    match = _BEARER(given[0]) if len(given) == 1 else None
    if match is None:
        raise Declined(Kind.NO_TOKEN, "expected one header Authorization: Bearer TOKEN", headers=_CHALLENGE)
    return match[1]


API = (
    post_events,
    post_figures,
    get_figures,
    get_event,
    get_refused,
    get_indicators,
    get_targets,
    get_target_split,
    get_trend,
    get_series,
    get_departments,
    get_flow,
    get_compression,
    get_ratings,
    get_reconciliation,
    get_boundaries,
    get_scores,
    get_integrity,
    get_sources,
    list_reports,
    post_report,
    get_report,
    get_regions,
    get_suite,
    get_live,
    list_cases,
    get_case,
    get_alerts,
    acknowledge_alert,
    note_alert,
    silence_alert,
    end_silence,
    get_audit,
    get_outstanding,
    get_form,
    post_review,
    get_matters,
    get_matter_draft,
    get_matter,
    open_matter,
    answer_matter,
    decide_matter,
    get_tasks,
    post_task,
    post_upload,
    list_uploads,
    get_upload,
    post_answers,
    post_import,
    post_discard,
    get_rejected,
    get_template,
    list_items,
    post_what_if,
    post_draft,
    list_drafts,
    get_draft,
    post_draft_import,
    get_session,
    end_session,
    change_password,
)
OPEN = (
    post_session,
    get_ways,
    get_provider,
    get_callback,
    get_health,
    get_readiness,
    get_metrics,
    get_openapi,
    get_asyncapi,
    get_schema,
    get_page,
    get_wall,
    get_asset,
    get_problems,
)
_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
"""Methods with their own metric series. Others share one, since the sender may invent methods."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
"""Headers of every answer that does not set them itself. With them, only the pages of pages.py run or load anything."""
_WITH_ID = re.compile(rb"/v1/(?:cases/[^/%]+/[^/%]+|events)/.+").fullmatch


class Gateway(Litestar):
    """Counts every answer under its documented route, and adds the headers that all answers have."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        recording = Recording(self.state.resources.shared, scope)
        scope["headers"] = [header for header in scope["headers"] if header[0] != b"host"]  # the sender can choose it

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*_missing(message["headers"]), *self._allowed(scope, message["headers"])]
            recording.see(message)
            await send(message)

        try:
            if is_as_documented(scope["raw_path"].partition(b"?")[0]):
                await super().__call__(scope, receive, sending)
            else:
                await _no_such_address(scope, receive, sending)
        finally:
            recording.end()
            self._count(scope, status, time.perf_counter() - began)

    def _allowed(self, scope: HTTPScope, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return headers that allow all methods of an address; the framework names only those of its first handler."""
        methods = self.route_handler_method_map.get(scope.get("path_template") or "", {})
        if scope["method"] != "OPTIONS" or not methods:
            return list(headers)
        allowed = ", ".join(sorted(methods)).encode()
        return [(name, allowed if name.lower() == b"allow" else value) for name, value in headers]

    def _count(self, scope: HTTPScope, status: int, seconds: float) -> None:
        resources: Resources = self.state.resources
        method = scope["method"] if scope["method"] in _METHODS else "other"
        resources.metrics.answered(scope.get("path_template") or "other", method, status, seconds)
        resources.audit.answered(scope, status, resources.clock())


def is_as_documented(raw_path: bytes) -> bool:
    """Return whether an address is written in the documented way, which a proxy's rules expect.

    The framework accepts `//metrics`, `/metrics/` and `/%6detrics` for `/metrics`, but a proxy's rule for `/metrics`
    does not match them. Only the id of a case or an event may have percent codes.
    """
    if raw_path == b"/":
        return True
    return b"//" not in raw_path and not raw_path.endswith(b"/") and (b"%" not in raw_path or bool(_WITH_ID(raw_path)))


async def _no_such_address(scope: HTTPScope, receive: Receive, send: Send) -> None:
    request: AnyRequest = Request(scope, receive, send)
    detail = "expected an address as /openapi.json has it: no doubled slash, none at the end, no percent codes"
    response = answer(request, Declined(Kind.NOT_FOUND, detail))
    await response.to_asgi_response(app=None, request=request)(scope, receive, send)


def _missing(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    return [header for header in _HEADERS if header[0] not in given]


def create_app(resources: Resources) -> Gateway:
    """Return the application. The framework's own pages are off: only /openapi.json describes the routes."""
    return Gateway(
        handlers(),
        exception_handlers={
            RedirectToPage: redirect_to_page,
            AnswerKnown: known_answer,
            Declined: answer,
            HTTPException: answer,
            Exception: answer,
        },
        after_request=Naming(resources.book).into,
        openapi_config=None,
        compression_config=CompressionConfig(
            backend="gzip", minimum_size=2048, gzip_compress_level=4, exclude="^/v1/live$"
        ),
        debug=False,
        logging_config=None,
        request_max_body_size=MAX_BODY,
        lifespan=[kept(resources.audit, resources.clock), watched(resources.live)],
        state=State({"resources": resources, HANDLERS: handlers}),
    )


def handlers() -> Sequence[ControllerRouterHandler]:
    """Return every route; those under /v1 are behind the guards."""
    return [Router("/", route_handlers=API, guards=[needs_grant, knows_its_parameters, share_answer]), *OPEN]
