"""A prefecture and two counties as suites that can be joined by shovel or federation, cut apart and joined again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import pika
from click.testing import CliRunner

from hallpulse.broker import EVENTS, declare, open_channel
from hallpulse.contract.decode import EVENT_TYPE
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.workdays import Calendar
from hallpulse.plans import load_plans
from hallpulse.store import Store, migrate, open_store
from services.console.main import cli
from tests import ingest_process
from tests.asked import ASKED
from tests.chaos.proxy import Proxy
from tests.gateway_ground import PLANS
from tests.servers import BrokerServer, PostgresServer, Vhost

COUNTIES = (222424, 222401)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
SECONDS = 90


@dataclass(frozen=True)
class Side:
    """One suite: its own virtual host and database."""

    broker: BrokerServer
    vhost: Vhost
    store: Store
    environment: Mapping[str, str]

    @property
    def ingest(self) -> dict[str, str]:
        """The settings of its ingest."""
        return ingest_process.settings(self.vhost.amqp_url, self.environment["HALLPULSE_DATABASE_URL"])

    def run(self, *arguments: str, **more: str) -> str:
        """What a command of the suite says; one that fails fails the test."""
        done = CliRunner().invoke(cli, ["upstream", *arguments], env={**self.environment, **more})
        assert done.exit_code == 0, done.output
        return done.stdout

    def refuses(self, *arguments: str) -> str:
        done = CliRunner().invoke(cli, ["upstream", *arguments], env=dict(self.environment))
        assert done.exit_code == 1, done.output
        assert "Traceback" not in done.output
        return done.output

    def listed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("list", "--json"))
        return found

    def sends(self, way: str) -> bool:
        """Whether `upstream send` found a way for the sums: a link to an exchange takes some seconds to be there."""
        done = CliRunner().invoke(cli, ["upstream", "send", way], env=dict(self.environment))
        return done.exit_code == 0

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """As this suite's gateway, one message an event."""
        with open_channel(self.vhost.amqp_url) as channel:
            channel.confirm_delivery()
            for event in events:
                region, hall = event["source"].strip("/").split("/")
                family = event["type"].split(".")[1]
                properties = pika.BasicProperties(EVENT_TYPE, delivery_mode=2, user_id=self.vhost.user)
                channel.basic_publish(EVENTS, f"{region}.{hall}.{family}", json.dumps(event).encode(), properties)

    def stored(self) -> int:
        with self.store.read() as moment:
            return sum(sum(moment.event_counts(region).values()) for region in COUNTIES)


@contextmanager
def side(broker: BrokerServer, url: str) -> Iterator[Side]:
    migrate(url)
    store = open_store(url, plans=[ASKED, *load_plans(PLANS)])
    with broker.fresh_vhost() as vhost:
        with open_channel(vhost.amqp_url) as channel:
            declare(channel, 2)
        environment = {
            "HALLPULSE_AMQP_URL": vhost.amqp_url,
            "HALLPULSE_DATABASE_URL": url,
            "HALLPULSE_MANAGEMENT_URL": vhost.management_url,
        }
        yield Side(broker, vhost, store, environment)
    store.close()


@dataclass(frozen=True)
class Joined:
    prefecture: Side
    counties: Mapping[int, Side]
    shared: Store
    cut: int
    up: Proxy
    """To the prefecture's broker, for the county `cut`; `down` to that county's, for the prefecture."""
    down: Proxy

    def part(self) -> None:
        """Cut the county off."""
        self.up.refuse()
        self.down.refuse()

    def heal(self) -> None:
        self.up.heal()
        self.down.heal()

    def join(self, by: str, *how: str) -> None:
        """Join both counties by `shovel` or `federation`, and wait until they are. how: `--sums` or nothing."""
        (self._by_shovel if by == "shovel" else self._by_federation)(*how)
        sides = [(self.prefecture, 2)] if by == "federation" else [(county, 1) for county in self.counties.values()]
        until(lambda: all(is_joined(*one) for one in sides))

    def _by_shovel(self, *how: str) -> None:
        for region, county in self.counties.items():
            address = as_county(self, region)
            if region == self.cut:
                address = through(address, self.up.port)
            county.run("add", "prefecture", *how, HALLPULSE_UPSTREAM_URL=address)

    def _by_federation(self, *how: str) -> None:
        for region, county in self.counties.items():
            address = with_keys(county.run("offer", "--json", *how))
            if region == self.cut:
                address = through(address, self.down.port)
            self.prefecture.run("add", f"from-{region}", address, "--fetch", str(region), *how)


@contextmanager
def suites(
    brokers: Sequence[BrokerServer], postgres: PostgresServer, calendars: Sequence[Calendar], cut: int = 222401
) -> Iterator[Joined]:
    """A prefecture with its ingest, two counties, and the one suite that they are compared with; not joined yet.

    brokers: the prefecture's and each county's, which may be the same.
    """
    with ExitStack() as stack:
        urls = [stack.enter_context(postgres.fresh_database()) for _ in range(4)]
        prefecture, *made = (stack.enter_context(side(*one)) for one in zip(brokers, urls[:3], strict=True))
        counties = dict(zip(COUNTIES, made, strict=True))
        migrate(urls[3])
        shared = open_store(urls[3], plans=[ASKED, *load_plans(PLANS)])
        stack.callback(shared.close)
        for store in (prefecture.store, shared, *(county.store for county in made)):
            store.apply_calendars(calendars)
        stack.enter_context(ingest_process.running(prefecture.ingest))
        up, down = (Proxy("county", one.broker.server.ports.amqp) for one in (prefecture, counties[cut]))
        stack.callback(up.close)
        stack.callback(down.close)
        yield Joined(prefecture, counties, shared, cut, up, down)


def through(address: str, port: int) -> str:
    """The address by way of another port."""
    head, _, tail = address.rpartition(":")
    return f"{head}:{port}/{tail.partition('/')[2]}"


def with_keys(text: str) -> str:
    """The address with user and password that `admit` or `offer` printed."""
    keys = json.loads(text)
    host = keys["amqp"].partition("://")[2]
    return f"amqp://{keys['amqp_user']}:{quote(keys['amqp_password'])}@{host}"


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < ends, "it did not come to pass in time"
        time.sleep(0.2)


def is_joined(side: Side, ways: int) -> bool:
    found = side.listed()["upstreams"]
    return len(found) == ways and all(one["state"] == "running" for one in found)


def figures(store: Store, region: int) -> Any:
    with store.read() as moment:
        table = moment.figure_table(region, YEAR)
        return table.own, table.departments, moment.percentiles(Scope(region), YEAR), moment.event_counts(region)


def as_county(joined: Joined, region: int) -> str:
    return with_keys(joined.prefecture.run("admit", str(region), "--json"))


TALLIED = ("unified_acceptance_rate", "full_process_acceptance_rate", "acceptance_rate", "instant_case_share")


def tallied(store: Store, region: int, *windows: Window) -> Any:
    """The figures that daily sums make, of a county and each of its halls, over these windows and the year."""
    with store.read() as moment:
        scopes = [Scope(region), *(Scope(region, hall=f"hall-{number}") for number in (1, 2, 3, 4) if region % 100)]
        return [
            [moment.figures(scope, window)[name] for name in TALLIED] for scope in scopes for window in (YEAR, *windows)
        ]
