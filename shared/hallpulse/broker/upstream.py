"""Events from a county's own suite to the suite above: pushed by RabbitMQ's shovel, or fetched by its federation.

    county: hall.events ─ its halls' keys → hall.upstream.NAME ─ shovel → prefecture: hall.events
    county: hall.events ─ federation → prefecture: hall.from.REGION → hall.upstream.NAME ─ shovel → hall.events

No message is taken off one side before the next has confirmed it; an event that is sent twice counts once. In both ways
the last step logs in to the prefecture's broker as the county's user (`county_user`): the broker lets it use only the
routing keys of that county's halls, and only its own name as `user_id`. Federation removes the `user_id` that a message
had in the county, since the broker above cannot check it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pika
from pika.exceptions import UnroutableError

from hallpulse.broker.connection import open_channel, user_of, vhost_of
from hallpulse.broker.management import ManagementApi
from hallpulse.broker.topology import EVENTS, declare_kept
from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import Family, HallEvent
from hallpulse.contract.identity import county_of, county_user
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.nodes import each_node, joined

QUEUE = "hall.upstream."
SUMS = "hall.sums"
"""The exchange for daily sums, for a county whose cases must not leave it."""
FROM = "hall.from."
_POLICY = "hallpulse-from-"
_RECONNECT_SECONDS = 2
_PREFETCH = 1000
SHOVEL, FEDERATION = "shovel", "federation"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A connection to the suite above.

    kind: `shovel` from this suite to the one above, or `federation` from a county's suite to this one. address: the
    other side's, without user and password; state: the broker's word for it, `unknown` if it has none; waiting:
    messages on this side that the suite above does not have yet.
    """

    name: str
    kind: str
    region: int
    address: str
    state: str
    waiting: int


