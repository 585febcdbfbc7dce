"""Calls of the suite's services from a process without nameko, in nameko's wire format.

A request goes to the exchange `nameko-rpc` under `SERVICE.METHOD`, as JSON `{"args": [], "kwargs": {}}`; the answer
comes back through the same exchange under the request's `reply_to`, as `{"result", "error"}`.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker, UnroutableError

from hallpulse.domain.errors import HallpulseError, Halt, Unavailable

from .connection import open_channel
from .topology import REPLY_QUEUES, RPC_EXCHANGE


class RpcError(HallpulseError):
    """The service answered with an error. kind: the name of its class; said: its message."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(f"{kind}: {said}")
        self.kind = kind
        self.said = said


def call(amqp_url: str, service: str, method: str, *args: Any, seconds: float = 10.0, **kwargs: Any) -> Any:
    """Call a service's method and return its answer; arguments and answer are JSON.

    Each call opens a connection: good enough for calls that people make now and then. Raises RpcError if the service
    answers with an error, Unavailable if it does not run or does not answer within `seconds`: it may still have done
    the work.
    """
    number = str(uuid.uuid4())
    queue, deadline = f"{REPLY_QUEUES}{number}", time.monotonic() + seconds
    properties = BasicProperties(
        reply_to=number, correlation_id=number, content_type="application/json", content_encoding="utf-8",
        expiration=str(round(seconds * 1_000)),
    )  # fmt: skip
    body = json.dumps({"args": args, "kwargs": kwargs}, ensure_ascii=False).encode()
    with open_channel(amqp_url, seconds=seconds) as channel:
        try:
            channel.exchange_declare(RPC_EXCHANGE, "topic", durable=True, passive=True)
        except ChannelClosedByBroker as error:
            if error.reply_code != 404:
                raise
            raise Unavailable(f"{service} does not run") from None  # no service has run yet
        channel.queue_declare(queue, exclusive=True, auto_delete=True)
        channel.queue_bind(queue, RPC_EXCHANGE, number)
        channel.confirm_delivery()
        try:
            channel.basic_publish(RPC_EXCHANGE, f"{service}.{method}", body, properties, mandatory=True)
        except UnroutableError:
            raise Unavailable(f"{service} does not run") from None
        for _, answered, content in channel.consume(queue, auto_ack=True, inactivity_timeout=min(0.5, seconds)):
            if content is not None and answered is not None and answered.correlation_id == number:
                return _answer(content)
            if time.monotonic() > deadline:
                break
    raise Unavailable(f"{service}.{method} has not answered for {seconds:g} s")


def _answer(content: bytes) -> Any:
    try:
        answer = json.loads(content)
        error = answer["error"]
        if error is None:
            return answer["result"]
        raise RpcError(str(error["exc_type"]), str(error["value"]))
    except (ValueError, LookupError, TypeError) as fault:
        raise Halt(f"broker: an answer that is none: {fault!r}") from None
