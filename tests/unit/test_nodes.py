"""The nodes of a broker in one URL, and in which order they are tried."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pika
import pytest
from pika.exceptions import AMQPConnectionError

from hallpulse import nodes
from hallpulse.broker import user_of, vhost_of
from hallpulse.broker.consumer import Consumer
from hallpulse.broker.management import ManagementApi
from hallpulse.broker.topology import ConsumerLimits
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.nodes import address_of, each_node, in_order, joined, missed, reached
from hallpulse.publisher.confirmed_channel import ConfirmedChannel
from hallpulse.tls import trusting
from tests.authority import authority

ROOT = Path(__file__).parents[2]
THREE = "amqps://222424.hall-1:p%2Cw%40@a:5671,b:5671,[::1]:5673/%2F?cacertfile=ca.pem"


@pytest.fixture(autouse=True)
def _nothing_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_missed", {})


def test_each_host_of_a_url_becomes_a_url_with_the_same_login_virtual_host_and_files() -> None:
    login, rest = "amqps://222424.hall-1:p%2Cw%40@", "/%2F?cacertfile=ca.pem"
    assert each_node(THREE) == [f"{login}{host}{rest}" for host in ("a:5671", "b:5671", "[::1]:5673")]
    assert joined(each_node(THREE)) == THREE
    assert (user_of(THREE.partition("?")[0]), vhost_of(THREE.partition("?")[0])) == ("222424.hall-1", "/")


@pytest.mark.parametrize(
    "url", ["amqp://me:pw@one:5672/v", "amqp://one", "", "no url", "http://[", "amqp://me:p,w@one/"]
)
def test_a_url_of_one_host_or_none_stays_as_it_is(url: str) -> None:
    assert each_node(url) == [url]
    assert in_order(url) == [url]


@pytest.mark.parametrize("url", ["amqp://a:1,b:2", "amqp://a:1, b:2 ,/", "amqp://a:1,,b:2"])
def test_empty_places_of_a_list_are_left_out(url: str) -> None:
    assert [address_of(one) for one in each_node(url)] == ["a:1", "b:2"]


def test_the_authority_to_trust_is_added_once_for_all_nodes() -> None:
    assert trusting("amqps://me@a,b/v", "/ca.pem") == "amqps://me@a,b/v?cacertfile=%2Fca.pem"


def test_a_node_that_was_missed_comes_after_the_others_until_it_is_reached_or_a_while_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = each_node("amqp://a:1,b:2,c:3/v")
    missed(second)
    assert all(in_order("amqp://a:1,b:2,c:3/v")[2] == second for _ in range(30))
    reached(second)
    assert {in_order("amqp://a:1,b:2,c:3/v")[2] for _ in range(100)} == {first, second, third}
    missed(second)
    monkeypatch.setattr(nodes, "AVOIDED_SECONDS", -1.0)
    assert {in_order("amqp://a:1,b:2,c:3/v")[2] for _ in range(100)} == {first, second, third}


def test_nodes_are_tried_in_every_order() -> None:
    assert {tuple(map(address_of, in_order("amqp://a,b,c"))) for _ in range(300)} == {
        ("a", "b", "c"), ("a", "c", "b"), ("b", "a", "c"), ("b", "c", "a"), ("c", "a", "b"), ("c", "b", "a"),
    }  # fmt: skip


def test_a_worker_waits_no_longer_for_a_node_while_it_declares_than_while_it_consumes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[pika.URLParameters] = []

    def connect(wanted: pika.URLParameters, **_: object) -> None:
        asked.append(wanted)
        raise AMQPConnectionError("away")

    monkeypatch.setattr(pika, "BlockingConnection", connect)
    for url in ("amqp://me:pw@127.0.0.1:1/v", "amqp://me:pw@127.0.0.1:1,127.0.0.1:2/v"):
        with pytest.raises(Unavailable):
            Consumer(url, lambda _: [], ConsumerLimits(), print)._one_connection()
    alone, beside = asked
    assert (alone.socket_timeout, alone.stack_timeout, alone.heartbeat) == (5, 10, 30)
    assert (beside.socket_timeout, beside.stack_timeout, beside.heartbeat) == (3, 5, 10)


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("amqp://me:pw@127.0.0.1:1", "127.0.0.1:1"),
        ("amqp://me:pw@127.0.0.1,127.0.0.1:1/v", "127.0.0.1:5672, 127.0.0.1:1"),
    ],
)
def test_a_publisher_that_does_not_connect_names_each_node_with_its_port(
    monkeypatch: pytest.MonkeyPatch, url: str, places: str
) -> None:
    monkeypatch.setattr(ConfirmedChannel, "begin", lambda _: None)
    channel = ConfirmedChannel(url)
    with pytest.raises(Unavailable, match=f"^broker at {places}: "):
        channel.start(0)
    channel._ioloop.close()


# The framework's libraries are not for the process of the tests: they patch it.
CONNECTING = """
import json, sys
from amqp import Connection as Lower
from kombu.connection import Connection
from services.hosting import broker_config

def connect(self, *args, **kwargs):
    asked.append((self.host, dict(**self.ssl)["server_hostname"]))
    raise OSError(self.host)

asked, Lower.connect = [], connect
config = broker_config(sys.argv[1])
try:
    once = Connection(config["AMQP_URI"], ssl=config["AMQP_SSL"])
    once.ensure_connection(max_retries=4, interval_start=0, interval_step=0)
except Exception:
    print(json.dumps({"uri": config["AMQP_URI"], "asked": asked}))
"""


def test_a_service_holds_the_certificate_of_each_node_to_that_nodes_name(tmp_path: Path) -> None:
    ours = authority(tmp_path / "ours")
    url = f"amqps://me:pw@node-a:1,node-b:2/v?cacertfile={ours.trust.ca}"
    command = [sys.executable, "-W", "ignore", "-c", CONNECTING, url]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    told = json.loads(done.stdout)
    assert told["uri"] == "amqps://me:pw@node-a:1/v;amqps://me:pw@node-b:2/v"
    assert {host for host, _ in told["asked"]} == {"node-a:1", "node-b:2"}
    assert all(host.partition(":")[0] == name for host, name in told["asked"])


def test_a_management_address_among_several_that_is_none_is_refused() -> None:
    with pytest.raises(Halt, match="expected a URL"):
        ManagementApi("http://me:pw@:15672,b:15672")


# As above: the service's class is loaded in another process.
ANNOUNCING = """
import json
from hallpulse.domain.errors import Unavailable
from services.hosting import Outage
from services.targets.reader import Due
from services.targets.announcements import Announced, Key
from services.targets.service import TargetsService

class Kept(Outage):
    def began(self, error):
        said.append((self._consequence, str(error)))

class Reader:
    def next_due(self):
        key = Key(222424, "222424-2026", "loss", None)
        return Due("target_breached", Announced(key, (False, False)), {"at": "2026-11-24T04:00:00+00:00"})

class Turns:
    def take(self, turn):
        raise Unavailable("the database is away")

said, service = [], TargetsService()
service.reader, service.turns = Reader(), Turns()
service.broker, service.turns_outage = Kept("broker"), Kept("database")
service.announce()
print(json.dumps(said))
"""


def test_a_turn_that_the_database_does_not_give_is_not_said_to_be_the_brokers_fault() -> None:
    command = [sys.executable, "-W", "ignore", "-c", ANNOUNCING]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert json.loads(done.stdout) == [["database", "the database is away"]]
