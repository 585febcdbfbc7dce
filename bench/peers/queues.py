"""The suite's queues as the peers name them."""

from __future__ import annotations

from kombu.entity import Queue

from bench.grounds import PARTITIONS
from hallpulse.broker.topology import ingest_arguments, queue_names

QUEUES = queue_names(PARTITIONS)


def existing(queue: str) -> Queue:
    """Return one of the suite's queues as a kombu queue that is not declared."""
    return Queue(queue, exchange="", routing_key=queue, queue_arguments=ingest_arguments(), no_declare=True)  # type: ignore[no-untyped-call]
