"""Two batches are committed at once, and acknowledged in order."""

from __future__ import annotations

from hallpulse.broker import Batch, ConsumerLimits
from hallpulse.broker.topology import queue_names
from hallpulse.domain.errors import Unavailable
from tests.consuming import consuming
from tests.ingesting import publish, publishing, wait_until
from tests.integration.test_consumer import KEY, event, waiting
from tests.servers import Vhost


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
