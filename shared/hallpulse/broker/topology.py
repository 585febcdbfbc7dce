"""The exchanges and queues of the broker, as data: one way in, partitions, and a queue of refused events.

    hall.events (topic) ─#→ hall.lanes (topic) ─ else → hall.partitions (consistent hash of the routing key)
                                  │                          → hall.ingest.0 … hall.ingest.N-1
                                  └─ halls that are refused too much → hall.slow.0 … (`lanes`)

A hall's events of one family always lie in one queue, so that two workers never work on one hall. Queues are quorum
queues with one active consumer each; full, they reject publishers (`reject-publish`) and drop nothing. RabbitMQ 4 drops
a message that was given back twenty times, unless its queue says otherwise: these queues do. A message that another
limit still takes off a partition goes to `hall.refused`. Queues declared by earlier versions get both by policies
(`management`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from hallpulse.settings import BATCH_EVENTS, BATCH_SECONDS

EVENTS = "hall.events"
LANES = "hall.lanes"
"""The routing keys of halls in the slow lane are bound to it; all others go on to the partitions."""
PARTITIONS = "hall.partitions"
REFUSED = "hall.refused"
WORKERS = "hall.workers"
"""Always empty: its number of consumers is the number of workers (`session.surplus`)."""
STOPPED = "hall.stopped"
"""Holds one message with the latest reason while ingest is stopped for a person (`stopped`)."""
GATEWAY_USER = "gateway"
RPC_EXCHANGE = "nameko-rpc"
REPLY_QUEUES = "rpc.reply."
"""The beginning of the names of a caller's reply queues."""
GATEWAY_PERMISSIONS = (
    r"^rpc\.reply\.[0-9a-f-]+$",
    r"^(hall\.events|nameko-rpc|rpc\.reply\.[0-9a-f-]+)$",
    r"^(nameko-rpc|rpc\.reply\.[0-9a-f-]+)$",
)
"""The gateway's rights to configure, write and read: it publishes events, calls services and reads their replies."""
WEIGHT = "10"
"""The weight of a partition: all have the same, so all get equal shares."""
QUEUE_BYTES = 8 * 1024**3
"""A partition holds this number of bytes; then it rejects messages until workers catch up."""

SLOW_LANES = 4
SLOW_BYTES = 32 * 1024**2
"""A slow lane holds this number of bytes; then it rejects messages of its halls."""


UNLIMITED = -1
"""The delivery limit that means none, from RabbitMQ 4 on. Earlier versions have no limit, and would take it for 0."""
_STRATEGIES = ("at-least-once", "at-most-once")


def to_refused(major: int) -> Mapping[str, str]:
    """Return a partition's dead-letter route for a version of RabbitMQ, as in a policy (arguments have x- in front).

    Messages that the broker itself takes off are kept in `hall.refused`. RabbitMQ 3 believes an x-death header that a
    hall wrote: with at-least-once, messages that seem to go in a circle stay in the queue for good and hold up all
    behind them. It has no delivery limit by itself, so there only messages that their sender let expire go this way.
    """
    return {
        "dead-letter-exchange": "",
        "dead-letter-routing-key": REFUSED,
        "dead-letter-strategy": _STRATEGIES[0 if major >= 4 else 1],
    }


_PARTITION, _SLOW = "hall.ingest.", "hall.slow."
_QUORUM: Mapping[str, Any] = {"x-queue-type": "quorum"}


def queue_name(partition: int) -> str:
    return f"{_PARTITION}{partition}"


def queue_names(partitions: int) -> list[str]:
    return [queue_name(partition) for partition in range(partitions)]


def slow_name(lane: int) -> str:
    return f"{_SLOW}{lane}"


def slow_names() -> list[str]:
    return [slow_name(lane) for lane in range(SLOW_LANES)]


def ingest_arguments(queue_bytes: int = QUEUE_BYTES) -> dict[str, Any]:
    return {
        **_QUORUM,
        "x-single-active-consumer": True,
        "x-overflow": "reject-publish",
        "x-max-length-bytes": queue_bytes,
    }


