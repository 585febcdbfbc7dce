"""The consumer and what befalls it: odd messages, cuts, a queue that takes nothing, a database that is away."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.broker import EVENTS, REFUSED, Batch, ConsumerLimits, Delivery, Rejection, declare, open_channel
from hallpulse.broker.topology import queue_names
from hallpulse.contract.decode import EVENT_TYPE, Decoded
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.errors import Halt, Unavailable
from tests.consuming import consuming
from tests.hall_events import changed
from tests.ingesting import publish, publishing, strain, take_refused, wait_until
from tests.servers import BrokerServer, Vhost

KEY = "222424.hall-1.case"


def event(number: int, **attributes: object) -> dict[str, object]:
    return changed(id=f"e{number}", source="/222424/hall-1", **attributes)


def send(vhost: Vhost, numbers: range, size: int = 1) -> None:
    """Events of these numbers, `size` a message, over many halls so that every partition has some."""
    with publishing(vhost) as channel:
        for number in numbers:
            hall = f"hall-{number % 16}"
            body = [
                changed(id=f"e{number}.{n}" if size > 1 else f"e{number}", source=f"/222424/{hall}")
                for n in range(size)
            ]
            publish(channel, body if size > 1 else body[0], f"222424.{hall}.case", user_id=vhost.user)


def waiting(vhost: Vhost, names: list[str]) -> int:
    """Messages that wait in these queues, ready or not acknowledged by a consumer that is gone."""
    with open_channel(vhost.amqp_url) as channel:
        return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in names)


def cut(broker: BrokerServer, vhost: Vhost, noticed: Callable[[], bool]) -> None:
    """Close every connection of the vhost's user, again and again until it was noticed."""

    def noticed_after_cut() -> bool:
        broker.disconnect(vhost.user)
        return noticed()

    wait_until(noticed_after_cut)


@pytest.mark.parametrize("content_type", [b"\xff\xfe", "应用".encode(), b""])
def test_a_property_that_is_no_text_is_refused_and_stops_nobody(vhost: Vhost, content_type: bytes) -> None:
    with consuming(vhost) as running, publishing(vhost) as channel:
        properties = pika.BasicProperties(content_type=content_type, delivery_mode=2, user_id=vhost.user)
        channel.basic_publish(EVENTS, KEY, b"{}", properties, mandatory=True)
        publish(channel, event(1), KEY, user_id=vhost.user)
        (copy,) = take_refused(vhost, 1)
        wait_until(lambda: running.ids == ["e1"])
    assert copy.headers["x-reason"] == Reason.BAD_CONTENT_TYPE
    assert running.said == []


def test_a_routing_key_that_is_no_text_is_refused_and_stops_nobody(vhost: Vhost) -> None:
    with consuming(vhost) as running, publishing(vhost) as channel:
        properties = pika.BasicProperties(content_type=EVENT_TYPE, delivery_mode=2, user_id=vhost.user)
        channel.basic_publish(EVENTS, b"\xff.\xfe.case", json.dumps(event(1)).encode(), properties, mandatory=True)
        (copy,) = take_refused(vhost, 1)
    assert copy.headers["x-reason"] == Reason.ROUTING_MISMATCH
    assert running.said == []


def test_a_refused_event_is_acknowledged_only_once_its_copy_is_safe(vhost: Vhost, broker: BrokerServer) -> None:
    """A queue of refused events that takes nothing more holds the batch, and nothing is lost."""
    policy = {"pattern": "^hall\\.refused$", "definition": {"max-length": 1, "overflow": "reject-publish"}}
    with publishing(vhost) as channel:
        broker.manage("PUT", f"policies/{vhost.name}/full", {**policy, "apply-to": "queues"})
        wait_until(lambda: not _refused_takes(channel))
        taken = waiting(vhost, [REFUSED])
        publish(channel, b"bad", KEY, user_id=vhost.user)
    with consuming(vhost) as running:
        wait_until(lambda: len(running.said) >= 2)
        assert "refused" in running.said[0]
        broker.manage("DELETE", f"policies/{vhost.name}/full")
        wait_until(lambda: waiting(vhost, [REFUSED]) == taken + 1, 60)
    assert waiting(vhost, queue_names(2)) == 0


