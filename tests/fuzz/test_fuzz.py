"""Mutated messages through the real broker into the real ingest: none is lost, none counts twice, nothing falls over.

FUZZ: how many; SEED: which ones. `make fuzz` sends 100,000.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import EVENTS, REFUSED, declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.topology import queue_names
from hallpulse.contract.decode import EVENT_TYPE, decode_message
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from hallpulse.store import Store
from tests.fuzz.accounting import Copy, account, key_in
from tests.fuzz.messages import FAMILIES, HALLS, REGION, Sent, messages
from tests.hall_events import NOW
from tests.ingesting import PARTITIONS
from tests.integration.test_ingest_process import environment, metric, running
from tests.moments import ask
from tests.servers import Vhost

__all__ = ["environment"]
COUNT = int(os.environ.get("FUZZ") or 2000)
SEED = int(os.environ.get("SEED") or 20260302)
PATIENCE_SECONDS = 60.0


@pytest.fixture
def channels(vhost: Vhost, store: Store) -> Iterator[Mapping[str, BlockingChannel]]:
    """One a hall, each opened as that hall's own broker user."""
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, PARTITIONS)
    users = BrokerUsers(vhost.management_url, vhost.name)
    address = vhost.amqp_url.partition("@")[2]
    with contextlib.ExitStack() as stack:
        opened = {}
        for hall in HALLS:
            password = users.put(REGION, hall, FAMILIES)
            store.halls.add(REGION, hall, FAMILIES, f"hash of {hall}")
            opened[hall] = stack.enter_context(open_channel(f"amqp://{REGION}.{hall}:{password}@{address}"))
        yield opened


def publish(channels: Mapping[str, BlockingChannel], sent: Sent) -> None:
    user = f"{REGION}.{sent.hall}" if sent.identified else None
    properties = pika.BasicProperties(sent.content_type, headers=sent.headers, delivery_mode=2, user_id=user)
    channels[sent.hall].basic_publish(EVENTS, sent.routing_key, sent.body, properties)


def last_words(channels: Mapping[str, BlockingChannel]) -> list[Sent]:
    """One confirmed message into each queue that a hall writes to: all that came before it is in the queue too."""
    said = []
    for hall, channel in channels.items():
        channel.confirm_delivery()
        for family in FAMILIES:
            event = {**example(EventType.HEARTBEAT), "id": f"last-{family}", "source": f"/{REGION}/{hall}"}
            said.append(Sent(hall, family, EVENT_TYPE, True, json.dumps(event).encode()))
            publish(channels, said[-1])
    return said


def waiting(vhost: Vhost) -> int:
    with open_channel(vhost.amqp_url) as channel:
        names = queue_names(PARTITIONS)
        return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in names)


def outcomes(environment: dict[str, str]) -> int:
    names = ("events_total", "events_duplicate_total", "events_refused_total")
    return round(sum(metric(environment, f"hallpulse_{name}") for name in names))


def wait_for_all(environment: dict[str, str], sent: Sequence[Sent]) -> None:
    """Until as much came out as the contract's own decoder says is in; whether that is so, the account will tell."""
    wanted, seen, since = sum(map(events_in, sent)), -1, time.monotonic()
    while (now := outcomes(environment)) < wanted and time.monotonic() - since < PATIENCE_SECONDS:
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def events_in(sent: Sent) -> int:
    decoded = decode_message(
        sent.body, content_type=sent.content_type, routing_key=sent.routing_key, user_id="", now=NOW
    )
    return len(decoded.events) + len(decoded.refusals)


def take_all(vhost: Vhost) -> Iterator[Copy]:
    with open_channel(vhost.amqp_url) as channel:
        left = int(channel.queue_declare(REFUSED, passive=True).method.message_count)
        for _, properties, body in channel.consume(REFUSED, auto_ack=True, inactivity_timeout=30):
            yield Copy(body, properties)
            left -= 1
            if not left:
                break
        assert channel.basic_get(REFUSED)[0] is None


def stored(store: Store, sent: Sequence[Sent]) -> set[tuple[str, str]]:
    """Hall and id of every stored event; fails where one is stored whose id nobody sent."""
    ids = {key[1] for message in sent for body in (message.body, *message.parts) if (key := key_in(body))}
    found = {(hall, id_) for hall in HALLS for id_ in ask(store).stored_ids(REGION, hall, sorted(ids))}
    assert len(found) == sum(ask(store).event_counts(REGION).values())
    assert ask(store).regions() == [REGION]
    return found


def memory(pid: int) -> int:
    """The most that a process ever held, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def test_mutated_messages_are_each_stored_once_or_refused_with_a_reason(
    environment: dict[str, str], channels: Mapping[str, BlockingChannel], vhost: Vhost, store: Store
) -> None:
    print(f"{COUNT} messages, SEED={SEED}")
    sent = list(messages(SEED, COUNT))
    with running(environment | {"HALLPULSE_REFUSAL_LIMIT": "off"}) as process:
        began = time.monotonic()
        for message in sent:
            publish(channels, message)
        sent += last_words(channels)
        wait_for_all(environment, sent)
        seconds = time.monotonic() - began
        counted = {
            name: metric(environment, f"hallpulse_{name}_total")
            for name in ("events", "events_duplicate", "events_refused", "hall_events_refused")
        }
        held = memory(process.pid)
        assert process.poll() is None, "it ended"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert waiting(vhost) == 0
    found = account(sent, take_all(vhost), stored(store, sent))
    print(
        f"{found.stored} stored, {found.duplicates} known already, {found.refused} refused; {seconds:.1f} s, {held} MiB"
    )
    print(", ".join(f"{reason} {count}" for reason, count in found.reasons.most_common()))
    assert (found.lost, found.unasked) == ([], [])
    assert counted == {
        "events": found.stored, "events_duplicate": found.duplicates,
        "events_refused": found.refused, "hall_events_refused": found.refused,
    }  # fmt: skip
    assert found.stored > COUNT / 10 < found.refused
    assert store.recompute(check=True) == []
