"""Ingest stopped for a person: a message on the broker, beside the queues that it protects.

A stop must outlive the process that made it: whatever starts ingest again (a supervisor, Docker, Kubernetes) would else
take a little more off the queues each time. The queue's length is also what is alerted on, since a process that has
ended shows no metrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pika
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.domain.errors import Halt, Unavailable

from .connection import open_channel
from .topology import STOPPED, declare_stopped

EXIT_STATUS = 3
"""Of an ingest that waits for a person; to start it again is of no use until `resume`."""
_NOT_YET, _PAUSES = "noproc", (0.1, 0.4)
"""RabbitMQ's words, before it closes the connection, for a declared quorum queue whose process is not there yet."""


class StoppedForAPerson(Halt):
    """Ingest was stopped and not resumed."""


def stop(amqp_url: str, why: str) -> None:
    """Let no ingest of this broker begin to consume until `resume`. Raises Unavailable, Halt."""
    with open_channel(amqp_url) as channel:
        declare_stopped(channel)
        channel.confirm_delivery()
        _put(channel, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {why}".encode())


def reason(amqp_url: str) -> str | None:
    """When and why ingest was stopped; None where it is not. Raises Unavailable, Halt."""
    return _asked(amqp_url, _read)


def resume(amqp_url: str) -> str | None:
    """Let ingest consume again; why it was stopped, None where it was not. Raises Unavailable, Halt."""
    return _asked(amqp_url, _read_and_end)


def ensure_not_stopped(amqp_url: str, *, ignored: bool = False) -> None:
    """Before consuming: raises StoppedForAPerson, or ends the stop where it is to be ignored; Unavailable, Halt."""
    if ignored:
        resume(amqp_url)
    elif why := reason(amqp_url):
        raise StoppedForAPerson(f"stopped since {why}")


def _asked(amqp_url: str, ask: Callable[[BlockingChannel], str | None]) -> str | None:
    """Again where the queue was only just made."""
    for seconds in _PAUSES:
        try:
            with open_channel(amqp_url) as channel:
                return ask(channel)
        except Unavailable as error:
            if _NOT_YET not in str(error):
                raise
            time.sleep(seconds)
    with open_channel(amqp_url) as channel:
        return ask(channel)


def _read_and_end(channel: BlockingChannel) -> str | None:
    why = _read(channel)
    channel.queue_purge(STOPPED)
    return why


def _read(channel: BlockingChannel) -> str | None:
    """Put the message there again: some brokers drop what was handed out and given back too often."""
    declare_stopped(channel)
    method, _, body = channel.basic_get(STOPPED)
    if method is None or body is None:
        return None
    channel.confirm_delivery()
    _put(channel, body)
    channel.basic_ack(method.delivery_tag)
    return bytes(body).decode(errors="replace")


def _put(channel: BlockingChannel, body: bytes) -> None:
    channel.basic_publish("", STOPPED, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
