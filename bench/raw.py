"""Do the least that a consumer can do, to compare all others with: `python -m bench.raw AMQP_URL MESSAGES PARTITIONS`.

It uses pika's SelectConnection and the same queues, acknowledges a thousand messages at once, and does nothing else.
"""

from __future__ import annotations

import json
import sys
import time

from pika import BasicProperties, SelectConnection, URLParameters, spec
from pika.channel import Channel

from hallpulse.broker.topology import queue_names

ACK_EVERY = 1000
PREFETCH = 4000


class RawConsumer:
    def __init__(self, amqp_url: str, messages: int, partitions: int) -> None:
        self._queues = queue_names(partitions)
        self._left = messages
        self._since_ack = 0
        self._connection = SelectConnection(
            URLParameters(amqp_url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._on_channel),
            on_close_callback=lambda connection, _reason: connection.ioloop.stop(),
        )

    def run(self) -> dict[str, float]:
        """Return the seconds from the connection's beginning to its end, and the seconds of CPU."""
        began, spent = time.monotonic(), time.process_time()
        self._connection.ioloop.start()
        return {"seconds": time.monotonic() - began, "cpu": time.process_time() - spent}

    def _on_channel(self, channel: Channel) -> None:
        channel.basic_qos(prefetch_count=PREFETCH)
        for name in self._queues:
            channel.basic_consume(name, self._on_message)

    def _on_message(self, channel: Channel, method: spec.Basic.Deliver, _: BasicProperties, _body: bytes) -> None:
        self._left -= 1
        self._since_ack += 1
        if self._since_ack == ACK_EVERY or not self._left:
            self._since_ack = 0
            channel.basic_ack(method.delivery_tag, multiple=True)
        if not self._left:
            self._connection.close()


if __name__ == "__main__":
    print(json.dumps(RawConsumer(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).run()))