def _refused_takes(channel: BlockingChannel) -> bool:
    try:
        channel.basic_publish("", REFUSED, b"filler", pika.BasicProperties(delivery_mode=2), mandatory=True)
    except pika.exceptions.NackError:
        return False
    return True


def test_without_a_queue_of_refused_events_nothing_is_acknowledged(vhost: Vhost) -> None:
    with consuming(vhost):
        with publishing(vhost) as channel:
            channel.queue_delete(REFUSED)
            publish(channel, b"bad", KEY, user_id=vhost.user)
        wait_until(lambda: _is_there(vhost, REFUSED))  # it is declared again, and the message comes again
        (copy,) = take_refused(vhost, 1)
    assert copy.body == b"bad"


def _is_there(vhost: Vhost, name: str) -> bool:
    try:
        return waiting(vhost, [name]) >= 0
    except Unavailable:
        return False


def test_letters_that_come_when_the_channel_is_gone_do_no_harm(vhost: Vhost, broker: BrokerServer) -> None:
    """The commit ends after the cut: its batch comes again, and so does its rejection."""
    entered, go = threading.Event(), threading.Event()

    def slow(_: Batch) -> list[Rejection]:
        entered.set()
        assert go.wait(30)
        return [Rejection(Refusal(Reason.ID_REUSED, "id", "expected another", "", b"again"), KEY, "")]

    with publishing(vhost) as channel:
        publish(channel, event(1), KEY, user_id=vhost.user)
    with consuming(vhost, before=slow) as running:
        assert entered.wait(20)
        cut(broker, vhost, lambda: bool(running.said))
        go.set()
        (copy,) = take_refused(vhost, 1)
        wait_until(lambda: len(running.batches) >= 2)  # on a busy machine it was cut off more than once
    assert copy.body == b"again"
    assert running.failures == []


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that waits for anything but a commit under way takes an hour."""
    for name in ("consumer.FIRST_WAIT", "consumer.STOP_SECONDS", "session.STOP_SECONDS"):
        monkeypatch.setattr(f"hallpulse.broker.{name}", 3600.0)


@pytest.mark.usefixtures("no_patience")
def test_it_stops_at_once_while_the_database_is_away_and_acknowledges_nothing(vhost: Vhost) -> None:
    def away(_: Batch) -> None:
        raise Unavailable("database: gone")

    send(vhost, range(50))
    with consuming(vhost, before=away) as running:
        wait_until(lambda: bool(running.said))
        running.stop()
    assert (running.batches, running.failures) == ([], [])
    assert waiting(vhost, queue_names(2)) == 50


@pytest.mark.usefixtures("no_patience")
def test_a_stop_in_the_middle_finishes_what_is_being_committed_and_leaves_the_rest(vhost: Vhost) -> None:
    entered = threading.Event()

    def slow(_: Batch) -> None:
        entered.set()
        time.sleep(1)

    send(vhost, range(120))
    with consuming(vhost, ConsumerLimits(2, most_events=40), slow) as running:
        assert entered.wait(20)
        running.stop()
    left = waiting(vhost, queue_names(2))
    assert 0 < left < 120
    assert len(running.ids) == 120 - left
    with consuming(vhost) as rest:
        wait_until(lambda: len(running.ids) + len(rest.ids) == 120)
    assert len({*running.ids, *rest.ids}) == 120


def test_no_batch_outgrows_its_size_however_long_the_others_take(vhost: Vhost) -> None:
    send(vhost, range(120))
    with consuming(vhost, ConsumerLimits(2, most_events=10), lambda _: time.sleep(0.2)) as running:
        wait_until(lambda: len(running.ids) == 120)
    assert max(map(len, running.batches)) == 10
    assert len(running.batches) <= 20


def test_a_large_batch_is_committed_in_parts_of_separate_halls_side_by_side(vhost: Vhost) -> None:
    together = threading.Barrier(2, timeout=20)
    halls: list[set[str]] = []

    def meet(batch: Batch) -> None:
        if batch.part:
            halls.append({one.routing_key for one in batch.deliveries})
            together.wait()

    send(vhost, range(400))
    with consuming(vhost, ConsumerLimits(2, divided_events=100), meet) as running:
        wait_until(lambda: len(running.ids) == 400)
    assert running.failures == []
    assert len({*running.ids}) == 400
    assert len(halls) >= 2
    for one, other in zip(halls[::2], halls[1::2], strict=True):
        assert one.isdisjoint(other)
    assert waiting(vhost, queue_names(2)) == 0


def test_a_large_batch_of_one_hall_is_committed_as_it_is(vhost: Vhost) -> None:
    parts: list[bool] = []
    with publishing(vhost) as channel:
        for number in range(300):
            publish(channel, event(number), KEY, user_id=vhost.user)
    limits = ConsumerLimits(2, divided_events=100)
    with consuming(vhost, limits, lambda batch: parts.append(batch.part)) as running:
        wait_until(lambda: len(running.ids) == 300)
    assert max(map(len, running.batches)) >= limits.divided_events
    assert not any(parts)


def test_a_database_that_is_away_for_a_while_loses_and_doubles_nothing(vhost: Vhost) -> None:
    faults = [Unavailable("database: gone")] * 4

    def faulty(_: Batch) -> None:
        if faults:
            raise faults.pop()

    with consuming(vhost, ConsumerLimits(2, most_events=7), faulty) as running:
        with publishing(vhost) as channel:
            for number in range(100):
                publish(channel, event(number), KEY, user_id=vhost.user)
        wait_until(lambda: len(running.ids) == 100)
    assert sorted(running.ids) == sorted(f"e{number}" for number in range(100))
    assert waiting(vhost, queue_names(2)) == 0


@pytest.mark.parametrize("where", ["take", "commit"])
def test_a_fault_of_our_own_stops_with_nothing_acknowledged(
    vhost: Vhost, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    if where == "take":
        monkeypatch.setattr(Batch, "add", broken)
    send(vhost, range(10))
    with consuming(vhost, before=broken) as running:
        running.thread.join(20)
        assert not running.thread.is_alive()
    assert [type(error) for error in running.failures] == [ZeroDivisionError]
    assert waiting(vhost, queue_names(2)) == 10


def test_partitions_taken_away_are_emptied_and_get_nothing_more(vhost: Vhost) -> None:
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 6)
        channel.confirm_delivery()
        for number in range(64):
            hall = f"hall-{number}"
            body = changed(id=f"e{number}", source=f"/222424/{hall}")
            publish(channel, body, f"222424.{hall}.case", user_id=vhost.user)
        assert waiting(vhost, queue_names(6)[2:]) > 0
        with consuming(vhost, ConsumerLimits(2)) as running:
            wait_until(lambda: len(running.ids) == 64)
        for number in range(64, 128):
            hall = f"hall-{number}"
            body = changed(id=f"e{number}", source=f"/222424/{hall}")
            publish(channel, body, f"222424.{hall}.case", user_id=vhost.user)
    assert waiting(vhost, queue_names(6)[2:]) == 0
    assert waiting(vhost, queue_names(2)) == 64


def test_a_queue_that_was_declared_otherwise_is_a_reason_to_stop(vhost: Vhost) -> None:
    with open_channel(vhost.amqp_url) as channel:
        channel.queue_declare("hall.ingest.0", durable=True)
    with consuming(vhost) as running:
        running.thread.join(20)
        assert not running.thread.is_alive()
    (error,) = running.failures
    assert isinstance(error, Halt)
    assert "hall.ingest.0" in str(error)
    assert "\n" not in str(error)


def test_connections_lost_many_times_leave_no_open_files(vhost: Vhost, broker: BrokerServer) -> None:
    with consuming(vhost) as running:
        before = None
        for _ in range(5):
            running.said.clear()
            cut(broker, vhost, lambda: bool(running.said))
            before = before or len(os.listdir("/proc/self/fd"))
        after = len(os.listdir("/proc/self/fd"))
    assert before is not None
    assert after <= before + 2


def test_batches_of_a_lost_connection_do_not_pile_up(vhost: Vhost, broker: BrokerServer) -> None:
    """With the database away and the broker coming and going, what comes again is committed once, not once a cut."""
    gone = threading.Event()

    def away(_: Batch) -> None:
        if not gone.is_set():
            raise Unavailable("database: gone")

    send(vhost, range(30))
    limits = ConsumerLimits(2, most_events=5)
    with consuming(vhost, limits, away) as running:
        for _ in range(3):
            wait_until(lambda: any("database" in line for line in running.said))
            cut(broker, vhost, lambda: any("broker" in line for line in running.said))
            running.said.clear()
        gone.set()
        wait_until(lambda: waiting(vhost, queue_names(2)) == 0 and len(set(running.ids)) == 30, 60)
    assert len(running.ids) <= 30 + 3 * 5


def test_what_is_held_stays_within_bounds_however_large_the_messages(
    vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Envelopes come in fewer at a time than single events: a backlog of them does not fill the memory."""
    taken, done, peak = 0, 0, 0
    add = Batch.add

    def note(batch: Batch, delivery: Delivery, now: float) -> None:
        nonlocal taken, peak
        taken += len(delivery.body)
        peak = max(peak, taken - done)
        add(batch, delivery, now)

    def slow(batch: Batch) -> None:
        nonlocal done
        time.sleep(0.3)
        done += batch.bytes

    monkeypatch.setattr(Batch, "add", note)

    with publishing(vhost) as channel:
        for number in range(400):
            body = b'"' + b"x" * 400_000 + b'"'
            properties = pika.BasicProperties(content_type=EVENT_TYPE, user_id=vhost.user)
            channel.basic_publish(EVENTS, f"222424.hall-{number}.case", body, properties, mandatory=True)
    with consuming(vhost, ConsumerLimits(2, most_bytes=20_000_000), slow, lambda _: Decoded([], [])) as running:
        wait_until(lambda: done == 400 * 400_002, 60)
    assert running.said == []
    assert 20_000_000 < peak < 40_000_000


