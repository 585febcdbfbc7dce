"""Ingest as a process at its refusal limit: it stops before it empties its queues, and only a person starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ConnectionClosedByBroker

from hallpulse.broker import REFUSED, declare, open_channel
from hallpulse.broker.stopped import EXIT_STATUS, _asked, reason, stop
from hallpulse.broker.topology import queue_name
from hallpulse.contract.events import EventType
from hallpulse.domain.errors import Unavailable
from hallpulse.store import Store
from services.console.commands.refused import command
from tests.hall_events import changed
from tests.ingesting import publish, stored, wait_until
from tests.integration.test_ingest_process import environment, running
from tests.servers import Vhost

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


def test_it_stops_with_a_line_and_no_restart_takes_anything_more_until_a_person_says_so(
    limited: dict[str, str], channel: BlockingChannel, vhost: Vhost, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(channel, vhost, EVENTS // len(HALLS), time=FUTURE)
    messages = waiting(channel, QUEUE)
    status, said = ended(limited)
    assert status == EXIT_STATUS
    assert said.startswith("ingest: refusal limit: ")
    assert said.count("\n") == 1
    assert "time-in-future" in said
    wait_until(lambda: waiting(channel, QUEUE) > 0)
    refused, left = waiting(channel, REFUSED), waiting(channel, QUEUE)
    assert refused < WINDOW
    assert left >= messages - WINDOW / 10
    status, said = ended(limited)
    assert (status, said.count("\n")) == (EXIT_STATUS, 1)
    assert said.startswith("ingest: stopped since ")
    assert "refusal limit: " in said
    assert (waiting(channel, REFUSED), waiting(channel, QUEUE)) == (refused, left)
    for name, value in limited.items():
        monkeypatch.setenv(name, value)
    assert "time-in-future" in CliRunner().invoke(command, ["resume"]).output
    assert "is not stopped" in CliRunner().invoke(command, ["resume"]).output
    stop(vhost.amqp_url, "refusal limit: to be ignored")
    with running(limited | {"HALLPULSE_REFUSAL_LIMIT": "off"}):
        wait_until(lambda: waiting(channel, REFUSED) >= EVENTS)
    assert reason(vhost.amqp_url) is None
    assert stored(store) == 0


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
