"""A broker address of several nodes, some of them away: what speaks to a broker goes on to one that is there.

The nodes are ways to one broker, which are cut one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hallpulse import nodes
from hallpulse.broker import declare, open_channel
from hallpulse.broker.cluster import short_of_members, spread_leaders
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.rpc import call
from hallpulse.broker.upstream import Upstreams
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.publisher import Publisher
from tests.chaos.proxy import Proxy
from tests.consuming import consuming
from tests.ingesting import wait_until
from tests.integration.test_publisher import event
from tests.integration.test_service_calls import running
from tests.servers import BrokerServer, Vhost

NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def _nothing_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_missed", {})


@pytest.fixture
def ways(broker: BrokerServer) -> Iterator[tuple[Proxy, Proxy]]:
    made = Proxy("one", broker.server.ports.amqp), Proxy("other", broker.server.ports.amqp)
    yield made
    for way in made:
        way.close()


def by(url: str, *ways: Proxy) -> str:
    """The URL of three nodes: one that is never there, and these."""
    login, at, rest = url.partition("@")
    places = ",".join([NOWHERE, *(f"127.0.0.1:{way.port}" for way in ways)])
    return f"{login}{at}{places}/{rest.partition('/')[2]}"


def test_a_publisher_and_a_consumer_go_on_by_the_nodes_that_are_left(
    vhost: Vhost, hall_url: str, ways: tuple[Proxy, Proxy]
) -> None:
    with (
        consuming(replace(vhost, amqp_url=by(vhost.amqp_url, *ways))) as worker,
        Publisher(by(hall_url, *ways)) as publisher,
    ):
        sent = 0
        for away in (None, *ways, *ways):
            for way in ways:
                way.heal()
            if away is not None:
                away.refuse()
            for number in range(sent, sent + 50):
                publisher.send(event(number))
            publisher.flush(60)
            sent += 50
            wait_until(lambda: len(set(worker.ids)) == sent, 60)  # noqa: B023 - asked at once
    assert worker.failures == []


def test_one_node_that_is_there_is_enough_to_open_a_channel_and_none_is_said_in_one_line(
    vhost: Vhost, ways: tuple[Proxy, Proxy]
) -> None:
    ways[0].refuse()
    for _ in range(10):
        with open_channel(by(vhost.amqp_url, *ways), seconds=10) as channel:
            declare(channel, 2)
    ways[1].refuse()
    with pytest.raises(Unavailable, match=r"^broker: .*refused"), open_channel(by(vhost.amqp_url, *ways)):
        raise AssertionError("it was opened")


def test_a_password_that_a_node_refuses_is_not_tried_at_the_others(vhost: Vhost, ways: tuple[Proxy, Proxy]) -> None:
    wrong = by(vhost.amqp_url, *ways).replace(f":{vhost.password}@", ":wrong@")
    with pytest.raises(Halt, match="refuses this user"), open_channel(wrong):
        raise AssertionError("it was opened")


def test_users_bindings_and_policies_are_managed_by_a_node_that_is_there(vhost: Vhost) -> None:
    management = vhost.management_url.replace("@", f"@{NOWHERE},", 1)
    users = BrokerUsers(management, vhost.name)
    password = users.put(222424, "hall-9", ["case"])
    url = vhost.amqp_url.replace(f"{vhost.user}:{vhost.password}@", f"222424.hall-9:{password}@")
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
    with Publisher(url) as publisher:
        publisher.send({**event(1), "source": "/222424/hall-9"})
        publisher.flush(30)
    assert users.remove(222424, "hall-9")
    assert Upstreams(management, vhost.amqp_url).list() == []
    spread_leaders(management)
    assert short_of_members(management, vhost.amqp_url) == {}


def test_a_management_api_of_which_no_node_is_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"broker management: .*refused"):
        BrokerUsers("http://me:pw@127.0.0.1:1,127.0.0.1:2").remove(222424, "hall-1")


def test_services_begin_and_answer_while_nodes_are_away(
    tmp_path: Path, vhost: Vhost, store_url: str, ways: tuple[Proxy, Proxy]
) -> None:
    url = by(vhost.amqp_url, *ways)
    ways[0].refuse()
    with running(["catalogue"], tmp_path, HALLPULSE_AMQP_URL=url, HALLPULSE_DATABASE_URL=store_url):
        assert call(url, "catalogue", "counts", 222424, "2026-01-01", seconds=60)["items"] == 0
        ways[0].heal()
        ways[1].refuse()
        assert call(url, "catalogue", "counts", 222424, "2026-01-01", seconds=60)["items"] == 0
