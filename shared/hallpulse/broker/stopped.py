"""Ingest stopped for a person: the stop is a message on the broker, beside the queues that it protects.

A stop must outlive the process that made it: else each restart of ingest by a supervisor, Docker or Kubernetes would
take a little more off the queues. The alert rests on the length of the stop's queue, since a process that has ended
shows no metrics.
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
"""The exit status of an ingest that waits for a person; starting it again is of no use until `resume`."""
_NOT_YET, _PAUSES = "noproc", (0.1, 0.4)
"""RabbitMQ's word, before it closes the connection, for a declared quorum queue whose process has not started yet."""


class StoppedForAPerson(Halt):
    """Ingest was stopped and has not been resumed."""


def stop(amqp_url: str, why: str) -> None:
    """Let no ingest of this broker begin to consume until `resume`. Raises Unavailable or Halt."""
    with open_channel(amqp_url) as channel:
        declare_stopped(channel)
        channel.confirm_delivery()
        _put(channel, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {why}".encode())


def reason(amqp_url: str) -> str | None:
    """Return when and why ingest was stopped; None if it is not stopped. Raises Unavailable or Halt."""
    return _asked(amqp_url, _read)


def resume(amqp_url: str) -> str | None:
    """Let ingest consume again; return when and why it was stopped, None if it was not. Raises Unavailable or Halt."""
    return _asked(amqp_url, _read_and_end)


def ensure_not_stopped(amqp_url: str, *, ignored: bool = False) -> None:
    """Raise StoppedForAPerson if ingest is stopped; end the stop if it is `ignored`. Raises Unavailable or Halt."""
    if ignored:
        resume(amqp_url)
    elif why := reason(amqp_url):
        raise StoppedForAPerson(f"stopped since {why}")


def _asked(amqp_url: str, ask: Callable[[BlockingChannel], str | None]) -> str | None:
    """Ask on a fresh channel; try again if the queue has only just been made."""
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
    """Return the stop's message and put it there again: some brokers drop messages that were given back often."""
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
