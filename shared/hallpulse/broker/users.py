"""Broker users of halls, by RabbitMQ's HTTP API: each may write its own routing keys to `hall.events` and nothing else.

A user is named REGION.HALL. It may not configure and not read; topic permissions narrow what it writes to its own
region, hall and granted families. The broker refuses a `user_id` that is not the user's own (406) and a routing key
outside its permissions (403), and more connections than a hall may have (530).
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from hallpulse.contract.speaker import user_name
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.tls import secured

from .topology import EVENTS

MOST_CONNECTIONS, MOST_CHANNELS = 32, 256
"""Of one hall at once: enough for several programs, too few to leave the others none."""
_TIMEOUT_SECONDS = 10


class BrokerUsers:
    """The users of one virtual host. Every method raises Unavailable (not reached) or Halt (we may not).

    management_url: http://user:password@host:port of an administrator.
    """

    def __init__(self, management_url: str, vhost: str = "/") -> None:
        url, context = secured(management_url)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Halt("broker management: expected a URL http://user:password@host:port")
        port = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}/api"
        keys = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = "Basic " + base64.b64encode(keys.encode()).decode()
        self._vhost = quote(vhost, safe="")
        past_proxies = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(past_proxies, urllib.request.HTTPSHandler(context=context))

    def put_publisher(self, user: str, password: str) -> None:
        """Create a user, or give it another password, that may publish to `hall.events` and do nothing else."""
        self._ask("PUT", f"users/{quote(user)}", {"password": password, "tags": ""})
        write = f"^{re.escape(EVENTS)}$"
        self._ask("PUT", f"permissions/{self._vhost}/{quote(user)}", {"configure": "^$", "write": write, "read": "^$"})

    def put(self, region: int, hall: str, families: Sequence[str]) -> str:
        """Create the hall's user, or give it a new password; its permissions are what `families` says. The password."""
        user, password = user_name(region, hall), secrets.token_urlsafe(24)
        self.put_publisher(user, password)
        topic = {"exchange": EVENTS, "write": routing_keys(region, hall, families), "read": "^$"}
        self._ask("PUT", f"topic-permissions/{self._vhost}/{quote(user)}", topic)
        for limit, most in (("max-connections", MOST_CONNECTIONS), ("max-channels", MOST_CHANNELS)):
            self._ask("PUT", f"user-limits/{quote(user)}/{limit}", {"value": most})
        return password

    def remove(self, region: int, hall: str) -> bool:
        """Take the user away and cut its connections; whether it was there."""
        user = user_name(region, hall)
        if self._ask("DELETE", f"users/{quote(user)}", missing_is_none=True) is None:
            return False
        self.cut(region, hall)
        return True

    def cut(self, region: int, hall: str) -> None:
        """Close the user's connections: a connection outlives the password that opened it."""
        self._ask("DELETE", f"connections/username/{quote(user_name(region, hall))}", missing_is_none=True)

    def _ask(self, method: str, path: str, body: Any = None, *, missing_is_none: bool = False) -> bytes | None:
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


def routing_keys(region: int, hall: str, families: Sequence[str]) -> str:
    """The routing keys that a hall may write, as RabbitMQ's regular expression (where $ would let a newline follow)."""
    return rf"^{region}\.{re.escape(hall)}\.({'|'.join(sorted(families))})\z"
