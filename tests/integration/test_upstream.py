"""Two counties and a prefecture, a suite each, joined by shovel or federation: as one suite, also after a cut."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pika
import pytest
from click.testing import CliRunner
from pika.exceptions import AMQPError, ChannelClosedByBroker

from hallpulse.broker import EVENTS, REFUSED, open_channel
from hallpulse.broker.rejections import REASON
from hallpulse.broker.upstream import QUEUE
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.domain.errors import Halt
from hallpulse.domain.figures import Window, period_window
from services.console.main import cli
from tests.joined_suites import COUNTIES, Joined, Side, as_county, figures, suites, tallied, through, until, with_keys
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream
from tests.servers import BrokerServer, PostgresServer


@pytest.fixture
def joined(broker: BrokerServer, postgres: PostgresServer, calendars: list[Any]) -> Iterator[Joined]:
    with suites([broker] * 3, postgres, calendars) as made:
        yield made


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_the_figures_are_those_of_one_shared_suite_also_after_a_county_was_cut_off(joined: Joined, by: str) -> None:
    events = stream(71, 1200, ("222424", "222401"))
    merge_all(joined.shared, decoded(events), 400)
    joined.join(by)
    prefecture, counties = joined.prefecture, joined.counties
    of = {region: [e for e in events if e["source"].startswith(f"/{region}/")] for region in COUNTIES}

    for region, county in counties.items():
        county.publish(of[region][:200])
    until(lambda: prefecture.stored() >= len({e["id"] for e in of[222424][:200]}))
    joined.part()
    for region, county in counties.items():
        county.publish(of[region][200:])
    with joined.shared.read() as moment:
        wanted = {region: sum(moment.event_counts(region).values()) for region in COUNTIES}
    until(lambda: _stored(prefecture, 222424) == wanted[222424])
    assert _stored(prefecture, 222401) < wanted[222401]
    joined.heal()
    until(lambda: _stored(prefecture, 222401) == wanted[222401])

    for region in (222400, *COUNTIES):
        assert figures(prefecture.store, region) == figures(joined.shared, region)
    assert prefecture.store.recompute(check=True) == []


def _stored(side: Side, region: int) -> int:
    with side.store.read() as moment:
        return sum(moment.event_counts(region).values())


def test_a_way_up_is_listed_without_its_password_and_taken_away_only_with_nothing_waiting(joined: Joined) -> None:
    joined.join("shovel")
    county = joined.counties[222401]
    (one,) = county.listed()["upstreams"]
    assert (one["name"], one["kind"], one["region"], one["waiting"]) == ("prefecture", "shovel", "222401", 0)
    assert "@" not in one["address"]
    assert joined.prefecture.listed()["admitted"] == ["222401", "222424"]
    joined.part()
    county.publish([e for e in stream(72, 200, ("222401",)) if e["type"].startswith("hall.case")][:20])
    until(lambda: county.listed()["upstreams"][0]["waiting"] == 20)
    assert "20 messages wait" in county.refuses("remove", "prefecture")
    assert len(county.listed()["upstreams"]) == 1
    county.run("remove", "prefecture", "--discard")
    assert county.listed()["upstreams"] == []
    assert "no upstream" in county.refuses("remove", "prefecture")
    actions = {line.entry.action for line in county.store.audit.list()}
    assert {"upstream.add", "upstream.remove"} <= actions


def test_what_is_no_way_up_is_said_in_one_line(joined: Joined) -> None:
    county, url = joined.counties[222401], joined.prefecture.vhost.amqp_url
    assert "county.REGION" in county.refuses("add", "prefecture", url)
    assert "refuses this user" in county.refuses(
        "add", "prefecture", url.replace(joined.prefecture.vhost.password, "x")
    )
    joined.part()
    assert "broker" in county.refuses("add", "prefecture", through(url, joined.up.port))
    assert county.listed()["upstreams"] == []


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
    url = as_county(joined, 222401)
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
    url, prefecture = as_county(joined, 222401), joined.prefecture
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
    joined.join("shovel")
    county, prefecture = joined.counties[222401], joined.prefecture
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
    joined.join("shovel")
    county, prefecture = joined.counties[222401], joined.prefecture
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


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_where_only_daily_sums_go_up_their_figures_are_those_of_the_county_also_after_restatements(
    joined: Joined, by: str
) -> None:
    """Late events and corrections of days that were sent change them again, each under its next revision."""
    county, prefecture = joined.counties[222401], joined.prefecture
    joined.join(by, "--sums")
    way = "prefecture" if by == "shovel" else "222401"
    events = decoded(stream(73, 1200, ("222401",)))
    some = period_window("2026-03"), Window(date(2026, 5, 4), date(2026, 5, 9))
    for part in (events[:500], events[500:900], events[900:]):
        merge_all(county.store, part, 400)
        joined.part()
        said = county.run("send", way)
        assert " 0 " not in said
        assert ": 0 " in county.run("send", way)
        joined.heal()
        until(lambda: tallied(prefecture.store, 222401, *some) == tallied(county.store, 222401, *some))
    told = tallied(prefecture.store, 222401, *some)
    days = int(county.run("send", way, "--all").split(":")[1].split()[0].replace(",", ""))
    assert days > 100
    until(lambda: _stored(prefecture, 222401) >= 2 * days)
    assert tallied(prefecture.store, 222401, *some) == told
    assert prefecture.store.recompute(check=True) == []
    assert "no upstream" in county.refuses("send", "elsewhere")


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_a_way_up_that_is_changed_to_daily_sums_sends_no_case_from_then_on(joined: Joined, by: str) -> None:
    county, prefecture = joined.counties[222401], joined.prefecture
    joined.join(by)
    county.publish([_event("before")])
    until(lambda: _stored(prefecture, 222401) == 1)
    joined.join(by, "--sums")
    county.publish([_event("after")])
    merge_all(county.store, decoded([_event("before"), _event("after")]), 2)
    until(lambda: county.sends("prefecture" if by == "shovel" else "222401"))
    until(lambda: _stored(prefecture, 222401) == 2)
    with prefecture.store.read() as moment:
        known = moment.stored_ids(222401, "hall-1", ["before", "after", "sums-2026-06-09-1"])
    assert known == {"before", "sums-2026-06-09-1"}


@pytest.mark.attack
def test_the_keys_that_a_county_offers_for_its_daily_sums_read_nothing_else_of_it(joined: Joined) -> None:
    county = joined.counties[222401]
    url = with_keys(county.run("offer", "--sums", "--json"))
    for exchange, key in ((EVENTS, "222401.hall-1.case"), ("hall.sums", "222401.hall-1.tally"), ("", REFUSED)):
        assert _sent(url, key, _event("a"), exchange=exchange, user_id=f"above.{county.vhost.name}") == 403, exchange
    for queue in (REFUSED, "hall.ingest.0"):
        with open_channel(url) as channel, pytest.raises(AMQPError):
            channel.basic_get(queue)
    own = "federation: hall.sums -> mine"
    for exchange in (EVENTS, "hall.partitions"):
        with open_channel(url) as channel:
            channel.queue_declare(own, durable=True)
            with pytest.raises(AMQPError):
                channel.queue_bind(own, exchange, routing_key="#")
    with open_channel(url) as channel:
        channel.queue_bind(own, "hall.sums", routing_key="#")
    county.run("withdraw")
    assert "nothing is offered" in county.refuses("withdraw")
    with pytest.raises(Halt), open_channel(url):
        pass
