"""Ingest stopped for a person: a message on the broker, beside the queues that it protects.

A stop must outlive the process that made it: whatever starts ingest again (a supervisor, Docker, Kubernetes) would else
take a little more off the queues each time. The queue's length is also what is alerted on, since a process that has
ended shows no metrics.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pika
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.domain.errors import Halt

from .connection import broker_faults, open_channel
from .topology import STOPPED, declare_stopped

EXIT_STATUS = 3
"""Of an ingest that waits for a person; to start it again is of no use until `resume`."""


class StoppedForAPerson(Halt):
    """Ingest was stopped and nobody has resumed it."""


def stop(amqp_url: str, why: str) -> None:
    """Let no ingest of this broker begin to consume until `resume`. Raises Unavailable, Halt."""
    with open_channel(amqp_url) as channel:
        declare_stopped(channel)
        channel.confirm_delivery()
        _put(channel, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {why}".encode())


def reason(amqp_url: str) -> str | None:
    """When and why ingest was stopped; None where it is not. Raises Unavailable, Halt."""
    with open_channel(amqp_url) as channel:
        return _read(channel)


def resume(amqp_url: str) -> str | None:
    """Let ingest consume again; why it was stopped, None where it was not. Raises Unavailable, Halt."""
    with open_channel(amqp_url) as channel:
        why = _read(channel)
        channel.queue_purge(STOPPED)
        return why


def heed(channel: BlockingChannel, *, ignored: bool = False) -> None:
    """Before consuming: raises StoppedForAPerson, or ends the stop where it is to be ignored."""
    with broker_faults():
        if ignored:
            channel.queue_purge(STOPPED)
        elif why := _read(channel):
            raise StoppedForAPerson(f"stopped since {why}")


def _read(channel: BlockingChannel) -> str | None:
    """The message, put there anew: some brokers drop what was handed out and given back too often."""
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
