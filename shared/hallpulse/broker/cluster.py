"""A broker of several nodes: queues with a member on each of up to three, and their leaders spread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from hallpulse.broker.connection import vhost_of
from hallpulse.broker.management import ManagementApi

MEMBERS = 3
"""Of a quorum queue, by RabbitMQ's own default: it serves while most of them do."""
_is_ours = re.compile(r"(hall\.|rpc-|evt-)").match


def spread_leaders(management_url: str) -> None:
    """Have the broker spread the leaders of its queues over its nodes. Raises Unavailable, Halt.

    After an outage of a node, the other nodes lead all queues. Nothing is lost or doubled while leaders move.
    """
    api = ManagementApi(management_url)
    if _nodes(api) > 1:
        api.ask("POST", "rebalance/queues", {})


def short_of_members(management_url: str, amqp_url: str) -> dict[str, tuple[int, int]]:
    """Return the suite's queues with too few members to survive the loss of a node: queue → (members, wanted members).

    A queue keeps the members that it was declared with: nodes that came later have none. Raises Unavailable, Halt.
    """
    api = ManagementApi(management_url)
    due = min(MEMBERS, _nodes(api))
    queues = api.read(f"queues/{quote(vhost_of(amqp_url), safe='')}") or ()
    return {name: (found, due) for name, found in _members(queues) if found < due}


def _nodes(api: ManagementApi) -> int:
    return len(api.read("nodes?columns=name") or ())


def _members(queues: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for queue in queues:
        name = str(queue.get("name", ""))
        if _is_ours(name) and queue.get("type") == "quorum":
            yield name, len(queue.get("members") or ())
