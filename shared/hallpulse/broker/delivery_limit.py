"""How often a broker gives a message out again before it takes it off its queue, and policies so that it never does.

RabbitMQ 4 drops what was given back twenty times unless the queue, or a policy, says -1; before 4 there is no limit, a
policy must not say -1 and an argument of -1 means 0 (rabbit_quorum_queue, rabbit_policies and rabbit_fifo of 3.10.8,
3.13.7 and 4.0.5). Where policy, operator's policy and argument differ, 4 takes the largest if one of them is
negative, else the smallest, as the earlier ones always do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from .connection import open_channel, vhost_of
from .management import ManagementApi
from .topology import REFUSED, TO_REFUSED, UNLIMITED, declared_as_ours, major_version, queue_names, slow_names

POLICY = "hallpulse-nothing-lost"
_PARTITIONS = r"^hall\.(ingest|slow)\.[0-9]+$"
_OURS = r"^hall\.((ingest|slow)\.[0-9]+|refused|workers|stopped)$"
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
    net = {"pattern": _PARTITIONS, "definition": TO_REFUSED, **common}
    api.ask("PUT", f"policies/{vhost}/{POLICY}", net)
    if _major(api.read("overview")) >= 4:
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
