"""Whatever gives messages back loses nothing, on every broker: looks, kills, freezes, cuts, the memory limit.

LOOKS and RETURNS say how often; RabbitMQ 4 drops by itself what was given back more than twenty times. `make returns`
has 100 and 60; HALLPULSE_RABBITMQ_HOME names another installation of RabbitMQ to try.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from pika.channel import Channel

from hallpulse.broker import Batch, ConsumerLimits, keep_everything, limits_in_force, open_channel
from hallpulse.broker.rejections import DEAD_LETTERED
from hallpulse.broker.topology import REFUSED, SLOW_LANES, declare, ingest_arguments, queue_names
from hallpulse.contract.events import EventType
from hallpulse.domain.errors import Unavailable
from hallpulse.store import Store
from services.console.commands.refused import command
from tests.consuming import Running, consuming
from tests.hall_events import changed
from tests.ingest_process import metric, running, settings
from tests.ingesting import PARTITIONS, ingest, publish, publishing, stored, take_refused, wait_until
from tests.servers import BrokerServer, Vhost

LOOKS, RETURNS = int(os.environ.get("LOOKS", "22")), int(os.environ.get("RETURNS", "3"))
ABOVE_TWENTY = max(22, RETURNS)
HALLS = 8
_MERGED = ("hallpulse_events_total", "hallpulse_events_duplicate_total")
Run = Callable[..., Result]


@pytest.fixture
def run(vhost: Vhost, store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`hallpulse refused` with arguments, where the halls that send are registered."""
    for number in range(HALLS):
        store.halls.add(222424, f"hall-{number}", ["case"], f"hash-{number}")
    monkeypatch.setenv("HALLPULSE_AMQP_URL", vhost.amqp_url)
    monkeypatch.setenv("HALLPULSE_DATABASE_URL", store_url)

    def invoke(*arguments: str) -> Result:
        done = CliRunner().invoke(command, [*arguments, "--dir", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done

    return invoke


def refuse(vhost: Vhost, store_url: str, count: int) -> None:
    """Have so many events refused, each for its field and each another."""
    with publishing(vhost) as channel, ingest(vhost, store_url):
        for number in range(count):
            bad = changed(EventType.CASE_RATED, {"score": 9}, source="/222424/hall-1", id=f"r{number}")
            publish(channel, bad, "222424.hall-1.case", user_id=vhost.user)
        wait_until(lambda: waiting(vhost, [REFUSED]) == count)


def send(vhost: Vhost, count: int, filler: int = 0) -> list[str]:
    """Events of several halls, so that every partition has some; their ids."""
    ids = [f"e{number}" for number in range(count)]
    with publishing(vhost) as channel:
        for number, id_ in enumerate(ids):
            hall = f"hall-{number % HALLS}"
            body = changed(EventType.CASE_RECEIVED, id=id_, source=f"/222424/{hall}", filler="x" * filler)
            publish(channel, body, f"222424.{hall}.case", user_id=vhost.user)
    return ids


def waiting(vhost: Vhost, names: list[str]) -> int:
    """Messages that nobody has in hand."""
    with open_channel(vhost.amqp_url) as channel:
        return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in names)


def limit_all(broker: BrokerServer, vhost: Vhost, times: int) -> None:
    """As somebody else's policy may do for every queue of a broker."""
    policy = {"pattern": ".*", "definition": {"delivery-limit": times}, "apply-to": "queues", "priority": 5}
    broker.manage("PUT", f"policies/{vhost.name}/foreign", policy)
    time.sleep(0.5)


def test_looking_at_what_was_refused_leaves_it_on_the_queue(run: Run, vhost: Vhost, store_url: str) -> None:
    refuse(vhost, store_url, 5)
    first = json.loads(run("list", "--json").output.splitlines()[0])["id"]
    for _ in range(LOOKS):
        assert len(run("list", "--json").output.splitlines()) == 5
        assert run("show", first).exit_code == 0
        assert "5 would be refused again" in run("replay", "--dry-run").output
        assert waiting(vhost, [REFUSED]) == 5
    take_refused(vhost, 5)


@pytest.mark.parametrize("limited", [False, True])
def test_passes_over_the_queue_give_everything_back(
    run: Run, vhost: Vhost, broker: BrokerServer, store_url: str, limited: bool
) -> None:
    """`read`, and a replay that keeps all: also where somebody's policy drops what is given back twenty times."""
    refuse(vhost, store_url, 5)
    if limited:
        limit_all(broker, vhost, 20)
    for number in range(LOOKS):
        assert run("read").output.startswith("5 messages lie on the queue; 0 ")
        if number % 10 == 0:
            assert run("replay").output.startswith("sent 0 again; 5 would be refused again")
    wait_until(lambda: waiting(vhost, [REFUSED]) == 5)
    assert len(run("list", "--json").output.splitlines()) == 5
    copies = take_refused(vhost, 5)
    assert sorted(json.loads(copy.body)["id"] for copy in copies) == [f"r{number}" for number in range(5)]
    assert {copy.headers["x-reason"] for copy in copies} == {"bad-field"}


@contextlib.contextmanager
def held_up(store_url: str) -> Iterator[None]:
    """No batch can be stored until the block ends."""
    with psycopg.connect(store_url) as connection:
        connection.execute("LOCK TABLE events IN EXCLUSIVE MODE")
        yield


def test_killed_frozen_and_cut_off_with_the_same_messages_in_hand(
    vhost: Vhost, broker: BrokerServer, store: Store, store_url: str
) -> None:
    ids, queues = send(vhost, 40), queue_names(PARTITIONS)
    environment = settings(vhost.amqp_url, store_url)

    def in_hand() -> bool:
        return waiting(vhost, queues) == 0

    def give_back() -> None:
        broker.disconnect(vhost.user)

    with held_up(store_url):
        for _ in range(RETURNS):
            with running(environment) as process:
                wait_until(in_hand)
                give_back()  # cut off
                time.sleep(0.3)
                wait_until(in_hand)
                process.send_signal(signal.SIGSTOP)  # frozen, until the broker gives its messages to others
                give_back()
                wait_until(lambda: waiting(vhost, queues) == len(ids))
                process.send_signal(signal.SIGCONT)
                wait_until(in_hand)
            wait_until(lambda: waiting(vhost, queues) == len(ids))  # it was killed
    with running(environment) as process:
        # What a killed process was merging may have been stored by its companions: these messages are known then.
        wait_until(lambda: sum(metric(environment, name) for name in _MERGED) >= len(ids))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert stored(store) == len(ids)
    assert waiting(vhost, [*queues, REFUSED]) == 0


def test_the_memory_limit_reached_with_the_same_messages_in_hand(vhost: Vhost) -> None:
    ids, queues = send(vhost, 200, filler=900), queue_names(PARTITIONS)
    narrow = ConsumerLimits(PARTITIONS, most_events=10, most_bytes=30_000)

    def away(_: Batch) -> None:
        raise Unavailable("database: gone")

    for _ in range(ABOVE_TWENTY):
        with consuming(vhost, narrow, away) as consumer:
            _wait_until_paused(consumer)
        wait_until(lambda: waiting(vhost, queues) == len(ids))
    with consuming(vhost, narrow) as consumer:
        wait_until(lambda: len(set(consumer.ids)) == len(ids))
    assert sorted(consumer.ids) == sorted(ids)
    assert waiting(vhost, [*queues, REFUSED]) == 0


def _wait_until_paused(running_consumer: Running) -> None:
    consumer = running_consumer.consumer
    wait_until(lambda: consumer._session is not None and consumer._session._paused)


def test_after_the_memory_limit_no_more_is_asked_for_than_fits(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was on its way the first time is given back; from then on nothing is."""
    ids = send(vhost, 600, filler=900)
    given_back: list[int] = []
    reject = Channel.basic_reject

    def note(channel: Channel, delivery_tag: int = 0, requeue: bool = True) -> None:
        given_back.append(delivery_tag)
        reject(channel, delivery_tag, requeue)

    def hold(_: Batch) -> None:
        time.sleep(0.02)

    monkeypatch.setattr(Channel, "basic_reject", note)
    limits = ConsumerLimits(PARTITIONS, most_events=10, most_bytes=60_000)
    with consuming(vhost, limits, hold) as consumer:
        wait_until(lambda: len(consumer.ids) >= 200, 60)
        first = len(given_back)
        wait_until(lambda: len(consumer.ids) >= len(ids), 60)
    assert sorted(consumer.ids) == sorted(ids)
    assert 0 < first == len(given_back)


def test_queues_of_an_earlier_version_keep_everything_too(vhost: Vhost) -> None:
    """They cannot be declared again with other arguments: policies do it."""
    names = queue_names(PARTITIONS)
    with open_channel(vhost.amqp_url) as channel:
        for name in names:
            channel.queue_declare(name, durable=True, arguments=ingest_arguments())
        channel.queue_declare(REFUSED, durable=True, arguments={"x-queue-type": "quorum"})
        declare(channel, PARTITIONS)
    keep_everything(vhost.management_url, vhost.amqp_url)
    keep_everything(vhost.management_url, vhost.amqp_url)

    def known() -> bool:
        found = limits_in_force(vhost.amqp_url, vhost.management_url, PARTITIONS)
        return len(found) == PARTITIONS + SLOW_LANES + 1 and all(
            kept.limit == math.inf and (kept.caught or name == REFUSED) for name, kept in found.items()
        )

    wait_until(known)
    ids = send(vhost, 30)
    give_back_often(vhost, ids)
    assert waiting(vhost, names) == len(ids)


def give_back_often(vhost: Vhost, ids: list[str], least: int = -1) -> None:
    def away(_: Batch) -> None:
        raise Unavailable("database: gone")

    queues = queue_names(PARTITIONS)
    for _ in range(ABOVE_TWENTY):
        with consuming(vhost, before=away):
            wait_until(lambda: waiting(vhost, queues) == 0)
        wait_until(lambda: waiting(vhost, queues) in (len(ids), least))


def test_what_a_foreign_limit_takes_off_lies_with_the_refused_and_comes_back(
    run: Run, vhost: Vhost, broker: BrokerServer, store: Store, store_url: str
) -> None:
    """A batch by its events, each with its way: `read` lists them, `replay` brings them back."""
    with publishing(vhost) as channel:
        batch = [changed(EventType.CASE_RECEIVED, id=f"b{n}", source="/222424/hall-1") for n in range(3)]
        publish(channel, batch, "222424.hall-1.case", user_id=vhost.user)
    ids = [*send(vhost, 10), "b0", "b1", "b2"]
    limit_all(broker, vhost, 20)
    give_back_often(vhost, ids[:11], least=0)
    wait_until(lambda: waiting(vhost, [REFUSED]) == 11)
    assert "at least 11 more lie on the queue alone" in run("list").stderr
    assert run("read").output == "13 messages lie on the queue; 0 of the list were not there any more\n"
    rows = [json.loads(line) for line in run("list", "--json", "--reason", DEAD_LETTERED).output.splitlines()]
    assert sorted(row["event_id"] for row in rows) == sorted(ids)
    assert {row["user"] for row in rows} == {vhost.user}
    assert {row["routing_key"] for row in rows} == {f"222424.hall-{number}.case" for number in range(HALLS)}
    assert all("dead-lettered from hall.ingest." in row["expected"] for row in rows)
    assert "sent 13 again" in run("replay").output
    with ingest(vhost, store_url):
        wait_until(lambda: stored(store) == len(ids))
    assert waiting(vhost, [REFUSED]) == 0
    assert run("list", "--json").output == ""
