"""A service's /metrics, which needs the installation's token, and its /healthz, which needs none."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app

METRICS_USER = "metrics"
"""Prometheus's user name; the token is its password."""
CHALLENGE = 'Basic realm="metrics", charset="UTF-8"'
HEALTH = "/healthz"

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_TEXT = ("Content-Type", "text/plain; charset=utf-8")


def admits(token: str, authorization: str, query: str = "") -> bool:
    """Return whether a request shows the token; if the token is empty, every request is admitted.

    The token is in the Authorization header, as a password or a bearer token, or in the query as `token=`: any client
    can fetch an address that holds the token, such as those in `endpoints.json`.
    """
    if not token or any(hmac.compare_digest(one.encode(), token.encode()) for one in parse_qs(query).get("token", ())):
        return True
    scheme, _, shown = authorization.partition(" ")
    if scheme.lower() == "basic":
        shown = _password(shown)
    elif scheme.lower() != "bearer":
        shown = ""
    return hmac.compare_digest(shown.strip().encode(), token.encode())


def _admits(token: str, environ: Environ) -> bool:
    return admits(token, environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", ""))


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def guarded(application: Application, token: str) -> Application:
    """Return an application that answers /healthz to everyone, and all else only to requests that show the token."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == HEALTH or _admits(token, environ):
            return application(environ, start_response)
        start_response("401 Unauthorized", [_TEXT, ("WWW-Authenticate", CHALLENGE)])
        return [b"expected the token of the metrics\n"]

    return answer


def metrics_application(registry: CollectorRegistry) -> Application:
    """Return an application that answers /metrics from a registry, and /healthz with ok."""
    metrics: Application = make_wsgi_app(registry)

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/metrics":
            return metrics(environ, start_response)
        healthy = environ.get("PATH_INFO") == HEALTH
        status, text = ("200 OK", b"ok\n") if healthy else ("404 Not Found", b"expected /metrics or /healthz\n")
        start_response(status, [_TEXT])
        return [text]

    return answer