def test_the_lag_grows_while_the_database_is_away_and_is_gone_afterwards(vhost: Vhost) -> None:
    gone = threading.Event()

    def away(_: Batch) -> None:
        if not gone.is_set():
            raise Unavailable("database: gone")

    with consuming(vhost, before=away) as running:
        time.sleep(0.5)
        assert running.consumer.lag() == 0
        send(vhost, range(5))
        wait_until(lambda: running.consumer.lag() > 1.5)
        gone.set()
        wait_until(lambda: running.consumer.lag() == 0)
        assert len(running.ids) == 5


def test_an_idle_consumer_hands_on_at_once(vhost: Vhost) -> None:
    """From the publisher's confirmation to the commit, where nothing but idleness makes a batch due."""
    committed: list[float] = []
    limits = ConsumerLimits(2, most_seconds=3600)
    with consuming(vhost, limits, lambda _: committed.append(time.monotonic())) as running:
        send(vhost, range(1))
        wait_until(lambda: len(running.ids) == 1)
        waits = []
        with publishing(vhost) as channel:
            for number in range(20):
                publish(channel, event(number), KEY, user_id=vhost.user)
                sent = time.monotonic()
                wait_until(lambda number=number: len(running.ids) == number + 2)  # type: ignore[misc]
                waits.append(committed[-1] - sent)
    assert sorted(waits)[10] < 0.05 * strain()
