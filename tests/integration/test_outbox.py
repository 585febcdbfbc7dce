"""The publisher with an outbox in a file, on a real broker: killed programs, outages, refusals, order."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.topology import queue_names
from hallpulse.contract.events import EventType
from hallpulse.publisher import DiskOutbox, Halt, OutboxFull, Publisher, Unavailable
from services.local import ports
from services.local.rabbitmq import OPERATOR, BrokerPorts, RabbitMQ, User
from tests.hall_events import changed
from tests.ingesting import strain, wait_until
from tests.integration.test_publisher import send_until_full
from tests.servers import BrokerServer, Vhost, running, scratch

SOURCE = "/222424/hall-1"
NOWHERE = "amqp://222424.hall-1:x@127.0.0.1:1/"


def event(number: int, kind: EventType = EventType.CASE_RECEIVED, **data: object) -> dict[str, object]:
    return changed(kind, id=f"e{number}", source=SOURCE, data=data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def arrived(url: str, until: Callable[[list[str]], bool]) -> list[str]:
    """The ids of what lies in the partitions, in its order, taken off until there is enough."""
    ids: list[str] = []

    def take(channel: BlockingChannel, method: Any, properties: Any, body: bytes) -> None:
        content = json.loads(body)
        ids.extend(one["id"] for one in (content if "batch" in properties.content_type else [content]))
        channel.basic_ack(method.delivery_tag)

    began = time.monotonic()
    with open_channel(url) as channel:
        channel.basic_qos(prefetch_count=2)
        for name in queue_names(2):
            channel.basic_consume(name, take)
        while not until(ids):
            assert time.monotonic() - began < 30 * strain(), f"only {len(ids)} events have come"
            channel.connection.process_data_events(0.1)
    return ids


def all_of(first: int, last: int) -> Callable[[list[str]], bool]:
    wanted = {f"e{number}" for number in range(first, last)}
    return lambda ids: wanted <= set(ids)


_HALL = """
import json, sys, time
from hallpulse.publisher import OutboxFull, Publisher

url, path, template = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
first, size, most = int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
publisher = Publisher(url, outbox=path, outbox_bytes=most)
publisher.start()
try:
    for number in range(first, 10**9, size):
        publisher.send_batch({**template, "id": f"e{n}"} for n in range(number, number + size))
        print(number + size, flush=True)
except OutboxFull:
    print("full", flush=True)
    time.sleep(600)