class Upstreams:
    """The connections to suites above at one suite's broker. Every method raises Unavailable or Halt.

    management_url: an administrator's; amqp_url: that of a user who may declare queues.
    """

    def __init__(self, management_url: str, amqp_url: str) -> None:
        self._api = ManagementApi(management_url)
        self._amqp_url = amqp_url
        self._vhost = quote(vhost_of(amqp_url), safe="")

    def add_shovel(self, name: str, address: str, families: Sequence[str], *, sums: bool = False) -> int:
        """Send the events of a county's halls to the suite above from now on; return the county.

        address: amqp URL of the suite above, with the county's user, which names the county, and its password;
        sums: send only daily sums (`publish_sums`) instead of the halls' events.
        """
        region = county_of(user_of(address))
        if region is None:
            raise Halt("upstream: expected the user county.REGION that `hallpulse upstream admit` made")
        if sums:
            self.declare_sums()
        self._queue(name, SUMS if sums else EVENTS, region, [Family.TALLY] if sums else families)
        self._put_shovel(name, address)
        return region

    def add_federation(
        self, name: str, region: int, address: str, password: str, families: Sequence[str], *, sums: bool = False
    ) -> None:
        """Fetch the events of a county's halls from its own suite from now on.

        address: amqp URL of the county's broker; password: that of the county's user at this broker; sums: fetch only
        the daily sums that the county makes (`publish_sums`).
        """
        exchange = f"{FROM}{region}"
        with open_channel(self._amqp_url) as channel:
            channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        self._queue(name, exchange, region, [Family.TALLY] if sums else families)
        value = {
            "uri": each_node(address),
            "exchange": SUMS if sums else EVENTS,
            "ack-mode": "on-confirm",
            "trust-user-id": False,
            "reconnect-delay": _RECONNECT_SECONDS,
            "prefetch-count": _PREFETCH,
        }
        self._api.ask("PUT", self._parameter("federation-upstream", name), {"value": value})
        definition = {"federation-upstream": name}
        policy = {"pattern": rf"^hall\.from\.{region}$", "apply-to": "exchanges", "definition": definition}
        self._api.ask("PUT", f"policies/{self._vhost}/{_POLICY}{name}", policy)
        self._put_shovel(name, with_user(self._amqp_url, county_user(region), password))

    def declare_sums(self) -> None:
        """Make the exchange for daily sums, from which a shovel sends them or the suite above fetches them."""
        with open_channel(self._amqp_url) as channel:
            channel.exchange_declare(SUMS, exchange_type="topic", durable=True)

    def ensure_fetched(self, *exchanges: str) -> None:
        """Raise Halt if messages of these exchanges wait for the suite above, which fetches by federation."""
        with open_channel(self._amqp_url) as channel:  # the broker's HTTP API knows the numbers of some seconds ago
            queues = [channel.queue_declare(name, passive=True) for name in self._fetched("queues", exchanges)]
        if waiting := sum(int(one.method.message_count) for one in queues):
            raise Halt(f"upstream: {waiting} messages wait for the suite above: --discard drops them")

    def end_fetched(self, *exchanges: str) -> None:
        """Remove the queues of these exchanges for the suite above: they would be filled without end."""
        for kind in ("queues", "exchanges"):
            for name in self._fetched(kind, exchanges):
                self._api.ask("DELETE", f"{kind}/{self._vhost}/{quote(name, safe='')}", missing_is_none=True)

    def _fetched(self, kind: str, exchanges: Sequence[str]) -> list[str]:
        """Return the queues, or exchanges, that federation keeps of some exchanges."""
        begins = tuple(f"federation: {exchange} -> " for exchange in exchanges)
        return [name for one in self._read(kind) if (name := str(one["name"])).startswith(begins)]

    def _queue(self, name: str, exchange: str, region: int, families: Sequence[str]) -> None:
        with open_channel(self._amqp_url) as channel:
            queue, wanted = f"{QUEUE}{name}", {(exchange, key) for key in keys_of(region, families)}
            declare_kept(channel, queue)
            for source, key in sorted(wanted):
                channel.queue_bind(queue, source, routing_key=key)
            for source, key in self._bound(queue) - wanted:
                channel.queue_unbind(queue, source, routing_key=key)

    def _bound(self, queue: str) -> set[tuple[str, str]]:
        """Return exchange and key of a queue's bindings; a way that was changed has some that must send no more."""
        found = self._api.read(f"queues/{self._vhost}/{quote(queue)}/bindings") or []
        return {(one["source"], one["routing_key"]) for one in found if one["source"]}

    def _put_shovel(self, name: str, address: str) -> None:
        value = {
            "src-protocol": "amqp091",
            "src-uri": f"amqp:///{self._vhost}",
            "src-queue": f"{QUEUE}{name}",
            "src-prefetch-count": _PREFETCH,
            "dest-protocol": "amqp091",
            "dest-uri": each_node(address),
            "dest-exchange": EVENTS,
            # At the suite above, the publisher is the county's suite.
            "dest-publish-properties": {"user_id": user_of(address), "app_id": "hallpulse upstream"},
            "ack-mode": "on-confirm",
            "reconnect-delay": _RECONNECT_SECONDS,
        }
        self._api.ask("PUT", self._parameter(SHOVEL, name), {"value": value})

    def list(self) -> list[Upstream]:
        """Return the connections in order of their names."""
        states = {one.get("name"): str(one.get("state", "unknown")) for one in self._read("shovels")}
        fetched = {str(one["name"]): one["value"] for one in self._read("parameters/federation-upstream")}
        links = {one.get("upstream"): str(one.get("status", "unknown")) for one in self._read("federation-links")}
        return [self._upstream(*one, states, fetched, links) for one in sorted(self._shovels())]

    def _shovels(self) -> Iterator[tuple[str, int, str]]:
        """Yield name, county and address of the shovels that lead up."""
        for one in self._read("parameters/shovel"):
            name, value = str(one["name"]), one["value"]
            region = county_of(str(value.get("dest-publish-properties", {}).get("user_id", "")))
            if value.get("src-queue") == f"{QUEUE}{name}" and region is not None:
                yield name, region, _as_one(value.get("dest-uri", ""))

    def _upstream(  # noqa: PLR0917 - what the broker tells in several answers
        self,
        name: str,
        region: int,
        address: str,
        states: dict[Any, str],
        fetched: dict[str, dict[str, Any]],
        links: dict[Any, str],
    ) -> Upstream:
        queue = self._api.read(f"queues/{self._vhost}/{quote(QUEUE + name)}") or {}
        waiting, state = int(queue.get("messages", 0)), states.get(name, "unknown")
        if name not in fetched:
            return Upstream(name, SHOVEL, region, shown(address), state, waiting)
        state = links.get(name, "unknown") if state == "running" else state
        return Upstream(name, FEDERATION, region, shown(_as_one(fetched[name].get("uri", ""))), state, waiting)

    def remove(self, name: str, *, discard: bool = False) -> Upstream | None:
        """Remove a connection and return it; None if there is none of that name. Raises Halt if messages wait on it.

        discard: remove it even then. The waiting messages are lost here; the store of the county's suite has them.
        """
        found = next((one for one in self.list() if one.name == name), None)
        if found is None:
            return None
        if found.waiting and not discard:
            raise Halt(f"upstream {name}: {found.waiting} messages wait for the suite above: --discard drops them")
        gone = [self._parameter(SHOVEL, name), f"queues/{self._vhost}/{quote(QUEUE + name)}"]
        if found.kind == FEDERATION:
            gone += [f"policies/{self._vhost}/{_POLICY}{quote(name)}", self._parameter("federation-upstream", name)]
            gone += [f"exchanges/{self._vhost}/{FROM}{found.region}"]
        for path in gone:
            self._api.ask("DELETE", path, missing_is_none=True)
        return found

    def _read(self, path: str) -> Sequence[dict[str, Any]]:
        return self._api.read(f"{path}/{self._vhost}") or []

    def _parameter(self, component: str, name: str) -> str:
        return f"parameters/{component}/{self._vhost}/{quote(name)}"


def publish_sums(amqp_url: str, events: Sequence[HallEvent]) -> None:
    """Publish daily sums for the suite above; return once the broker has them all.

    Raises Unavailable if none takes them.
    """
    user = user_of(amqp_url)
    properties = pika.BasicProperties(EVENT_TYPE, delivery_mode=2, user_id=user)
    with open_channel(amqp_url) as channel:
        channel.confirm_delivery()
        try:
            for event in events:
                key = f"{event.region}.{event.hall}.{event.type.family}"
                channel.basic_publish(SUMS, key, encode_event(event), properties, mandatory=True)
        except UnroutableError:
            raise Unavailable("upstream: nothing takes daily sums: see `hallpulse upstream add --sums`") from None


def keys_of(region: int, families: Sequence[str] = tuple(Family)) -> list[str]:
    """Return the binding keys for events of a county's halls."""
    return [f"{region}.*.{family}" for family in families]


def with_user(address: str, user: str, password: str) -> str:
    """Return an address with another user and password."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def shown(address: str) -> str:
    """Return an address that may be shown: without user, password and options."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _as_one(uri: str | list[str]) -> str:
    """RabbitMQ tries each of several addresses; before, the one was text."""
    return joined(uri) if isinstance(uri, list) else uri


def check_reached(address: str) -> None:
    """Raise Halt if a broker denies access, Unavailable if it cannot be reached."""
    with open_channel(address):
        return
