"""/metrics and /healthz on their own port: served from the last snapshot, whatever the broker and the database do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import gzip_accepted

from .desk import Attempts
from .page import CONTENT_TYPE, Page, exposition

STILL_SECONDS = 60.0
"""A timer that has not begun a reading for so long stands still, or its reading hangs."""

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(registry: CollectorRegistry, page: Callable[[], Page], attempts: Attempts) -> Application:
    """A WSGI application. registry: what is collected anew for every scrape, which must be little; page: the rest."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            headers, body = _metrics(registry, page(), environ.get("HTTP_ACCEPT_ENCODING", ""))
            start_response("200 OK", headers)
            return [body]
        status, text = _health(attempts) if path == "/healthz" else ("404 Not Found", "expected /metrics or /healthz")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    return answer


def _metrics(registry: CollectorRegistry, page: Page, accepted: str) -> tuple[Headers, bytes]:
    live = exposition(registry.collect())
    headers = [("Content-Type", CONTENT_TYPE), ("Vary", "Accept-Encoding")]
    if gzip_accepted(accepted):
        body = page.gzipped(live)
        headers.append(("Content-Encoding", "gzip"))
    else:
        body = page.text + live
    return [*headers, ("Content-Length", str(len(body)))], body


def _health(attempts: Attempts) -> tuple[str, str]:
    """Alive while the timer turns: a database that is away is no reason to be restarted."""
    silence = attempts.silent_for()
    if silence > STILL_SECONDS:
        return "503 Service Unavailable", f"no reading has begun for {silence:.0f} s"
    return "200 OK", "ok"
