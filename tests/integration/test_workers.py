"""Workers that share the partitions: who takes over, who gets a share, and what waits for them."""

from __future__ import annotations

import contextlib
import time

import pytest

from hallpulse.broker import EVENTS, ConsumerLimits, declare, open_channel
from hallpulse.broker.topology import PARTITIONS, queue_names
from tests.consuming import consuming
from tests.ingesting import strain, wait_until
from tests.integration.test_consumer import send, waiting
from tests.servers import Vhost


def test_a_second_worker_takes_over_within_seconds(vhost: Vhost) -> None:
    with consuming(vhost) as first, consuming(vhost) as second:
        send(vhost, range(40))
        wait_until(lambda: len(first.ids) + len(second.ids) == 40)
        first.stop()
        send(vhost, range(40, 80))
        wait_until(lambda: len(first.ids) + len(second.ids) == 80)
    assert len({*first.ids, *second.ids}) == 80


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_that_come_later_get_their_share(vhost: Vhost, workers: int) -> None:
    limits = ConsumerLimits(4, share_seconds=0.3)
    published = 0
    with contextlib.ExitStack() as stack:
        running = []
        for _ in range(workers):
            running.append(stack.enter_context(consuming(vhost, limits)))
            send(vhost, range(published, published + 40))
            published += 40
        began = time.monotonic()
        while True:
            before = [len(one.ids) for one in running]
            send(vhost, range(published, published + 64))
            published += 64
            wait_until(lambda: sum(len(one.ids) for one in running) >= published)  # noqa: B023
            if all(len(one.ids) > had for one, had in zip(running, before, strict=True)):
                break
            assert time.monotonic() - began < 60 * strain(), before
    ids = [id_ for one in running for id_ in one.ids]
    assert len(ids) == len(set(ids)) == published


def test_one_worker_alone_lets_nothing_go(vhost: Vhost) -> None:
    with consuming(vhost, ConsumerLimits(4, share_seconds=0.05)) as running:
        send(vhost, range(200))
        wait_until(lambda: len(running.ids) == 200)
    assert sorted(running.ids) == sorted(f"e{number}" for number in range(200))
    assert running.said == []


def test_what_is_published_before_any_worker_came_is_kept(vhost: Vhost) -> None:
    send(vhost, range(10), size=50)
    assert waiting(vhost, queue_names(2)) == 10
    with consuming(vhost) as running:
        wait_until(lambda: len(running.ids) == 500)


def test_exchanges_and_queues_outlive_a_second_declaration(vhost: Vhost) -> None:
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
        declare(channel, 3)
        channel.exchange_declare(EVENTS, passive=True)
        channel.exchange_declare(PARTITIONS, passive=True)
