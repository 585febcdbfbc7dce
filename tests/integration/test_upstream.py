"""Two counties and a prefecture, a suite each, joined by shovel or federation: as one suite, also after a cut."""

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
import pytest
from click.testing import CliRunner
from pika.exceptions import AMQPError, ChannelClosedByBroker

from hallpulse.broker import EVENTS, REFUSED, declare, open_channel
from hallpulse.broker.rejections import REASON
from hallpulse.broker.upstream import QUEUE
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.domain.figures import Scope, Window
from hallpulse.plans import load_plans
from hallpulse.store import Store, migrate, open_store
from services.console.main import cli
from tests import ingest_process
from tests.asked import ASKED
from tests.chaos.proxy import Proxy
from tests.gateway_ground import PLANS
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream
from tests.servers import BrokerServer, PostgresServer, Vhost

COUNTIES = (222424, 222401)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
SECONDS = 90


@dataclass(frozen=True)
class Side:
    """One suite: its own virtual host and database."""

    vhost: Vhost
    store: Store
    environment: Mapping[str, str]

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
        yield Side(vhost, store, environment)
    store.close()


@dataclass(frozen=True)
class Joined:
    prefecture: Side
    counties: Mapping[int, Side]
    shared: Store
    cable: Proxy
    """Between the county 222401 and the prefecture."""


@pytest.fixture
def joined(broker: BrokerServer, postgres: PostgresServer, calendars: list[Any]) -> Iterator[Joined]:
    with ExitStack() as stack:
        urls = [stack.enter_context(postgres.fresh_database()) for _ in range(4)]
        prefecture, *counties = (stack.enter_context(side(broker, url)) for url in urls[:3])
        migrate(urls[3])
        shared = open_store(urls[3], plans=[ASKED, *load_plans(PLANS)])
        stack.callback(shared.close)
        for store in (prefecture.store, shared, *(county.store for county in counties)):
            store.apply_calendars(calendars)
        stack.enter_context(ingest_process.running(ingest_process.settings(prefecture.vhost.amqp_url, urls[0])))
        cable = Proxy("county", broker.server.ports.amqp)
        stack.callback(cable.close)
        yield Joined(prefecture, dict(zip(COUNTIES, counties, strict=True)), shared, cable)


def through(address: str, port: int) -> str:
    """The address by way of another port."""
    head, _, tail = address.rpartition(":")
    return f"{head}:{port}/{tail.partition('/')[2]}"


def join_by_shovel(joined: Joined) -> None:
    for region, county in joined.counties.items():
        keys = json.loads(joined.prefecture.run("admit", str(region), "--json"))
        host = keys["amqp"].partition("://")[2]
        address = f"amqp://{keys['amqp_user']}:{quote(keys['amqp_password'])}@{host}"
        if region == 222401:
            address = through(address, joined.cable.port)
        county.run("add", "prefecture", HALLPULSE_UPSTREAM_URL=address)


def join_by_federation(joined: Joined) -> None:
    for region, county in joined.counties.items():
        address = county.vhost.amqp_url
        if region == 222401:
            address = through(address, joined.cable.port)
        joined.prefecture.run("add", f"from-{region}", address, "--fetch", str(region))


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


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_the_figures_are_those_of_one_shared_suite_also_after_a_county_was_cut_off(joined: Joined, by: str) -> None:
    events = stream(71, 1200, ("222424", "222401"))
    merge_all(joined.shared, decoded(events), 400)
    (join_by_shovel if by == "shovel" else join_by_federation)(joined)
    prefecture, counties = joined.prefecture, joined.counties
    sides = [(prefecture, 2)] if by == "federation" else [(county, 1) for county in counties.values()]
    until(lambda: all(is_joined(one, ways) for one, ways in sides))
    of = {region: [e for e in events if e["source"].startswith(f"/{region}/")] for region in COUNTIES}

    for region, county in counties.items():
        county.publish(of[region][:200])
    until(lambda: prefecture.stored() >= len({e["id"] for e in of[222424][:200]}))
    joined.cable.refuse()
    for region, county in counties.items():
        county.publish(of[region][200:])
    with joined.shared.read() as moment:
        wanted = {region: sum(moment.event_counts(region).values()) for region in COUNTIES}
    until(lambda: _stored(prefecture, 222424) == wanted[222424])
    assert _stored(prefecture, 222401) < wanted[222401]
    joined.cable.heal()
    until(lambda: _stored(prefecture, 222401) == wanted[222401])

    for region in (222400, *COUNTIES):
        assert figures(prefecture.store, region) == figures(joined.shared, region)
    assert prefecture.store.recompute(check=True) == []


def _stored(side: Side, region: int) -> int:
    with side.store.read() as moment:
        return sum(moment.event_counts(region).values())


