"""Notices over HTTP: Alertmanager posts them; people read the ledger and acknowledge alerts."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.exceptions import BadRequest, HTTPException, Unauthorized
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from hallpulse.domain.errors import Unavailable
from hallpulse.scrapes import CHALLENGE, Application, Environ, StartResponse, admits
from hallpulse.store.notices import State
from services.notices.records import NoticeRecords

from .webhook import MAX_BYTES, BadNotice

_ADDRESSES = Map(
    [
        Rule("/v1/alerts", methods=["POST"], endpoint="alerts"),
        Rule("/v1/notices", methods=["GET"], endpoint="notices"),
        Rule("/v1/notices/acknowledge", methods=["POST"], endpoint="acknowledge"),
        Rule("/healthz", methods=["GET"], endpoint="healthz"),
        Rule("/readyz", methods=["GET"], endpoint="readyz"),
        Rule("/metrics", methods=["GET"], endpoint="metrics"),
    ],
    redirect_defaults=False,
    merge_slashes=False,
)


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An acknowledgement: who takes care of which alert. region: 0 for an alert of the suite itself.

    by: the person's name, without control characters and characters that change the direction of writing.
    """

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


class Wanted(msgspec.Struct, frozen=True):
    """The filter for lines of the ledger; None stands for any."""

    region: Annotated[int, msgspec.Meta(ge=0, le=999_999)] | None = None
    state: State | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that open the addresses. An empty token lets everyone in.

    post: for Alertmanager, to post alerts; read: for people, to read and acknowledge; metrics: for Prometheus.
    """

    post: str = ""
    read: str = ""
    metrics: str = ""


class Door:
    """Answers HTTP requests. Each method but `answer` is the endpoint of an address."""

    def __init__(
        self, records: NoticeRecords, registry: CollectorRegistry, tokens: Tokens, ping: Callable[[], None]
    ) -> None:
        self._records, self._registry, self._tokens, self._ping = records, registry, tokens, ping

    def answer(self, request: Request) -> Response:
        try:
            endpoint, _ = _ADDRESSES.bind_to_environ(request.environ).match()
            found: Response = getattr(self, endpoint)(request)
        except BadNotice as error:
            return _problem(400, "Not a notification", str(error))
        except Unavailable as error:
            return _problem(503, "Try again later", str(error))
        except HTTPException as error:
            return _problem(error.code or 500, error.name, error.description or error.name, dict(error.get_headers()))
        return found

    def alerts(self, request: Request) -> Response:
        _bearer(request, self._tokens.post)
        return _json({"notices": self._records.take(request.get_data())})

    def notices(self, request: Request) -> Response:
        _bearer(request, self._tokens.read)
        try:
            wanted = msgspec.convert(request.args.to_dict(), Wanted, strict=False)
        except msgspec.ValidationError as error:
            raise BadRequest(str(error)) from None
        return _json(self._records.list(wanted.region, wanted.state, wanted.limit))

    def acknowledge(self, request: Request) -> Response:
        _bearer(request, self._tokens.read)
        try:
            said = msgspec.json.decode(request.get_data(), type=Acknowledgement)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadNotice(f"expected region, fingerprint and by: {error}") from None
        return _json({"acknowledged": self._records.acknowledge(said.region, said.fingerprint, said.by)})

    def healthz(self, _: Request) -> Response:
        return _json({"status": "ok"})

    def readyz(self, _: Request) -> Response:
        self._ping()
        return _json({"status": "ok"})

    def metrics(self, request: Request) -> Response:
        """Return the metrics. Prometheus shows the token as the password of Basic authentication."""
        shown = request.headers.get("Authorization", "")
        if not admits(self._tokens.metrics, shown, request.query_string.decode("latin-1")):
            refused = _problem(401, "Unauthorized", "expected the token of the metrics")
            refused.headers["WWW-Authenticate"] = CHALLENGE
            return refused
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)


def notices_application(
    records: NoticeRecords, registry: CollectorRegistry, tokens: Tokens, ping: Callable[[], None]
) -> Application:
    """Return a WSGI application for notices. ping: raises Unavailable while the database does not answer."""
    door = Door(records, registry, tokens, ping)

    def application(environ: Environ, start_response: StartResponse) -> Any:
        request = Request(environ)
        request.max_content_length = MAX_BYTES
        return door.answer(request)(environ, start_response)  # type: ignore[arg-type]

    return application


def _bearer(request: Request, token: str) -> None:
    """Raise Unauthorized unless the request shows the token as its bearer token. An empty token lets every request in.

    A password is not accepted: a browser would send it along with requests from a page of another origin.
    """
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and not hmac.compare_digest(shown.encode(), token.encode()):
        raise Unauthorized("expected Authorization: Bearer and the right token")


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), content_type="application/json")


def _problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    kept = {name: value for name, value in (headers or {}).items() if name == "Allow"}
    return Response(msgspec.json.encode(content), status=status, headers=kept, content_type="application/problem+json")
