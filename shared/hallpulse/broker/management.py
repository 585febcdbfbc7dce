"""RabbitMQ's HTTP API, for what AMQP cannot do: users, policies, and the limits in force on a queue.

A hall's user is named REGION.HALL and may write its routing keys to `hall.events`, and nothing else. It may not
configure and not read; topic permissions narrow what it writes to its region, hall and granted families. The broker
refuses a `user_id` that is not the user's (406), a routing key outside its permissions (403), and more connections than
a hall may have (530).

A delivery limit is how often a broker gives a message out again before it takes it off its queue; policies keep it from
ever doing so. RabbitMQ 4 drops what was given back twenty times unless the queue, or a policy, says -1; before 4 there
is no limit, a policy must not say -1 and an argument of -1 means 0 (rabbit_quorum_queue, rabbit_policies and
rabbit_fifo of 3.10.8, 3.13.7 and 4.0.5). Where policy, operator's policy and argument differ, 4 takes the largest if
one of them is negative, else the smallest, as the earlier ones always do.
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from hallpulse.broker.connection import open_channel, vhost_of
from hallpulse.broker.topology import (
    EVENTS,
    GATEWAY_PERMISSIONS,
    GATEWAY_USER,
    REFUSED,
    UNLIMITED,
    declared_as_ours,
    major_version,
    queue_names,
    slow_names,
    to_refused,
)
from hallpulse.contract.events import Family
from hallpulse.contract.identity import county_of, county_user, user_name
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.tls import secured

_TIMEOUT_SECONDS = 10
_CUT_TRIES, _CUT_PAUSE_SECONDS = 5, 0.5


class ManagementApi:
    """RabbitMQ's management API, as an administrator.

    management_url: http://user:password@host:port of an administrator. Raises Halt where it is no such URL.
    """

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
        """The body; None for 404 where that is allowed. Raises Unavailable (down, failed), Halt (not allowed)."""
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
                kind = Unavailable if error.code >= 500 else Halt
                raise kind(f"broker management: it answers {error.code} to {method} {path.partition('/')[0]}") from None
        except (OSError, HTTPException) as error:
            raise Unavailable(f"broker management: {' '.join(str(error).split()) or 'it speaks no HTTP'}") from None

    def read(self, path: str) -> Any:
        """The answer to a GET, decoded; None where nothing is there."""
        answer = self.ask("GET", path, missing_is_none=True)
        return None if answer is None else json.loads(answer)


MOST_CONNECTIONS, MOST_CHANNELS = 32, 256
"""Of one hall at once: enough for several programs, too few to leave the others none."""


class BrokerUsers:
    """The users of one virtual host. Every method raises Unavailable (not reached) or Halt (we may not).

    management_url: http://user:password@host:port of an administrator.
    """

    def __init__(self, management_url: str, vhost: str = "/") -> None:
        self._api = ManagementApi(management_url)
        self._vhost = quote(vhost, safe="")

    def put_publisher(self, user: str, password: str) -> None:
        """Create a user, or give it another password, that may publish to `hall.events` and do nothing else."""
        self._api.ask("PUT", f"users/{quote(user)}", {"password": password, "tags": ""})
        write = f"^{re.escape(EVENTS)}$"
        self._api.ask(
            "PUT", f"permissions/{self._vhost}/{quote(user)}", {"configure": "^$", "write": write, "read": "^$"}
        )

    def put_gateway(self, password: str) -> None:
        """Create the gateway's user, or give it another password: it publishes events and calls services."""
        configure, write, read = GATEWAY_PERMISSIONS
        self._api.ask("PUT", f"users/{GATEWAY_USER}", {"password": password, "tags": ""})
        wanted = {"configure": configure, "write": write, "read": read}
        self._api.ask("PUT", f"permissions/{self._vhost}/{GATEWAY_USER}", wanted)

    def put(self, region: int, hall: str, families: Sequence[str]) -> str:
        """Create the hall's user, or give it a new password; its permissions are what `families` says. The password."""
        user, password = user_name(region, hall), secrets.token_urlsafe(24)
        self.put_publisher(user, password)
        topic = {"exchange": EVENTS, "write": routing_keys(region, hall, families), "read": "^$"}
        self._api.ask("PUT", f"topic-permissions/{self._vhost}/{quote(user)}", topic)
        for limit, most in (("max-connections", MOST_CONNECTIONS), ("max-channels", MOST_CHANNELS)):
            self._api.ask("PUT", f"user-limits/{quote(user)}/{limit}", {"value": most})
        return password

    def put_county(self, region: int) -> str:
        """Create the user of a county's own suite, or give it a new password, and cut what it has open. The password.

        It may write the routing keys of that county's halls to `hall.events`, and do nothing else.
        """
        user, password = county_user(region), secrets.token_urlsafe(24)
        self.put_publisher(user, password)
        topic = {"exchange": EVENTS, "write": county_keys(region), "read": "^$"}
        self._api.ask("PUT", f"topic-permissions/{self._vhost}/{quote(user)}", topic)
        self._cut(user)
        return password

    def remove_county(self, region: int) -> bool:
        """Take a county's user away and cut its connections; whether it was there."""
        return self._remove(county_user(region))

    def counties(self) -> list[int]:
        """The counties whose suites have a user here, in order."""
        users = self._api.read("users") or []
        return sorted(county for one in users if (county := county_of(str(one.get("name", "")))) is not None)

    def remove(self, region: int, hall: str) -> bool:
        """Take the user away and cut its connections; whether it was there."""
        return self._remove(user_name(region, hall))

    def cut(self, region: int, hall: str) -> None:
        """Close the user's connections: a connection outlives the password that opened it."""
        self._cut(user_name(region, hall))

    def _remove(self, user: str) -> bool:
        """Cut even for a user that is gone: an earlier removal may have ended between the two."""
        was_there = self._api.ask("DELETE", f"users/{quote(user)}", missing_is_none=True) is not None
        self._cut(user)
        return was_there

    def _cut(self, user: str) -> None:
        """RabbitMQ answers 500 where a connection ends by itself while it is being closed: it is asked again."""
        for left in reversed(range(_CUT_TRIES)):
            try:
                self._api.ask("DELETE", f"connections/username/{quote(user)}", missing_is_none=True)
                return
            except Unavailable:
                if not left:
                    raise
                time.sleep(_CUT_PAUSE_SECONDS)