def test_a_way_up_is_listed_without_its_password_and_taken_away_only_with_nothing_waiting(joined: Joined) -> None:
    join_by_shovel(joined)
    county = joined.counties[222401]
    until(lambda: is_joined(county, 1))
    (one,) = county.listed()["upstreams"]
    assert (one["name"], one["kind"], one["region"], one["waiting"]) == ("prefecture", "shovel", "222401", 0)
    assert "@" not in one["address"]
    assert joined.prefecture.listed()["admitted"] == ["222401", "222424"]
    joined.cable.refuse()
    county.publish([e for e in stream(72, 200, ("222401",)) if e["type"].startswith("hall.case")][:20])
    until(lambda: county.listed()["upstreams"][0]["waiting"] == 20)
    assert "20 messages wait" in county.refuses("remove", "prefecture")
    assert len(county.listed()["upstreams"]) == 1
    county.run("remove", "prefecture", "--discard")
    assert county.listed()["upstreams"] == []
    assert "no upstream" in county.refuses("remove", "prefecture")
    actions = {line.deed.action for line in county.store.audit.list()}
    assert {"upstream.add", "upstream.remove"} <= actions


def test_what_is_no_way_up_is_said_in_one_line(joined: Joined) -> None:
    county, url = joined.counties[222401], joined.prefecture.vhost.amqp_url
    assert "county.REGION" in county.refuses("add", "prefecture", url)
    assert "refuses this user" in county.refuses(
        "add", "prefecture", url.replace(joined.prefecture.vhost.password, "x")
    )
    joined.cable.refuse()
    assert "broker" in county.refuses("add", "prefecture", through(url, joined.cable.port))
    assert county.listed()["upstreams"] == []


def _as_county(joined: Joined, region: int) -> str:
    keys = json.loads(joined.prefecture.run("admit", str(region), "--json"))
    host = keys["amqp"].partition("://")[2]
    return f"amqp://{keys['amqp_user']}:{quote(keys['amqp_password'])}@{host}"


def _event(id_: str, source: str = "/222401/hall-1", **more: Any) -> dict[str, Any]:
    said = {"case_id": id_, "item_code": "i", "department": "d", "channel": "window"}
    return {"specversion": "1.0", "id": id_, "source": source, "type": "hall.case.received.v1",
            "time": "2026-06-09T10:00:00+08:00", "data": said, **more}  # fmt: skip


def _sent(url: str, key: str, body: Any, exchange: str = EVENTS, **properties: Any) -> int:
    """0 where the broker took it, else its code."""
    batch = isinstance(body, list)
    given = {"content_type": BATCH_TYPE if batch else EVENT_TYPE, "delivery_mode": 2, "user_id": "county.222401"}
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, json.dumps(body).encode(), pika.BasicProperties(**(given | properties)))
    except ChannelClosedByBroker as error:
        return int(error.reply_code)
    finally:
        if connection.is_open:
            connection.close()
    return 0


@pytest.mark.attack
def test_a_countys_keys_write_its_own_halls_keys_under_its_own_name_and_nothing_else(joined: Joined) -> None:
    url = _as_county(joined, 222401)
    good = _event("a")
    assert _sent(url, "222401.hall-1.case", good) == 0
    for key in ("222424.hall-1.case", "222401.hall-1.refused", "222401.hall-1.denied", "222401.hall-1", "x",
                "222401.hall-1.case\n", "222401.hall-1.case.222424.hall-1.case", "2224010.hall-1.case"):  # fmt: skip
        assert _sent(url, key, good) == 403, key
    for user in ("222401.hall-1", "222424.hall-1", "gateway", joined.prefecture.vhost.user, "county.222424"):
        assert _sent(url, "222401.hall-1.case", good, user_id=user) == 406, user
    for exchange, key in (("", REFUSED), ("", "hall.ingest.0"), ("hall.lanes", "222401.hall-1.case"),
                          ("hall.partitions", "222401.hall-1.case"), ("amq.topic", "a")):  # fmt: skip
        assert _sent(url, key, good, exchange=exchange) == 403, exchange
    with open_channel(url) as channel, pytest.raises(AMQPError):
        channel.basic_get(REFUSED)
    with open_channel(url) as channel, pytest.raises(AMQPError):
        channel.queue_declare("mine")


