"""Which faults strike, in which order: a deck that is shuffled and dealt until there are enough, every kind in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

from tests.chaos.faults.clocks import clock_steps
from tests.chaos.faults.disks import FullBrokerDisk, FullDatabaseDisk, FullOutboxDisk
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.links import broken_links, slow_links
from tests.chaos.faults.nodes import CUT_OFF, KILLED, STOPPED, LoseEveryNode, LoseNode, lost_nodes
from tests.chaos.faults.processes import (
    FreezeWorker,
    KillBackend,
    KillBeforeAck,
    KillHall,
    KillInTransaction,
    KillServer,
    KillWorkers,
    StopWorker,
)

BOTH = 0.25
"""How often a second fault, one that lets everything pass late or at another hour, lasts beside the first."""


def deal(
    rng: Random, small_disks: bool, only: str = "", *, clustered: bool = False
) -> Iterator[tuple[Fault, Fault | None]]:
    """A fault, and now and then one beside it; without end. only: what the names of the faults must hold."""
    beside = _without_end(lambda: [*slow_links(rng), *clock_steps(rng)], rng)

    def dealt() -> list[Fault]:
        return [one for one in (cluster_deck(rng) if clustered else deck(rng, small_disks)) if only in one.name]

    for fault in _without_end(dealt, rng):
        yield fault, next(beside) if rng.random() < BOTH else None


def cluster_deck(rng: Random) -> list[Fault]:
    """Of several nodes mostly those that strike one of them."""
    ways = [one for one in broken_links(rng) if one.where.endswith("to broker")]
    return [*lost_nodes(rng), LoseEveryNode(rng.uniform(0.2, 3.0)), KillBeforeAck(0.5), KillInTransaction(0.5),
            KillHall(0.5, 0, full=True), KillServer(1.0, "PostgreSQL"), *rng.sample(ways, 4)]  # fmt: skip


def deck(rng: Random, small_disks: bool) -> list[Fault]:
    """Every kind once, those that the promise names more often."""
    return [*_killings(rng), *(_full_disks(rng) if small_disks else []), *broken_links(rng), *slow_links(rng),
            *clock_steps(rng)]  # fmt: skip


def short_deck(rng: Random, small_disks: bool) -> list[Fault]:
    """One of each sort, for a test of some seconds."""
    disks = [FullDatabaseDisk(0.8, wal=True)] if small_disks else []
    stalled = next(link for link in broken_links(rng) if link.name == "ingest to broker: stalled, then cut")
    clock = next(step for step in clock_steps(rng) if step.name == "clock of ingest: a day back")
    faults: list[Fault] = [
        KillBeforeAck(0.3), KillHall(0.3, 0, full=True), KillInTransaction(0.3), KillServer(0.3, "PostgreSQL"), stalled,
        KillServer(0.3, "RabbitMQ"), clock, *disks,
    ]  # fmt: skip
    rng.shuffle(faults)
    return faults


def short_cluster_deck(rng: Random) -> list[Fault]:
    """A node lost in each way that takes no long time."""
    return [LoseNode(1.0, how, rng.randrange(3)) for how in (KILLED, STOPPED, CUT_OFF)]


def _killings(rng: Random) -> list[Fault]:
    def lasts(most: float = 2.0) -> float:
        return rng.uniform(0.2, most)

    def hall() -> int:
        return rng.randrange(100)

    return [
        KillWorkers(lasts()),
        KillWorkers(lasts(), all_of_them=True),
        *(KillInTransaction(lasts()) for _ in range(2)),
        *(KillBeforeAck(lasts()) for _ in range(3)),
        *(FreezeWorker(lasts(4.0)) for _ in range(2)),
        StopWorker(lasts()),
        *(KillServer(lasts(), "RabbitMQ") for _ in range(2)),
        KillServer(lasts(), "RabbitMQ", in_order=True),
        *(KillServer(lasts(), "PostgreSQL") for _ in range(3)),
        KillBackend(lasts()),
        KillHall(lasts(), hall()),
        *(KillHall(lasts(), hall(), full=True) for _ in range(2)),
    ]


def _full_disks(rng: Random) -> list[Fault]:
    def lasts() -> float:
        return rng.uniform(0.5, 3.0)

    return [
        FullDatabaseDisk(lasts()), FullDatabaseDisk(lasts(), wal=True), FullBrokerDisk(lasts()),
        FullBrokerDisk(lasts(), wholly=True), FullOutboxDisk(lasts()),
    ]  # fmt: skip


def _without_end(made: Callable[[], Sequence[Fault]], rng: Random) -> Iterator[Fault]:
    while faults := list(made()):
        rng.shuffle(faults)
        yield from faults
