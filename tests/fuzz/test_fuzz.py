"""Mutated messages through the real broker into the real ingest: none is lost, none counts twice, nothing falls over.

FUZZ: how many; SEED: which ones. `make fuzz` sends 100,000.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import EVENTS, REFUSED, declare, open_channel
from hallpulse.broker.topology import queue_names
from hallpulse.broker.users import BrokerUsers
from hallpulse.store import Store
from tests.fuzz.accounting import Copy, account, key_in
from tests.fuzz.messages import FAMILIES, HALLS, REGION, Sent, messages
from tests.ingesting import PARTITIONS
from tests.integration.test_ingest_process import environment, metric, running
from tests.servers import Vhost

__all__ = ["environment"]
COUNT = int(os.environ.get("FUZZ") or 2000)
SEED = int(os.environ.get("SEED") or 20260302)
STILL_SECONDS = 1.5
LAG = "hallpulse_ingest_lag_seconds"


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


def waiting(vhost: Vhost) -> int:
    with open_channel(vhost.amqp_url) as channel:
        names = queue_names(PARTITIONS)
        return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in names)


def outcomes(environment: dict[str, str]) -> int:
    names = ("events_total", "events_duplicate_total", "events_refused_total")
    return round(sum(metric(environment, f"hallpulse_{name}") for name in names))


def wait_until_still(environment: dict[str, str], vhost: Vhost) -> None:
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < STILL_SECONDS or waiting(vhost) or metric(environment, LAG):
        time.sleep(0.1)
        now = outcomes(environment)
        if now != seen:
            seen, since = now, time.monotonic()
        assert time.monotonic() - since < 60, "it takes nothing more off its queues"


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
    found = {(hall, id_) for hall in HALLS for id_ in store.stored_ids(REGION, hall, sorted(ids))}
    assert len(found) == sum(store.event_counts(REGION).values())
    assert store.regions() == [REGION]
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
        for channel in channels.values():
            channel.basic_qos(prefetch_count=1)  # answered once the broker has taken all that came before
        wait_until_still(environment, vhost)
        seconds = time.monotonic() - began - STILL_SECONDS
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