@pytest.mark.attack
def test_a_county_stores_nothing_of_another_and_its_forgeries_stop_nobody(joined: Joined) -> None:
    """Also more of them than would stop the ingest for a stranger, and those that it lets expire."""
    url, prefecture = _as_county(joined, 222401), joined.prefecture
    other = "/222424/hall-1"
    forged = [_event(f"f{n}", other) for n in range(300)]
    for event in forged[:20]:
        assert _sent(url, "222401.hall-1.case", event) == 0
    assert _sent(url, "222401.hall-1.case", [*forged, _event("good")]) == 0
    assert _sent(url, "222401.hall-2.case", _event("f-hall", "/222401/hall-1")) == 0
    on_behalf = {"app_id": "on-behalf-of:222424.hall-1"}
    assert _sent(url, "222401.hall-1.case", _event("f-app", other), **on_behalf) == 0
    assert _sent(url, "222401.hall-1.case", _event("f-none"), user_id=None) == 0
    death = [{"queue": "hall.ingest.0", "reason": "expired", "routing-keys": ["222424.hall-1.case"], "count": 1}]
    headers = {"x-death": death, "x-user": "222424.hall-1", "x-routing-key": "222424.hall-1.case", "x-reason": "x"}
    assert _sent(url, "222401.hall-1.case", _event("f-death", other), headers=headers, expiration="0") == 0
    prefecture.publish([_event("honest", other)])
    until(lambda: _stored(prefecture, 222424) == 1 and _stored(prefecture, 222401) == 1)
    prefecture.store.halls.add(222424, "hall-1", ["case"], "0" * 64)
    done = CliRunner().invoke(cli, ["refused", "replay", "--limit", "10000"], env=dict(prefecture.environment))
    assert "Traceback" not in done.output
    prefecture.publish([_event("later", other)])
    until(lambda: _stored(prefecture, 222424) == 2)
    assert _stored(prefecture, 222401) == 1
    with prefecture.store.read() as moment:
        assert moment.stored_ids(222424, "hall-1", [e["id"] for e in forged] + ["f-app", "f-death"]) == set()


@pytest.mark.attack
def test_a_county_that_is_dismissed_sends_no_more_and_its_connections_are_cut(joined: Joined) -> None:
    join_by_shovel(joined)
    county, prefecture = joined.counties[222401], joined.prefecture
    until(lambda: is_joined(county, 1))
    county.publish([_event("before")])
    until(lambda: _stored(prefecture, 222401) == 1)
    prefecture.run("dismiss", "222401")
    assert prefecture.listed()["admitted"] == ["222424"]
    county.publish([_event("after")])
    time.sleep(5)
    assert _stored(prefecture, 222401) == 1
    assert "no county.222401" in prefecture.refuses("dismiss", "222401")
    assert QUEUE + "prefecture" == "hall.upstream.prefecture"


@pytest.mark.attack
def test_what_a_hall_forges_in_its_county_goes_up_as_the_countys_and_is_refused_there_too(joined: Joined) -> None:
    join_by_shovel(joined)
    county, prefecture = joined.counties[222401], joined.prefecture
    until(lambda: is_joined(county, 1))
    forgery = {**_event("forged", "/222424/hall-1")}
    with open_channel(county.vhost.amqp_url) as channel:
        properties = pika.BasicProperties(EVENT_TYPE, delivery_mode=2, user_id=county.vhost.user)
        channel.basic_publish(EVENTS, "222401.hall-1.case", json.dumps(forgery).encode(), properties)
    county.publish([_event("good")])
    until(lambda: _stored(prefecture, 222401) == 1)
    assert _stored(prefecture, 222424) == 0
    with open_channel(prefecture.vhost.amqp_url) as channel:
        until(lambda: channel.queue_declare(REFUSED, passive=True).method.message_count >= 1)
        _, properties, body = channel.basic_get(REFUSED, auto_ack=True)
    assert properties is not None
    assert properties.headers[REASON] == "source-mismatch"
    assert json.loads(body or b"")["id"] == "forged"


TALLIED = ("unified_acceptance_rate", "full_process_acceptance_rate", "acceptance_rate", "instant_case_share")


def test_where_only_daily_sums_go_up_their_figures_are_those_of_the_county_also_after_restatements(
    joined: Joined,
) -> None:
    """Late events and corrections of days that were sent change them again, each under its next revision."""
    county, prefecture = joined.counties[222401], joined.prefecture
    keys = _as_county(joined, 222401)
    county.run("add", "prefecture", through(keys, joined.cable.port), "--sums")
    events = decoded(stream(73, 1200, ("222401",)))
    for part in (events[:500], events[500:900], events[900:]):
        merge_all(county.store, part, 400)
        joined.cable.refuse()
        said = county.run("send", "prefecture")
        assert " 0 " not in said
        assert ": 0 " in county.run("send", "prefecture")
        joined.cable.heal()
        until(lambda: county.listed()["upstreams"][0]["waiting"] == 0)
        until(lambda: _tallied(prefecture.store) == _tallied(county.store))
    assert prefecture.store.recompute(check=True) == []


def _tallied(store: Store) -> Any:
    """The figures that daily sums make, of the county and each hall, over the year, a month and some days."""
    windows = [YEAR, Window(date(2026, 3, 1), date(2026, 3, 31)), Window(date(2026, 5, 4), date(2026, 5, 9))]
    with store.read() as moment:
        scopes = [Scope(222401), *(Scope(222401, hall=f"hall-{number}") for number in (1, 2, 3, 4))]
        return [[(moment.figures(scope, window)[name]) for name in TALLIED] for scope in scopes for window in windows]
