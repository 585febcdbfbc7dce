"""RabbitMQ's HTTP API, for what AMQP cannot do: users, policies, and what is in force on a queue."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.tls import secured

_TIMEOUT_SECONDS = 10


class ManagementApi:
    """management_url: http://user:password@host:port of an administrator. Raises Halt where it is no such URL."""

    def __init__(self, management_url: str) -> None:
        url, context = secured(management_url)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Halt("broker management: expected a URL http://user:password@host:port")
        port = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}/api"
        keys = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = "Basic " + base64.b64encode(keys.encode()).decode()
        past_proxies = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(past_proxies, urllib.request.HTTPSHandler(context=context))

    def ask(self, method: str, path: str, body: Any = None, *, missing_is_none: bool = False) -> bytes | None:
        """The body; None for 404 where that is allowed. Raises Unavailable (not reached), Halt (not allowed)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": self._authorization}
        request = urllib.request.Request(f"{self._base}/{path}", data, headers, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and missing_is_none:
                    return None
                raise Halt(f"broker management: it answers {error.code} to {method} {path.partition('/')[0]}") from None
        except (OSError, HTTPException) as error:
            raise Unavailable(f"broker management: {' '.join(str(error).split()) or 'it speaks no HTTP'}") from None

    def read(self, path: str) -> Any:
        """The answer to a GET, decoded; None where nothing is there."""
        answer = self.ask("GET", path, missing_is_none=True)
        return None if answer is None else json.loads(answer)
