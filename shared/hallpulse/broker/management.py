"""RabbitMQ's HTTP API, for what AMQP cannot do: users, policies, and the limits in force on a queue.

A hall's user is named REGION.HALL. It may write its routing keys to `hall.events`, and do nothing else: it may neither
configure nor read, and topic permissions restrict its routing keys to its region, hall and granted families. The broker
refuses a `user_id` that is not the user's (406), a routing key outside its permissions (403), and more connections than
a hall may have (530).

The delivery limit is how often a broker delivers a message again before it takes it off its queue; our policies keep it
from ever doing so. RabbitMQ 4 drops a message that was given back twenty times, unless the queue or a policy says -1.
Before 4 there is no limit, a policy must not say -1, and an argument of -1 means 0 (rabbit_quorum_queue,
rabbit_policies and rabbit_fifo of 3.10.8, 3.13.7 and 4.0.5). If policy, operator policy and argument differ, 4 takes
the largest if one of them is negative, else the smallest; earlier versions always take the smallest.
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
from hallpulse.nodes import each_node, in_order, missed
from hallpulse.tls import secured

_TIMEOUT_SECONDS = 10
_CUT_TRIES, _CUT_PAUSE_SECONDS = 5, 0.5


class ManagementApi:
    """RabbitMQ's management API, as an administrator; of a cluster, the first node that answers.

    management_url: http://user:password@host:port of an administrator. Raises Halt if it is no such URL.
    """

    def __init__(self, management_url: str) -> None:
        url, context = secured(management_url)
        self._nodes = {node: _base_of(node) for node in each_node(url)}
        parts = urlsplit(next(iter(self._nodes)))
        keys = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = "Basic " + base64.b64encode(keys.encode()).decode()
        self._url = url
        past_proxies = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(past_proxies, urllib.request.HTTPSHandler(context=context))

    def ask(self, method: str, path: str, body: Any = None, *, missing_is_none: bool = False) -> bytes | None:
        """Return the answer's body; None for 404 if `missing_is_none`. Raises Unavailable (down, failed) or Halt.

        If a node is down or fails, the next one is asked: every request of this class may be made twice.
        """
        *others, last = in_order(self._url)
        for node in others:
            try:
                return self._ask(node, method, path, body, missing_is_none)
            except Unavailable:
                missed(node)
        return self._ask(last, method, path, body, missing_is_none)

    def _ask(self, node: str, method: str, path: str, body: Any, missing_is_none: bool) -> bytes | None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": self._authorization}
        request = urllib.request.Request(f"{self._nodes[node]}/{path}", data, headers, method=method)
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
        """Return the decoded answer to a GET; None if nothing is there."""
        answer = self.ask("GET", path, missing_is_none=True)
        return None if answer is None else json.loads(answer)


def _base_of(node_url: str) -> str:
    """Return the address of a node's API. Raises Halt if it is not a URL."""
    parts = urlsplit(node_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Halt("broker management: expected a URL http://user:password@host:port")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}/api"


_FETCHER = "above"
MOST_CONNECTIONS, MOST_CHANNELS = 32, 256
"""The most that one hall may have open: enough for several programs, too few to leave the others none."""


