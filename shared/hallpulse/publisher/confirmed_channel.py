"""Publishing from many callers at once: one connection on a separate thread, many messages in flight.

Each message has a future that ends with the broker's answer. A message that the broker does not have (it cannot be
reached, a queue is full, no queue takes the message) ends as Unavailable: publishing it again is safe. A message that
the user may not publish under its routing key ends as Halt: publishing it again is of no use.
"""

from __future__ import annotations

import random
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from itertools import takewhile
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed, AMQPConnectorPhaseErrorBase
from pika.channel import Channel
from pika.exceptions import AMQPError, AuthenticationError, ChannelClosedByBroker, ProbableAuthenticationError
from pika.frame import Method
from pika.spec import Basic

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.nodes import each_node, in_order, missed, reached
from hallpulse.tls import secured

EXCHANGE = "hall.events"
MOST_IN_FLIGHT = 10_000
MOST_BYTES = 64 * 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


Answered = Callable[[Unavailable | Halt | None], None]
"""A function called once with the outcome, None for success, on the channel's thread or the caller's."""


class Backoff:
    """Pauses that double from `first` to `longest` seconds until an attempt succeeds.

    Each is shortened at random, by up to half, so that many halls do not reconnect to one broker in step.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._pause = first

    def next(self) -> float:
        pause = self._pause * random.uniform(0.5, 1.0)
        self._pause = min(self._pause * 2, self._longest)
        return pause

    def reset(self) -> None:
        self._pause = self._first


class _Waiting:
    __slots__ = ("answered", "routing_key", "size", "unroutable")

    def __init__(self, answered: Answered, routing_key: str, size: int) -> None:
        self.answered = answered
        self.routing_key = routing_key
        self.size = size
        self.unroutable = False


class ConfirmedChannel:
    """Publishes to one exchange with confirms; connects by itself, and after every loss again, to any node.

    `publish` may be called from any thread, everything else runs on the channel's thread. longest_pause: the most
    seconds between two attempts to connect; became_ready: called, on the channel's thread, when messages can be
    published; app: the program's name in its messages (app_id).
    """

    def __init__(
        self,
        amqp_url: str,
        exchange: str = EXCHANGE,
        *,
        longest_pause: float = LONGEST_PAUSE,
        app: str | None = None,
        became_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._nodes = {node: _parameters(node) for node in each_node(amqp_url)}
        self._places = [f"{node.host}:{node.port}" for node in self._nodes.values()]
        self._url, self._node = amqp_url, ""
        self._untried = len(self._nodes)
        self._user = str(next(iter(self._nodes.values())).credentials.username)
        self._exchange, self._app = exchange, app
        self._ioloop = IOLoop()
        self._connection: SelectConnection | None = None
        self._channel: Channel | None = None
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._handed: deque[tuple[str, bytes, str, Answered]] = deque()
        self._woken = False
        self._tag = 0
        self._bytes = 0
        self._became_ready = became_ready
        self._backoff = Backoff(FIRST_PAUSE, longest_pause)
        self._fault = "the broker has not been reached yet"
        self._denied = False
        self._ready = threading.Event()
        self._settled = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="pipeline", daemon=True)

    @property
    def connected(self) -> bool:
        """Return whether messages can be published now."""
        return self._ready.is_set()

    @property
    def fault(self) -> str:
        """The reason why messages cannot be published, in one line."""
        return self._fault

    @property
    def denied(self) -> bool:
        """Return whether the broker refused the user or the password at the last attempt."""
        return self._denied

    def first_attempt(self, seconds: float) -> None:
        """Wait until the first attempt to connect to each node has succeeded or failed, but for `seconds` at most."""
        self._settled.wait(seconds)

    def begin(self) -> None:
        """Connect as soon as the broker can be reached."""
        self._thread.start()

    def start(self, seconds: float) -> None:
        """Connect. Raises Unavailable if the first attempt fails or takes longer than `seconds`."""
        self.begin()
        self._settled.wait(seconds)
        if not self.connected:
            fault = self._fault
            self.close()
            raise Unavailable(f"broker at {', '.join(self._places)}: {fault}")

    def close(self) -> None:
        """End the connection; messages in flight end as Unavailable."""
        if self._thread.is_alive():
            self._ioloop.add_callback_threadsafe(self._close)
            self._thread.join(5)

    def publish(self, routing_key: str, body: bytes, content_type: str) -> Future[None]:
        """Publish a message; its future ends once the broker has it, or raises Unavailable or Halt."""
        future: Future[None] = Future()
        self.hand_over(routing_key, body, content_type, partial(_end_future, future))
        return future

    def hand_over(self, routing_key: str, body: bytes, content_type: str, answered: Answered) -> None:
        """Publish a message and call `answered` with the outcome.

        It makes no future: that would cost more than the rest of the work.
        """
        if not self.connected:
            answered(Unavailable(f"broker: {self._fault}"))
        elif len(self._waiting) + len(self._handed) >= MOST_IN_FLIGHT or self._bytes >= MOST_BYTES:
            answered(Unavailable("broker: too many messages wait for its confirmation"))
        else:
            self._handed.append((routing_key, body, content_type, answered))
            if not self._woken:  # once for all messages handed over before the channel's thread runs
                self._woken = True
                self._ioloop.add_callback_threadsafe(self._publish_handed)

    def _run(self) -> None:
        try:
            self._connect()
            while not self._served():
                pass
        finally:
            self._lose("the publisher has stopped")
            self._settled.set()
            self._ioloop.close()

    def _served(self) -> bool:
        """Run the loop; return whether it ended.

        If the broker resets a connection as soon as it is made, pika raises ValueError out of the loop instead of
        calling back. When the loop runs again, pika notices the loss by its own timeout.
        """
        try:
            self._ioloop.start()
        except ValueError as error:
            if "getpeername" not in str(error):
                raise
            self._fault = "the connection was lost as soon as it was made"
            return False
        return True

    def _connect(self) -> None:
        if not self._closing:
            self._node = in_order(self._url)[0]
            self._connection = SelectConnection(
                self._nodes[self._node],
                on_open_callback=self._on_connection,
                on_open_error_callback=self._on_lost,
                on_close_callback=self._on_lost,
                custom_ioloop=self._ioloop,
            )

    def _on_connection(self, connection: Any) -> None:
        if self._closing:
            connection.close()
            return
        connection.add_on_connection_blocked_callback(lambda *_: self._lose("it has run out of memory or disk"))
        connection.add_on_connection_unblocked_callback(lambda *_: self._be_ready())
        self._open_channel()

    def _open_channel(self) -> None:
        if self._connection is not None and self._connection.is_open:
            self._connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._channel, self._tag = channel, 0
        channel.add_on_close_callback(self._on_channel_lost)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(lambda frame: self._on_answer(channel, frame), callback=lambda _: self._on_ready())

    def _on_ready(self) -> None:
        self._denied = False
        reached(self._node)
        self._backoff.reset()
        self._be_ready()
        self._settled.set()

    def _be_ready(self) -> None:
        self._ready.set()
        self._became_ready()

    def _publish_handed(self) -> None:
        self._woken = False
        for _ in range(len(self._handed)):
            self._publish(*self._handed.popleft())

    def _publish(self, routing_key: str, body: bytes, content_type: str, answered: Answered) -> None:
        if self._channel is None or not self._channel.is_open:
            answered(Unavailable(f"broker: {self._fault}"))
            return
        self._tag += 1
        self._waiting[self._tag] = _Waiting(answered, routing_key, len(body))
        self._bytes += len(body)
        properties = pika.BasicProperties(
            content_type=content_type,
            delivery_mode=pika.DeliveryMode.Persistent.value,
            user_id=self._user,
            app_id=self._app,
            message_id=str(self._tag),
        )
        try:
            self._channel.basic_publish(self._exchange, routing_key, body, properties, mandatory=True)
        except AMQPError as error:
            self._end(self._tag, Unavailable(f"broker: {_line(error)}"))

    def _on_return(self, _channel: Channel, _method: Any, properties: Any, _body: bytes) -> None:
        waiting = self._waiting.get(int(properties.message_id or 0))
        if waiting is not None:
            waiting.unroutable = True

    def _on_answer(self, channel: Channel, frame: Method[Any]) -> None:
        """Settle one message, or all up to it; ignore an earlier channel's answers, since each counts from 1."""
        if channel is not self._channel:
            return
        method, tag = frame.method, frame.method.delivery_tag
        tags = list(takewhile(lambda waits: waits <= tag, self._waiting)) if method.multiple else [tag]
        for answered in tags:
            waiting = self._waiting.get(answered)
            if isinstance(method, Basic.Nack):
                self._end(answered, Unavailable("broker: a queue is full"))
            elif waiting is not None and waiting.unroutable:
                self._end(answered, Unavailable("broker: no queue takes the message"))
            else:
                self._end(answered, None)

    def _end(self, tag: int, error: Unavailable | Halt | None) -> None:
        waiting = self._waiting.pop(tag, None)
        if waiting is None:
            return
        self._bytes -= waiting.size
        waiting.answered(error)

    def _on_channel_lost(self, _channel: Channel, reason: Exception) -> None:
        """Reopen the channel, closed for example by a missing exchange. A lost connection ends its channels first."""
        if isinstance(reason, ChannelClosedByBroker) and reason.reply_code == 403:
            self._turn_away(reason.reply_text)
        self._lose(_line(reason))
        self._again(self._open_channel)

    def _turn_away(self, text: str) -> None:
        """Fail the messages under the forbidden routing key, which the broker names when it closes the channel."""
        for tag, waiting in list(self._waiting.items()):
            if f"'{waiting.routing_key}'" in text:
                self._end(tag, Halt(f"broker: {text}"))

    def _on_lost(self, _connection: Any, reason: Exception | str) -> None:
        self._denied = _is_denied(_bottom(reason))
        missed(self._node)
        self._lose(_line(reason))
        self._untried -= 1
        if self._untried <= 0 or self._denied:
            self._settled.set()
        if self._closing:
            self._ioloop.stop()
        else:
            self._again(self._connect)

    def _lose(self, fault: str) -> None:
        self._fault = fault
        self._ready.clear()
        for tag in list(self._waiting):
            self._end(tag, Unavailable(f"broker: {fault}"))

    def _again(self, step: Callable[[], None]) -> None:
        self._ioloop.call_later(self._backoff.next(), step)

    def _close(self) -> None:
        self._closing = True
        self._lose("closed")
        connection = self._connection
        if connection is None or connection.is_closed:
            self._ioloop.stop()
        elif connection.is_open:
            connection.close()  # one that is still being opened is closed once open: pika cannot stop half-way


