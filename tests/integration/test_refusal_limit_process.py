"""Ingest as a process: what proves a fault of ours stops it before it empties its queues, and no hall does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ConnectionClosedByBroker

from hallpulse.broker import REFUSED, declare, open_channel
from hallpulse.broker.stopped import EXIT_STATUS, _asked, reason, stop
from hallpulse.broker.topology import queue_name, slow_names
from hallpulse.contract.events import EventType, HallEvent, Received
from hallpulse.domain.errors import Unavailable
from hallpulse.store import Store
from services.console.commands.refused import command
from tests.hall_events import changed
from tests.ingesting import publish, stored, wait_until
from tests.integration.test_ingest_process import environment, running
from tests.servers import BrokerServer, Vhost

__all__ = ["environment"]
HALLS = ("hall-1", "hall-2", "hall-3")
WINDOW, EVENTS = 200, 1500
QUEUE = queue_name(0)
FUTURE = "2099-01-01T00:00:00+08:00"


@pytest.fixture
def limited(environment: dict[str, str]) -> dict[str, str]:
    """With one queue, so that what is taken off it first is sure."""
    return environment | {"HALLPULSE_REFUSAL_WINDOW": str(WINDOW), "HALLPULSE_PARTITIONS": "1"}


@pytest.fixture
def channel(vhost: Vhost) -> Iterator[BlockingChannel]:
    with open_channel(vhost.amqp_url) as opened:
        declare(opened, 1)
        opened.confirm_delivery()
        yield opened


def events(hall: str, numbers: Iterable[int], **attributes: Any) -> list[dict[str, Any]]:
    source = f"/222424/{hall}"
    return [changed(EventType.CASE_RECEIVED, id=f"{n}", source=source, **attributes) for n in numbers]


def fill(channel: BlockingChannel, vhost: Vhost, count: int, halls: Iterable[str] = HALLS, **attributes: Any) -> None:
    """So many events of each hall, in batches of ten, in turns."""
    for start in range(0, count, 10):
        for hall in halls:
            batch = events(hall, range(start, start + 10), **attributes)
            publish(channel, batch, f"222424.{hall}.case", user_id=vhost.user)


def waiting(channel: BlockingChannel, *names: str) -> int:
    return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in names)


def ended(environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and what it said after `ready`."""
    argv = [sys.executable, "-m", "services.ingest"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    ready, _, said = done.stderr.partition("\n")
    assert ready == "ingest: ready"
    return done.returncode, said


def taken_by_an_earlier_version(store: Store, halls: Iterable[str], case_id: str = "13812345678") -> None:
    """Stored as it is, past the contract of this version."""
    data = Received(case_id=case_id, item_code="item-1", department="justice", channel="window")
    now = datetime.now(UTC)
    time = int(now.timestamp()) * 1_000_000
    store.merge([HallEvent(222424, hall, "old", EventType.CASE_RECEIVED, time, data) for hall in halls], now)


def test_a_version_that_refuses_what_an_earlier_one_took_takes_nothing_before_a_person_says_so(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_by_an_earlier_version(store, HALLS)
    fill(channel, vhost, EVENTS // len(HALLS), time=FUTURE)
    messages = waiting(channel, QUEUE)
    status, said = ended(limited)
    assert status == EXIT_STATUS
    assert said.startswith("ingest: refusal limit: this version refuses what an earlier one took, of every hall (3);")
    assert said.count("\n") == 1
    assert "personal-data" in said
    assert (waiting(channel, REFUSED), waiting(channel, QUEUE)) == (0, messages)
    for name, value in limited.items():
        monkeypatch.setenv(name, value)
    assert "personal-data" in CliRunner().invoke(command, ["resume"]).output
    assert "is not stopped" in CliRunner().invoke(command, ["resume"]).output
    stop(vhost.amqp_url, "refusal limit: to be ignored")
    with running(limited | {"HALLPULSE_REFUSAL_LIMIT": "off"}):
        wait_until(lambda: waiting(channel, REFUSED) >= EVENTS)
    assert reason(vhost.amqp_url) is None
    assert stored(store) == len(HALLS)


def test_what_of_one_hall_is_taken_as_before_is_enough_to_go_on(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, store: Store
) -> None:
    taken_by_an_earlier_version(store, HALLS[:2])
    taken_by_an_earlier_version(store, HALLS[2:], "case-1")
    fill(channel, vhost, 10, HALLS[2:])
    with running(limited):
        wait_until(lambda: stored(store) == 13)


def test_a_gateway_that_logs_in_under_a_wrong_name_stops_ingest_and_no_restart_takes_more(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, broker: BrokerServer, store: Store
) -> None:
    broker.add_user("gateway-2", "secret")
    broker.permit("gateway-2", vhost.name)
    address = urlsplit(vhost.amqp_url)
    url = f"amqp://gateway-2:secret@{address.hostname}:{address.port}/{vhost.name}"
    with open_channel(url) as stranger:
        fill(stranger, replace(vhost, user="gateway-2"), EVENTS // len(HALLS))
    messages = waiting(channel, QUEUE)
    status, said = ended(limited)
    assert status == EXIT_STATUS
    assert said.startswith("ingest: refusal limit: the broker user 'gateway-2' is no hall's")
    wait_until(lambda: waiting(channel, QUEUE) > 0)
    refused, left = waiting(channel, REFUSED), waiting(channel, QUEUE)
    assert refused < 2 * WINDOW
    assert left >= messages - 2 * WINDOW / 10
    status, said = ended(limited)
    assert (status, said.count("\n")) == (EXIT_STATUS, 1)
    assert said.startswith("ingest: stopped since ")
    assert (waiting(channel, REFUSED), waiting(channel, QUEUE)) == (refused, left)
    assert stored(store) == 0


def test_all_halls_in_trouble_are_served_slowly_and_what_they_send_right_is_stored(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, store: Store
) -> None:
    fill(channel, vhost, EVENTS // len(HALLS), time=FUTURE)
    with running(limited):
        wait_until(lambda: waiting(channel, REFUSED) == EVENTS)
        publish(channel, events("hall-1", [9001]), "222424.hall-1.case", user_id=vhost.user)
        wait_until(lambda: stored(store) == 1)
        fill(channel, vhost, 2000, HALLS[:1])
        wait_until(lambda: stored(store) == 2001)
        assert waiting(channel, *slow_names()) == 0
    assert reason(vhost.amqp_url) is None


def test_one_halls_flood_of_rubbish_holds_up_nobody(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, store: Store
) -> None:
    fill(channel, vhost, 1000, HALLS[:1], time=FUTURE)
    fill(channel, vhost, 10, HALLS[1:])
    with running(limited):
        wait_until(lambda: waiting(channel, REFUSED) == 1000)
        wait_until(lambda: stored(store) == 20)


def test_no_other_worker_begins_while_ingest_is_stopped(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, store: Store
) -> None:
    stop(vhost.amqp_url, "refusal limit: another worker")
    stop(vhost.amqp_url, "refusal limit: said twice")
    fill(channel, vhost, 10)
    assert ended(limited) == (EXIT_STATUS, f"ingest: stopped since {reason(vhost.amqp_url)}\n")
    assert waiting(channel, QUEUE) == 3
    assert stored(store) == 0


def test_a_queue_that_is_only_just_made_is_asked_again(vhost: Vhost) -> None:
    faults = [ConnectionClosedByBroker(541, "INTERNAL_ERROR - Cannot get a message from queue 'hall.stopped': noproc")]

    def ask(_: BlockingChannel) -> str:
        if faults:
            raise faults.pop()
        return "too many refused"

    assert _asked(vhost.amqp_url, ask) == "too many refused"
    faults.append(ConnectionClosedByBroker(541, "INTERNAL_ERROR"))
    with pytest.raises(Unavailable, match="INTERNAL_ERROR"):
        _asked(vhost.amqp_url, ask)
