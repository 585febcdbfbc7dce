"""A county's own suite and the one above it: its events go up by RabbitMQ's shovel, or are fetched by its federation.

    county: hall.events ─ its halls' keys → hall.upstream.NAME ─ shovel → prefecture: hall.events
    county: hall.events ─ federation → prefecture: hall.from.REGION → hall.upstream.NAME ─ shovel → hall.events

Nothing is taken off one side before the next has confirmed it; what is sent twice counts once. Either way the last step
logs in to the prefecture's broker as the county's user (`county_user`): the broker holds it to routing keys of that
county's halls, and each message to its name. Federation clears who published a message in the county: above, that
cannot be checked.
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

QUEUE = "hall.upstream."
SUMS = "hall.sums"
"""The exchange of the daily sums of a county whose cases must not leave it."""
FROM = "hall.from."
_POLICY = "hallpulse-from-"
_RECONNECT_SECONDS = 2
_PREFETCH = 1000
SHOVEL, FEDERATION = "shovel", "federation"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A way up. kind: `shovel` of this suite to one above, or `federation` from a county's suite to this one.

    address: of the other side, without user and password; state: as the broker says it, `unknown` where it does not;
    waiting: messages on this side that the suite above does not have yet.
    """

    name: str
    kind: str
    region: int
    address: str
    state: str
    waiting: int


class Upstreams:
    """The ways up of one suite's broker. Every method raises Unavailable or Halt.

    management_url: of an administrator; amqp_url: of a user that may declare.
    """

    def __init__(self, management_url: str, amqp_url: str) -> None:
        self._api = ManagementApi(management_url)
        self._amqp_url = amqp_url
        self._vhost = quote(vhost_of(amqp_url), safe="")

    def add_shovel(self, name: str, address: str, families: Sequence[str], *, sums: bool = False) -> int:
        """Send the events of a county's halls to the suite above from now on; the county, which its user there names.

        address: amqp URL of the suite above, with the county's user and password; sums: instead of what halls publish
        only daily sums (`publish_sums`).
        """
        region = county_of(user_of(address))
        if region is None:
            raise Halt("upstream: expected the user county.REGION that `hallpulse upstream admit` made")
        if sums:
            with open_channel(self._amqp_url) as channel:
                channel.exchange_declare(SUMS, exchange_type="topic", durable=True)
        self._queue(name, SUMS if sums else EVENTS, region, [Family.TALLY] if sums else families)
        self._put_shovel(name, address)
        return region

    def add_federation(self, name: str, region: int, address: str, password: str, families: Sequence[str]) -> None:
        """Fetch the events of a county's halls from its own suite from now on.

        address: amqp URL of that suite's broker; password: of the county's user here.
        """
        exchange = f"{FROM}{region}"
        with open_channel(self._amqp_url) as channel:
            channel.exchange_declare(exchange, exchange_type="topic", durable=True)
        self._queue(name, exchange, region, families)
        value = {
            "uri": address,
            "exchange": EVENTS,
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

    def _queue(self, name: str, exchange: str, region: int, families: Sequence[str]) -> None:
        with open_channel(self._amqp_url) as channel:
            declare_kept(channel, f"{QUEUE}{name}")
            for key in keys_of(region, families):
                channel.queue_bind(f"{QUEUE}{name}", exchange, routing_key=key)

    def _put_shovel(self, name: str, address: str) -> None:
        value = {
            "src-protocol": "amqp091",
            "src-uri": f"amqp:///{self._vhost}",
            "src-queue": f"{QUEUE}{name}",
            "src-prefetch-count": _PREFETCH,
            "dest-protocol": "amqp091",
            "dest-uri": address,
            "dest-exchange": EVENTS,
            # The publisher there is the county's suite.
            "dest-publish-properties": {"user_id": user_of(address), "app_id": "hallpulse upstream"},
            "ack-mode": "on-confirm",
            "reconnect-delay": _RECONNECT_SECONDS,
        }
        self._api.ask("PUT", self._parameter(SHOVEL, name), {"value": value})

    def list(self) -> list[Upstream]:
        """The ways up by name."""
        states = {one.get("name"): str(one.get("state", "unknown")) for one in self._read("shovels")}
        fetched = {str(one["name"]): one["value"] for one in self._read("parameters/federation-upstream")}
        links = {one.get("upstream"): str(one.get("status", "unknown")) for one in self._read("federation-links")}
        return [self._upstream(*one, states, fetched, links) for one in sorted(self._shovels())]

    def _shovels(self) -> Iterator[tuple[str, int, str]]:
        """Name, county and address of those that lead up."""
        for one in self._read("parameters/shovel"):
            name, value = str(one["name"]), one["value"]
            region = county_of(str(value.get("dest-publish-properties", {}).get("user_id", "")))
            if value.get("src-queue") == f"{QUEUE}{name}" and region is not None:
                yield name, region, str(value.get("dest-uri", ""))

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
        return Upstream(name, FEDERATION, region, shown(str(fetched[name].get("uri", ""))), state, waiting)

    def remove(self, name: str, *, discard: bool = False) -> Upstream | None:
        """Take a way up away; None where there is none of that name. Raises Halt where events wait on it.

        discard: then too, and they are gone from this queue; the store of the county's suite has them.
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
    """Put daily sums on the way up; returns once the broker has them all. Raises Unavailable where no way is there."""
    user = user_of(amqp_url)
    properties = pika.BasicProperties(EVENT_TYPE, delivery_mode=2, user_id=user)
    with open_channel(amqp_url) as channel:
        channel.confirm_delivery()
        try:
            for event in events:
                key = f"{event.region}.{event.hall}.{event.type.family}"
                channel.basic_publish(SUMS, key, encode_event(event), properties, mandatory=True)
        except UnroutableError:
            raise Unavailable("upstream: no way up takes daily sums: see `hallpulse upstream add --sums`") from None


def keys_of(region: int, families: Sequence[str] = tuple(Family)) -> list[str]:
    """The binding keys of a county's events."""
    return [f"{region}.*.{family}" for family in families]


def with_user(address: str, user: str, password: str) -> str:
    """An address with another user and password."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def shown(address: str) -> str:
    """An address as it may be shown: without user, password and options."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def check_reached(address: str) -> None:
    """Raise Halt where a broker does not let us in, Unavailable where it cannot be reached."""
    with open_channel(address):
        return