def _end_future(future: Future[None], error: Unavailable | Halt | None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _parameters(amqp_url: str) -> pika.URLParameters:
    url, context = secured(amqp_url)
    try:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError(url)
        parameters = pika.URLParameters(url)
    except (LookupError, TypeError, ValueError):
        raise Halt("broker: expected a URL amqp://USER:PASSWORD@HOST:PORT/VHOST") from None
    parameters.ssl_options = pika.SSLOptions(context, parameters.host) if context is not None else None
    parameters.heartbeat = 10
    parameters.socket_timeout = parameters.stack_timeout = 5
    parameters.connection_attempts = 1
    return parameters


def _bottom(error: Exception | str) -> Exception | str:
    """Return the error at the bottom of pika's wrappers."""
    if isinstance(error, AMQPConnectionWorkflowFailed):
        return _bottom(error.exceptions[-1])
    if isinstance(error, AMQPConnectorPhaseErrorBase):
        return _bottom(error.exception)
    if isinstance(error, AMQPError) and error.args and isinstance(error.args[0], Exception):
        return _bottom(error.args[0])
    return error


def _is_denied(error: Exception | str) -> bool:
    """Return whether the broker refused the user or the password; a refused virtual host may exist a little later."""
    return isinstance(error, AuthenticationError | ProbableAuthenticationError)


def _line(error: Exception | str) -> str:
    found = _bottom(error)
    return " ".join(str(found).split()) or repr(found)