class BrokerUsers:
    """The broker users of one virtual host. Every method raises Unavailable (not reached) or Halt (not allowed).

    management_url: http://user:password@host:port of an administrator.
    """

    def __init__(self, management_url: str, vhost: str = "/") -> None:
        self._api = ManagementApi(management_url)
        self._vhost = quote(vhost, safe="")
        self.fetcher = _FETCHER if vhost == "/" else f"{_FETCHER}.{vhost}"
        """The user by which the suite above fetches events or daily sums; users are known to all virtual hosts."""

    def put_publisher(self, user: str, password: str) -> None:
        """Create a user that may publish to `hall.events` and do nothing else; an existing user gets the password."""
        self._api.ask("PUT", f"users/{quote(user)}", {"password": password, "tags": ""})
        write = f"^{re.escape(EVENTS)}$"
        self._api.ask(
            "PUT", f"permissions/{self._vhost}/{quote(user)}", {"configure": "^$", "write": write, "read": "^$"}
        )

    def put_gateway(self, password: str) -> None:
        """Create the gateway's user, which publishes events and calls services; an existing one gets the password."""
        configure, write, read = GATEWAY_PERMISSIONS
        self._api.ask("PUT", f"users/{GATEWAY_USER}", {"password": password, "tags": ""})
        wanted = {"configure": configure, "write": write, "read": read}
        self._api.ask("PUT", f"permissions/{self._vhost}/{GATEWAY_USER}", wanted)

    def put(self, region: int, hall: str, families: Sequence[str]) -> str:
        """Create the hall's user, or give it a new password; return the password. families: those that it may send."""
        user, password = user_name(region, hall), secrets.token_urlsafe(24)
        self.put_publisher(user, password)
        topic = {"exchange": EVENTS, "write": routing_keys(region, hall, families), "read": "^$"}
        self._api.ask("PUT", f"topic-permissions/{self._vhost}/{quote(user)}", topic)
        for limit, most in (("max-connections", MOST_CONNECTIONS), ("max-channels", MOST_CHANNELS)):
            self._api.ask("PUT", f"user-limits/{quote(user)}/{limit}", {"value": most})
        return password

    def put_county(self, region: int) -> str:
        """Create the user of a county's own suite, or give it a new password and cut its connections.

        It may write the routing keys of that county's halls to `hall.events`, and do nothing else. Return the password.
        """
        user, password = county_user(region), secrets.token_urlsafe(24)
        self.put_publisher(user, password)
        topic = {"exchange": EVENTS, "write": county_keys(region), "read": "^$"}
        self._api.ask("PUT", f"topic-permissions/{self._vhost}/{quote(user)}", topic)
        self._cut(user)
        return password

    def remove_county(self, region: int) -> bool:
        """Remove a county's user and cut its connections; return whether it was there."""
        return self._remove(county_user(region))

    def counties(self) -> list[int]:
        """Return the counties whose suites have a user here, in order."""
        users = self._api.read("users") or []
        return sorted(county for one in users if (county := county_of(str(one.get("name", "")))) is not None)

    def put_fetcher(self, exchange: str) -> str:
        """Create the user by which the suite above fetches what an exchange gets, or give it a new password.

        RabbitMQ's federation keeps that in a queue and an exchange whose names begin with the exchange's. The user may
        neither publish to the suite nor read anything else of it. Return the password.
        """
        password = secrets.token_urlsafe(24)
        self._api.ask("PUT", f"users/{quote(self.fetcher)}", {"password": password, "tags": ""})
        own = f"federation: {re.escape(exchange)} -> .*"
        rights = {"configure": f"^{own}$", "write": f"^{own}$", "read": f"^({re.escape(exchange)}|{own})$"}
        self._api.ask("PUT", f"permissions/{self._vhost}/{quote(self.fetcher)}", rights)
        self._cut(self.fetcher)
        return password

    def has_fetcher(self) -> bool:
        """Return whether the suite above may fetch."""
        return self._api.read(f"users/{quote(self.fetcher)}") is not None

    def remove_fetcher(self) -> bool:
        """Remove the user by which the suite above fetches, and cut its connections; return whether it was there."""
        return self._remove(self.fetcher)

    def remove(self, region: int, hall: str) -> bool:
        """Remove a hall's user and cut its connections; return whether it was there."""
        return self._remove(user_name(region, hall))

    def cut(self, region: int, hall: str) -> None:
        """Close the connections of a hall's user: a connection outlives the password that opened it."""
        self._cut(user_name(region, hall))

    def _remove(self, user: str) -> bool:
        """Remove a user. Its connections are cut even if it is gone: an earlier removal may have stopped half-way."""
        was_there = self._api.ask("DELETE", f"users/{quote(user)}", missing_is_none=True) is not None
        self._cut(user)
        return was_there

    def _cut(self, user: str) -> None:
        """Close a user's connections. RabbitMQ answers 500 if one ends by itself meanwhile: then it is asked again."""
        for left in reversed(range(_CUT_TRIES)):
            try:
                self._api.ask("DELETE", f"connections/username/{quote(user)}", missing_is_none=True)
                return
            except Unavailable:
                if not left:
                    raise
                time.sleep(_CUT_PAUSE_SECONDS)


