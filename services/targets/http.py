"""/metrics and /healthz on their own port: served from the last snapshot, whatever the broker and the database do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry

from .desk import TargetDesk
from .exposition import CONTENT_TYPE, exposition

STILL_SECONDS = 60.0
"""A timer that has not begun a reading for so long stands still, or its reading hangs."""

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(registry: CollectorRegistry, desk: TargetDesk) -> Application:
    """A WSGI application."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            shown = exposition(registry.collect())
            start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(shown)))])
            return [shown]
        status, text = _health(desk) if path == "/healthz" else ("404 Not Found", "expected /metrics or /healthz")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    return answer


def _health(desk: TargetDesk) -> tuple[str, str]:
    """Alive while the timer turns: a database that is away is no reason to be restarted."""
    silence = desk.silent_for()
    if silence > STILL_SECONDS:
        return "503 Service Unavailable", f"no reading has begun for {silence:.0f} s"
    return "200 OK", "ok"
