"""A hall that publishes one event at a time. Each event raises one figure by one."""

from __future__ import annotations

import contextlib
import json
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pika import BasicProperties, BlockingConnection, URLParameters
from pika.adapters.blocking_connection import BlockingChannel

from bench.filling import user_of
from bench.streams import COUNTY
from hallpulse.broker import EVENTS
from hallpulse.contract.decode import EVENT_TYPE

HALL = "bench-hall"


class Prober:
    """Publishes events of separate cases: all are received beforehand, then accepted one by one."""

    def __init__(self, channel: BlockingChannel, user: str, cases: int) -> None:
        self._channel = channel
        self._user = user
        prefix = uuid.uuid4().hex[:8]
        self._cases = [f"{prefix}-{number:04}" for number in range(cases)]
        self._dice = random.Random(1)

    def receive(self) -> None:
        more = {"item_code": "bench-item", "department": "data-bureau", "channel": "window"}
        for case in self._cases:
            self._publish("received", datetime.now(UTC) - timedelta(seconds=1), {"case_id": case, **more})

    def accept(self, number: int) -> float:
        """Publish an event and wait for the broker's confirmation; return when it was sent, in monotonic seconds."""
        began = time.monotonic()
        self._publish("accepted", datetime.now(UTC), {"case_id": self._cases[number]})
        return began

    def rest(self) -> None:
        """Wait for a random time, so that the probes do not run in step with a timer."""
        self._channel.connection.sleep(self._dice.uniform(0.1, 0.5))

    def _publish(self, what: str, at: datetime, data: dict[str, Any]) -> None:
        event = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"/{COUNTY}/{HALL}",
            "type": f"hall.case.{what}.v1",
            "time": at.isoformat(),
            "data": data,
        }
        properties = BasicProperties(content_type=EVENT_TYPE, delivery_mode=2, user_id=self._user)
        self._channel.basic_publish(EVENTS, f"{COUNTY}.{HALL}.case", json.dumps(event).encode(), properties)


@contextlib.contextmanager
def prober(publisher_url: str, cases: int) -> Iterator[Prober]:
    connection = BlockingConnection(URLParameters(publisher_url))
    channel = connection.channel()
    channel.confirm_delivery()
    made = Prober(channel, user_of(publisher_url), cases)
    made.receive()
    try:
        yield made
    finally:
        connection.close()