"""


class Hall:
    """A hall's program, which sends without end and says up to which event the outbox has taken them, or "full"."""

    def __init__(self, url: str, path: Path, first: int, most_bytes: int) -> None:
        arguments = [url, path, json.dumps(event(0)), first, 10, most_bytes]
        command = [sys.executable, "-c", _HALL, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._accepted = first

    def said(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._accepted = int(line) if line[0].isdigit() else self._accepted
            yield line.strip()

    def kill(self) -> int:
        """With SIGKILL. Up to which event it has sent, as far as it could say so."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            for _ in self.said():
                pass
        return self._accepted

    def close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextlib.contextmanager
def hall(url: str, path: Path, first: int = 0, most_bytes: int = 1 << 30) -> Iterator[Hall]:
    program = Hall(url, path, first, most_bytes)
    try:
        yield program
    finally:
        program.kill()
        program.close()


def test_a_program_that_is_killed_while_it_sends_loses_nothing(vhost: Vhost, hall_url: str, path: Path) -> None:
    accepted = 0
    for _ in range(3):
        with hall(hall_url, path, accepted) as program:
            next(line for line in program.said() if int(line) - accepted > 1500)
            accepted = program.kill()
    with Publisher(hall_url, outbox=path) as publisher:
        publisher.flush(30)
    arrived(vhost.amqp_url, all_of(0, accepted))


def test_a_program_that_is_killed_with_a_full_outbox_loses_nothing(vhost: Vhost, hall_url: str, path: Path) -> None:
    with hall(NOWHERE, path, most_bytes=2_000_000) as program:
        assert "full" in program.said()
        accepted = program.kill()
    assert accepted > 1000
    with Publisher(hall_url, outbox=path) as publisher:
        publisher.flush(30)
        assert (publisher.confirmed, publisher.waiting) == (accepted, 0)
    assert arrived(vhost.amqp_url, all_of(0, accepted)) == [f"e{number}" for number in range(accepted)]


def test_a_full_outbox_says_so_at_once_and_takes_more_once_the_broker_is_back(
    vhost: Vhost, hall_url: str, path: Path
) -> None:
    publisher = Publisher(NOWHERE, outbox=path, outbox_bytes=200_000).__enter__()
    with pytest.raises(OutboxFull, match=r"full: it holds \d+ of at most 200000 bytes"):
        publisher.send_batch(event(number) for number in range(10_000))
    publisher.send_batch(event(number) for number in range(100))
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"^100 events are not confirmed: broker: "):
        publisher.flush(0.2)
    left = rf"^100 events are not confirmed: broker: .*; they are kept in {re.escape(str(path))} and sent"
    with pytest.raises(Unavailable, match=left):
        publisher.__exit__(None, None, None)
    assert time.monotonic() - began < 15 * strain()  # leaving waits some seconds, and not for days
    with Publisher(hall_url, outbox=path, outbox_bytes=200_000, patience=30) as publisher:
        for number in range(100, 3000, 100):
            publisher.send_batch(event(n) for n in range(number, number + 100))
        publisher.flush(30)
    assert arrived(vhost.amqp_url, all_of(0, 3000)) == [f"e{number}" for number in range(3000)]


def test_two_programs_share_an_outbox_and_one_goes_on_when_the_other_is_killed(
    vhost: Vhost, hall_url: str, path: Path
) -> None:
    with hall(hall_url, path) as program:
        next(program.said())
        with Publisher(hall_url, outbox=path) as publisher:
            publisher.send_batch(event(1_000_000 + number) for number in range(500))
            publisher.flush(30)
            assert publisher.confirmed == 0, "the other one sends"
            accepted = program.kill()
            publisher.send(event(1_000_500))
            publisher.flush(30)
            assert publisher.confirmed > 0
    early, late = all_of(0, accepted), all_of(1_000_000, 1_000_501)
    arrived(vhost.amqp_url, lambda ids: early(ids) and late(ids))


def test_the_events_of_a_case_arrive_in_order_whatever_the_broker_refuses_or_loses(
    vhost: Vhost, broker: BrokerServer, hall_url: str, path: Path
) -> None:
    """As the store would see them first: what comes again is known there."""
    policy = {"pattern": "^hall\\.ingest", "definition": {"max-length": 3}, "apply-to": "queues"}
    broker.manage("PUT", f"policies/{vhost.name}/small", policy)
    with Publisher(hall_url, outbox=path) as publisher:
        sent = send_until_full(publisher, 4000, lambda number: event(number, case_id=f"c{number % 100}"))
        cutting = threading.Timer(0.7, lambda: broker.disconnect("222424.hall-1"))
        cutting.start()
        ids = arrived(vhost.amqp_url, all_of(0, sent))
        cutting.join()
        publisher.flush(30)
    steps: dict[int, list[int]] = defaultdict(list)
    for number in (int(id_[1:]) for id_ in dict.fromkeys(ids)):
        steps[number % 100].append(number // 100)
    assert list(steps.values()) == [list(range(sent // 100))] * 100


def test_what_was_not_granted_is_kept_apart_and_holds_up_nothing(vhost: Vhost, hall_url: str, path: Path) -> None:
    told: list[str] = []
    with Publisher(hall_url, lambda message, _: told.append(message.routing_key), outbox=path) as publisher:
        for number in range(300):
            publisher.send(event(number))
            if number % 10 == 0:
                publisher.send(event(1000 + number, EventType.ITEM_PUBLISHED))
        publisher.flush(20)
    assert told == ["222424.hall-1.item"] * 30
    ids = arrived(vhost.amqp_url, all_of(0, 300))
    assert list(dict.fromkeys(ids)) == [f"e{number}" for number in range(300)]

    kept = DiskOutbox(path)
    refused = list(kept.refused())
    assert [json.loads(one.body)["id"] for one in refused] == [f"e{n}" for n in range(1000, 1300, 10)]
    # RabbitMQ 4 says which kind of access it is.
    words = re.compile(r"broker: ACCESS_REFUSED - (write )?access to topic '222424\.hall-1\.item' ")
    assert all(words.match(one.reason) for one in refused), refused[0].reason
    granted = BrokerUsers(vhost.management_url, vhost.name).put(222424, "hall-1", ["case", "item"])
    assert kept.retry_refused() == 30
    with Publisher(hall_url.replace(str(urlsplit(hall_url).password), granted), outbox=path) as publisher:
        publisher.flush(20)
    assert arrived(vhost.amqp_url, lambda ids: len(ids) >= 30) == [f"e{n}" for n in range(1000, 1300, 10)]
    assert kept.count_refused() == 0
    kept.let_go()
    kept.close()


def test_a_broker_that_stops_and_starts_again_gets_everything(tmp_path: Path, path: Path) -> None:
    names = ("amqp", "management", "metrics", "distribution", "mapper")
    with scratch("restart") as directory:
        operator = User(OPERATOR, secrets.token_hex(8), tags="administrator")
        server = RabbitMQ(directory / "broker", tmp_path / "log", BrokerPorts(**ports.choose(names)), (operator,))
        url = server.amqp_url(operator)
        mapper = running(server.mapper_command(), lambda _: server.mapper_is_ready(), signal.SIGTERM)
        with mapper, Publisher(url, outbox=path) as publisher:
            publisher.send_batch(event(number) for number in range(100))
            with running(server.command(), lambda _: server.is_ready(), signal.SIGKILL) as pid:
                BrokerServer(server, operator, pid).permit(operator.name, "/")
                with open_channel(url) as channel:
                    declare(channel, 2)
                publisher.flush(30)
                sending = threading.Thread(target=lambda: [publisher.send(event(n)) for n in range(100, 3000)])
                sending.start()
                wait_until(lambda: publisher.confirmed > 500)
            sending.join()
            assert not publisher.connected
            with running(server.command(), lambda _: server.is_ready(), signal.SIGKILL):
                publisher.flush(60)
                ids = arrived(url, all_of(0, 3000))
    assert list(dict.fromkeys(ids)) == [f"e{number}" for number in range(3000)]


def test_a_hall_with_a_wrong_password_keeps_its_events(vhost: Vhost, hall_url: str, path: Path) -> None:
    """Such as one whose keys were changed, until it has the new ones."""
    url = hall_url.replace(str(urlsplit(hall_url).password), "wrong")
    publisher = Publisher(url, outbox=path)
    publisher.start()
    publisher.send(event(1))
    began = time.monotonic()
    with pytest.raises(Halt, match=r"the user or the password is wrong: .*ACCESS_REFUSED.*; 1 events are kept in"):
        publisher.flush(60)
    publisher.close()
    with pytest.raises(Halt, match="the user or the password is wrong"), Publisher(url, outbox=path):
        pytest.fail("the block was entered")
    assert time.monotonic() - began < 20 * strain()
    with Publisher(hall_url, outbox=path) as publisher:
        publisher.flush(20)
    assert arrived(vhost.amqp_url, all_of(1, 2)) == ["e1"]