def replace_password(previous_url: str, management_url: str) -> bool:
    """Give the user that both URLs name the password in `management_url`; return whether it had another one.

    previous_url: with the password that the broker may still know. Raises Unavailable or Halt if neither URL opens, and
    Halt if they name different users.
    """
    wanted = urlsplit(management_url)
    name = unquote(wanted.username or "")
    if not name or not wanted.password or unquote(urlsplit(previous_url).username or "") != name:
        raise Halt("broker management: expected the same user in the previous and the present URL, and its password")
    try:
        ManagementApi(management_url).read("whoami")
        return False
    except Halt:
        api = ManagementApi(previous_url)
    tags = (api.read(f"users/{quote(name)}") or {}).get("tags", "")
    kept = ",".join(tags) if isinstance(tags, list) else str(tags)  # a list from RabbitMQ 3.9 on
    api.ask("PUT", f"users/{quote(name)}", {"password": unquote(wanted.password), "tags": kept})
    return True


def county_keys(region: int) -> str:
    """Return the routing keys that a county's own suite may write, as a regular expression of RabbitMQ."""
    return rf"^{region}\.[a-z0-9-]{{1,40}}\.({'|'.join(sorted(family.value for family in Family))})\z"


def routing_keys(region: int, hall: str, families: Sequence[str]) -> str:
    """Return the routing keys that a hall may write, as a regular expression of RabbitMQ; `$` would allow a newline."""
    return rf"^{region}\.{re.escape(hall)}\.({'|'.join(sorted(families))})\z"


POLICY = "hallpulse-nothing-lost"
_PARTITIONS = r"^hall\.(ingest|slow)\.[0-9]+$"
_OURS = r"^hall\.((ingest|slow)\.[0-9]+|refused|workers|stopped|upstream\.[a-z0-9-]+)$"
_BELOW_OTHERS = -10
"""The priority of our policies: an operator's own policy for these queues wins, since only one of a kind applies."""
_DEFAULT_OF_4 = 20
_KEY = "delivery-limit"


class Kept(NamedTuple):
    """How safely a queue keeps messages. limit: its delivery limit, infinite for none, None if it cannot be known;
    caught: whether messages that it takes off go to `hall.refused`."""

    limit: float | None
    caught: bool


def keep_everything(management_url: str, amqp_url: str) -> None:
    """Put our policies in force on all present and future queues; repeating it does no harm.

    Raises Unavailable, or Halt if the user may not set policies.
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
    """Return the limits in force on each partition, each slow lane and `hall.refused`. Raises Unavailable or Halt."""
    names = [*queue_names(partitions), *slow_names(), REFUSED]
    if not management_url:
        return _by_version(amqp_url, names)
    api, vhost = ManagementApi(management_url), quote(vhost_of(amqp_url), safe="")
    major = _major(api.read("overview"))
    found = {name: api.read(f"queues/{vhost}/{quote(name)}") for name in names}
    return {name: _kept(queue, major) for name, queue in found.items() if queue is not None}


def _by_version(amqp_url: str, names: Iterable[str]) -> dict[str, Kept]:
    """Return the limits as far as AMQP shows them: those that hold if there is no operator policy, which it hides."""
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
    """Return the delivery limit that follows from the values of argument and policies. major: RabbitMQ's version."""
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
