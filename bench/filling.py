"""Fill queues quickly: many messages wait for their confirmation at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pika import BasicProperties, SelectConnection, URLParameters, spec
from pika.channel import Channel

from bench.streams import Message
from hallpulse.broker import EVENTS

IN_FLIGHT = 4000


def fill(publisher_url: str, messages: Sequence[Message]) -> None:
    """Publish messages and wait until the broker has confirmed all. Raises RuntimeError if it does not."""
    filler = _Filler(publisher_url, messages)
    filler.run()
    if filler.confirmed != len(messages):
        raise RuntimeError(f"the broker took {filler.confirmed} of {len(messages)} messages: {filler.fault}")


def user_of(amqp_url: str) -> str:
    return str(URLParameters(amqp_url).credentials.username)


def properties_of(message: Message, user: str) -> BasicProperties:
    encoding = "utf-8" if message.headers else None
    return BasicProperties(message.content_type, encoding, message.headers, delivery_mode=2, user_id=user)


class _Filler:
    def __init__(self, url: str, messages: Sequence[Message]) -> None:
        self._left: Iterator[Message] = iter(messages)
        self._wanted = len(messages)
        self._user = user_of(url)
        self._sent = 0
        self._upto = 0
        self._ahead: set[int] = set()
        self.fault = ""
        self._channel: Channel | None = None
        self._connection = SelectConnection(
            URLParameters(url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._on_channel),
            on_open_error_callback=self._on_lost,
            on_close_callback=self._on_lost,
        )

    @property
    def confirmed(self) -> int:
        return self._upto + len(self._ahead)

    def run(self) -> None:
        self._connection.ioloop.start()

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.confirm_delivery(self._on_answer, callback=lambda _frame: self._publish())

    def _publish(self) -> None:
        assert self._channel is not None
        while self._sent - self.confirmed < IN_FLIGHT:
            message = next(self._left, None)
            if message is None:
                return
            self._channel.basic_publish(EVENTS, message.routing_key, message.body, properties_of(message, self._user))
            self._sent += 1

    def _on_answer(self, frame: Any) -> None:
        method = frame.method
        if isinstance(method, spec.Basic.Nack):
            self.fault = "a queue is full"
            self._connection.close()
            return
        self._note(method.delivery_tag, method.multiple)
        if self.confirmed == self._wanted:
            self._connection.close()
        elif self._sent - self.confirmed <= IN_FLIGHT // 2:
            self._publish()

    def _note(self, tag: int, multiple: bool) -> None:
        """Note a confirmation. Quorum queues confirm in any order."""
        if multiple:
            self._upto = max(self._upto, tag)
            self._ahead = {ahead for ahead in self._ahead if ahead > self._upto}
        else:
            self._ahead.add(tag)
        while self._upto + 1 in self._ahead:
            self._upto += 1
            self._ahead.remove(self._upto)

    def _on_channel_closed(self, _channel: Channel, reason: BaseException) -> None:
        self.fault = self.fault or str(reason)
        if self._connection.is_open:
            self._connection.close()

    def _on_lost(self, _connection: SelectConnection, reason: BaseException) -> None:
        self.fault = self.fault or str(reason)
        self._connection.ioloop.stop()