def declare(channel: BlockingChannel, partitions: int, queue_bytes: int = QUEUE_BYTES) -> None:
    """Declare all exchanges and queues; those that exist stay unchanged.

    The number of partitions may be raised at any time. It may be lowered too: partitions beyond the number get no more
    messages, and workers empty them (`retire`). Remove empty ones from the highest number down.
    """
    channel.exchange_declare(EVENTS, exchange_type="topic", durable=True)
    channel.exchange_declare(PARTITIONS, exchange_type="x-consistent-hash", durable=True)
    channel.exchange_declare(LANES, exchange_type="topic", durable=True, arguments={"alternate-exchange": PARTITIONS})
    for name in queue_names(partitions):
        _declare(channel, name, *_forms(channel, name, queue_bytes))
        channel.queue_bind(name, PARTITIONS, routing_key=WEIGHT)
    for name in slow_names():
        _declare(channel, name, *_forms(channel, name, queue_bytes))
    channel.exchange_bind(LANES, EVENTS, routing_key="#")
    channel.exchange_unbind(PARTITIONS, EVENTS, routing_key="#")  # earlier versions' binding: duplicates for a moment
    for name in (REFUSED, WORKERS):
        _declare(channel, name, *_forms(channel, name))
    declare_stopped(channel)


def declare_stopped(channel: BlockingChannel) -> None:
    _declare(channel, STOPPED, *_forms(channel, STOPPED))


def declare_kept(channel: BlockingChannel, name: str) -> None:
    """Declare a queue that drops nothing, whatever the broker's version."""
    _declare(channel, name, *_forms(channel, name))


def declared_as_ours(channel: BlockingChannel, name: str) -> bool:
    """Return whether a queue's own arguments make it lose nothing, without a policy; declare it if it is missing."""
    try:
        _declare(channel, name, _forms(channel, name)[0])
    except ChannelClosedByBroker as error:
        if error.reply_code != 406:
            raise
        return False
    return True


def major_version(channel: BlockingChannel) -> int:
    """Return RabbitMQ's major version, as it introduced itself; 0 if it gave none."""
    said = str((channel.connection._impl.server_properties or {}).get("version", ""))
    number = said.partition(".")[0]
    return int(number) if number.isdecimal() else 0


def _forms(channel: BlockingChannel, name: str, queue_bytes: int = QUEUE_BYTES) -> list[Mapping[str, Any]]:
    """Return a queue's arguments, and those that it may still have from an earlier broker or version of this suite."""
    if name.startswith((_PARTITION, _SLOW)):
        plain = ingest_arguments(min(SLOW_BYTES, queue_bytes) if name.startswith(_SLOW) else queue_bytes)
        route = {f"x-{key}": value for key, value in to_refused(major_version(channel)).items()}
        others = ({**plain, **route, "x-dead-letter-strategy": strategy} for strategy in _STRATEGIES)
        forms: list[Mapping[str, Any]] = [plain | route, *others, plain]
    else:
        forms = [{**_QUORUM, "x-max-length": 1} if name == STOPPED else dict(_QUORUM)]
    return [{**forms[0], "x-delivery-limit": UNLIMITED}, *forms] if major_version(channel) >= 4 else forms


def _declare(channel: BlockingChannel, name: str, *forms: Mapping[str, Any]) -> None:
    """Declare a queue with the first arguments; an existing one may have any of them. Raises pika's error if not."""
    for number, arguments in enumerate(forms, 1):
        probe = channel.connection.channel()  # the broker closes it if the queue exists with other arguments
        try:
            probe.queue_declare(name, durable=True, arguments=dict(arguments))
        except ChannelClosedByBroker as error:
            if error.reply_code != 406 or number == len(forms):
                raise
            continue
        probe.close()
        return


def retire(channel: BlockingChannel, partitions: int) -> list[str]:
    """Send no more to partitions beyond the number, left from a larger one; return their names, to be emptied."""
    names = list(takewhile(lambda name: _exists(channel, name), map(queue_name, count(partitions))))
    for name in names:
        channel.queue_unbind(name, PARTITIONS, routing_key=WEIGHT)
    return names


def _exists(channel: BlockingChannel, name: str) -> bool:
    probe = channel.connection.channel()  # the broker closes it if there is no such queue
    try:
        probe.queue_declare(name, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        return False
    probe.close()
    return True


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """Limits of what a consumer takes at once.

    committers: number of batches that are committed at once, so that the database never waits for us;
    most_events and most_seconds: a batch is handed on at that number of events or that age, or when the database
    has nothing to do; divided_events: from that number of events on a batch is divided by halls among the committers;
    prefetch: most unacknowledged messages of a queue (AMQP counts them in 16 bits); slow_prefetch: the same for a slow
    lane; most_bytes: bytes held in memory before the consumer pauses, though as many again that are on their way are
    still taken; share_seconds: time between two looks whether other workers wait for our partitions; aside_events:
    most events in a batch of halls in the slow lane.
    """

    partitions: int = 4
    most_events: int = BATCH_EVENTS
    most_seconds: float = BATCH_SECONDS
    divided_events: int = 4_000
    prefetch: int = 65_000
    slow_prefetch: int = 100
    most_bytes: int = 96 * 1024**2
    share_seconds: float = 10.0
    aside_events: int = 500
    committers: int = 2
