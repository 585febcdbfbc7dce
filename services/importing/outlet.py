"""Publishing of an import's events: batched by routing key, many batches in flight, each kept until it is confirmed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.encode import encode_batch
from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Unavailable
from hallpulse.publisher.confirmed_channel import ConfirmedChannel

EVENTS_AN_ENVELOPE = 100
MOST_GATHERED = 20_000
"""Most events that wait for their batch to fill, over all routing keys; this bounds the memory."""
UNDER_WAY = 64
PATIENCE_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_LONGEST_PAUSE = 2.0


class _Envelope(NamedTuple):
    routing_key: str
    body: bytes
    events: int
    content_type: str = BATCH_TYPE


class Outlet:
    """Publishes events as a user that may speak for every hall. app: the property app_id of the messages.

    If the broker does not take a batch, because it is down or a queue is full, the batch is sent again for a minute;
    then Unavailable is raised. An event may be sent twice, but it counts once. `confirmed` is the number of events that
    the broker has confirmed.
    """

    def __init__(self, amqp_url: str, app: str | None = None) -> None:
        self._pipeline = ConfirmedChannel(amqp_url, app=app)
        self._gathered: dict[str, list[HallEvent]] = {}
        self._count = 0
        self._under_way: deque[tuple[_Envelope, Future[None]]] = deque()
        self.confirmed = 0

    def __enter__(self) -> Outlet:
        self._pipeline.start(_CONNECT_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._pipeline.close()

    def send(self, events: Iterable[HallEvent]) -> None:
        for event in events:
            key = f"{event.region}.{event.hall}.{event.type.family}"
            gathered = self._gathered.setdefault(key, [])
            gathered.append(event)
            self._count += 1
            if len(gathered) >= EVENTS_AN_ENVELOPE:
                self._post(key)
            elif self._count >= MOST_GATHERED:
                self._post_all()

    def flush(self) -> None:
        """Send everything that waits, and return once the broker has confirmed it. Raise Unavailable."""
        self._post_all()
        while self._under_way:
            self._await_oldest()

    def _post_all(self) -> None:
        for key in list(self._gathered):
            self._post(key)

    def _post(self, key: str) -> None:
        events = self._gathered.pop(key)
        self._count -= len(events)
        self._send(_Envelope(key, encode_batch(events), len(events)))

    def tell(self, routing_key: str, body: bytes) -> None:
        """Send the message about a rejected declaration, which is not counted as a published event."""
        self._send(_Envelope(routing_key, body, 0, EVENT_TYPE))

    def _send(self, envelope: _Envelope) -> None:
        while len(self._under_way) >= UNDER_WAY:
            self._await_oldest()
        self._under_way.append((envelope, self._publish(envelope)))

    def _publish(self, envelope: _Envelope) -> Future[None]:
        return self._pipeline.publish(envelope.routing_key, envelope.body, envelope.content_type)

    def _await_oldest(self) -> None:
        envelope, future = self._under_way.popleft()
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
        while True:
            try:
                future.result()
                break
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            future = self._publish(envelope)
        self.confirmed += envelope.events