def county_keys(region: int) -> str:
    """The routing keys that a county's own suite may write, as RabbitMQ's regular expression."""
    return rf"^{region}\.[a-z0-9-]{{1,40}}\.({'|'.join(sorted(family.value for family in Family))})\z"


def routing_keys(region: int, hall: str, families: Sequence[str]) -> str:
    """The routing keys that a hall may write, as RabbitMQ's regular expression (where $ would let a newline follow)."""
    return rf"^{region}\.{re.escape(hall)}\.({'|'.join(sorted(families))})\z"


POLICY = "hallpulse-nothing-lost"
_PARTITIONS = r"^hall\.(ingest|slow)\.[0-9]+$"
_OURS = r"^hall\.((ingest|slow)\.[0-9]+|refused|workers|stopped|upstream\.[a-z0-9-]+)$"
_BELOW_OTHERS = -10
"""An operator's own policy for these queues stays in force: only one of each kind is."""
_DEFAULT_OF_4 = 20
_KEY = "delivery-limit"


class Kept(NamedTuple):
    """Of one queue. limit: how often it gives a message out again, infinite or None where that cannot be known;
    caught: whether what it then takes off goes to `hall.refused`."""

    limit: float | None
    caught: bool


def keep_everything(management_url: str, amqp_url: str) -> None:
    """Put the policies in force on the queues that are there and that come; again as often as one likes.

    Raises Unavailable, Halt where the user may not.
    """
    api, vhost = ManagementApi(management_url), quote(vhost_of(amqp_url), safe="")
    common = {"priority": _BELOW_OTHERS, "apply-to": "queues"}
    major = _major(api.read("overview"))
    net = {"pattern": _PARTITIONS, "definition": to_refused(major), **common}
    api.ask("PUT", f"policies/{vhost}/{POLICY}", net)
    if major >= 4:
        unlimited = {"pattern": _OURS, "definition": {_KEY: UNLIMITED}, **common}
        api.ask("PUT", f"operator-policies/{vhost}/{POLICY}", unlimited)


def limits_in_force(amqp_url: str, management_url: str, partitions: int) -> dict[str, Kept]:
    """Of each partition, each slow lane and of `hall.refused`. Raises Unavailable, Halt."""
    names = [*queue_names(partitions), *slow_names(), REFUSED]
    if not management_url:
        return _by_version(amqp_url, names)
    api, vhost = ManagementApi(management_url), quote(vhost_of(amqp_url), safe="")
    major = _major(api.read("overview"))
    found = {name: api.read(f"queues/{vhost}/{quote(name)}") for name in names}
    return {name: _kept(queue, major) for name, queue in found.items() if queue is not None}


def _by_version(amqp_url: str, names: Iterable[str]) -> dict[str, Kept]:
    """By AMQP alone an operator's policy cannot be seen: this is what holds without one."""
    with open_channel(amqp_url) as channel:
        old = 0 < major_version(channel) < 4
        ours = {name: declared_as_ours(channel, name) for name in names}
    return {name: Kept(math.inf if old or ours[name] else None, caught=ours[name]) for name in names}


def _kept(queue: Mapping[str, Any], major: int) -> Kept:
    arguments, policy = queue.get("arguments") or {}, queue.get("effective_policy_definition") or {}
    said = [value for value in (arguments.get(f"x-{_KEY}"), policy.get(_KEY)) if isinstance(value, int)]
    target = arguments.get("x-dead-letter-routing-key", policy.get("dead-letter-routing-key"))
    return Kept(limit_of(said, major), caught=target == REFUSED)


def limit_of(said: Iterable[int], major: int) -> float:
    """The limit that follows from all that argument and policy say, by RabbitMQ's major version."""
    values = list(said)
    if not values:
        return _DEFAULT_OF_4 if major >= 4 else math.inf
    if major < 4:
        return max(min(values), 0)
    limit = max(values) if min(values) < 0 else min(values)
    return math.inf if limit < 0 else limit


def _major(overview: Mapping[str, Any]) -> int:
    number = str(overview.get("rabbitmq_version", "")).partition(".")[0]
    return int(number) if number.isdecimal() else 0
