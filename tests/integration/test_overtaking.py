"""Two batches are committed at once, and acknowledged in order."""

from __future__ import annotations

import threading

from hallpulse.broker import Batch, ConsumerLimits, Delivery
from hallpulse.broker.topology import queue_names
from hallpulse.contract.decode import Decoded, decode_message
from hallpulse.domain.errors import Unavailable
from tests.consuming import NOW, consuming
from tests.ingesting import publish, publishing, wait_until
from tests.integration.test_consumer import KEY, event, waiting
from tests.servers import Vhost

SLOW_KEY = "222424.hall-2.case"


def test_a_batch_that_overtakes_another_is_not_acknowledged_before_it(vhost: Vhost) -> None:
    """One acknowledgement stands for all that came before: it would throw away what is not stored yet."""
    tries: list[int] = []

    def away_for_the_first(batch: Batch) -> None:
        """The first delivery's, however many came with it: brokers differ in how many they send at once."""
        if batch.deliveries[0].tag == 1:
            tries.append(len(batch.deliveries))
            raise Unavailable("database: gone")

    with publishing(vhost) as channel:
        for number in range(20):
            publish(channel, event(number), KEY, user_id=vhost.user)
    with consuming(vhost, ConsumerLimits(2, most_events=10), away_for_the_first) as running:
        wait_until(lambda: len(tries) >= 2 and len(running.ids) == 20 - tries[0])
        running.stop()
    assert running.ids == [f"e{number}" for number in range(tries[0], 20)]
    assert waiting(vhost, queue_names(2)) == 20


def test_deliveries_of_slow_halls_hold_up_no_others_and_none_is_lost(vhost: Vhost) -> None:
    """Their batches are small and one at a time; what came between them is acknowledged behind them."""
    blocked, together = threading.Event(), list[set[str]]()

    def slow(batch: Batch) -> None:
        together.append({delivery.routing_key for delivery in batch.deliveries})
        if SLOW_KEY in together[-1]:
            assert blocked.wait(30)

    with publishing(vhost) as channel:
        for number in range(40):
            publish(channel, event(number), KEY if number % 2 else SLOW_KEY, user_id=vhost.user)
    limits = ConsumerLimits(2, most_events=8, aside_events=4)
    with consuming(vhost, limits, slow, _as_it_is, slow={"222424.hall-2"}) as running:
        wait_until(lambda: len(running.ids) == 20)
        assert all(int(id_[1:]) % 2 for id_ in running.ids)
        blocked.set()
        wait_until(lambda: len(running.ids) == 40)
        wait_until(lambda: waiting(vhost, queue_names(2)) == 0)
        running.stop()
    assert sorted(running.ids) == sorted(f"e{number}" for number in range(40))
    assert all(len(keys) == 1 for keys in together)
    assert waiting(vhost, queue_names(2)) == 0


def test_what_is_not_acknowledged_behind_a_slow_hall_comes_again_after_a_stop(vhost: Vhost) -> None:
    def slow(batch: Batch) -> None:
        if batch.deliveries[0].routing_key == SLOW_KEY:
            raise Unavailable("database: gone")

    with publishing(vhost) as channel:
        for number in range(10):
            publish(channel, event(number), KEY if number % 2 else SLOW_KEY, user_id=vhost.user)
    with consuming(vhost, ConsumerLimits(2), slow, _as_it_is, slow={"222424.hall-2"}) as running:
        wait_until(lambda: len(running.ids) == 5)
        running.stop()
    with consuming(vhost, decode=_as_it_is) as rest:
        wait_until(lambda: {*running.ids, *rest.ids} == {f"e{number}" for number in range(10)})


def _as_it_is(delivery: Delivery) -> Decoded:
    """Without a look at its sender."""
    return decode_message(
        delivery.body,
        content_type=delivery.content_type,
        routing_key=KEY,
        user_id="g",
        now=NOW,
        gateway_users=frozenset({"g"}),
    )
