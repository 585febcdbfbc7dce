"""Processes that are killed, frozen or stopped: workers, servers, halls."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

from services.local.process_groups import wait_until
from tests.chaos.ground import Ground, Missed
from tests.chaos.halls import HallProgram
from tests.chaos.workers import Worker

_SECONDS = 8.0


@dataclass
class KillWorkers:
    """`kill -9` of one worker that is busy, or of all."""

    lasts: float
    all_of_them: bool = False
    name: str = field(init=False)
    _killed: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = "ingest: all workers killed" if self.all_of_them else "ingest: killed"

    def strike(self, ground: Ground) -> str:
        self._killed = list(ground.workers) if self.all_of_them else [ground.busy_worker()]
        for worker in self._killed:
            if worker.alive:
                worker.kill()
        return ", ".join(worker.name for worker in self._killed)

    def heal(self, _: Ground) -> None:
        for worker in self._killed:
            worker.start()


@dataclass
class KillInTransaction:
    """The way to the database is stopped until the server says that the worker has begun a transaction."""

    lasts: float
    name: str = "ingest: killed in mid-batch, its transaction begun"
    _killed: Worker | None = None

    def strike(self, ground: Ground) -> str:
        worker = ground.busy_worker()
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            ground.feed()
            worker.to_database.up.stall()
            time.sleep(0.02)  # what was under way arrives
            if worker.alive and ground.database.backends(worker.to_database.server_side_ports, in_transaction=True):
                worker.kill()
                self._killed = worker
                worker.to_database.cut()
                return f"{worker.name}, {worker.to_database.up.held} bytes of the batch on the way"
            worker.to_database.up.resume()
            time.sleep(0.03)
        raise Missed("no transaction was caught")

    def heal(self, _: Ground) -> None:
        if self._killed is not None:
            self._killed.heal()
            self._killed.start()


@dataclass
class KillBeforeAck:
    """The way to the broker is stopped, so that no ack passes, until the worker has committed; then it is killed."""

    lasts: float
    name: str = "ingest: killed between commit and ack"
    _killed: Worker | None = None

    def strike(self, ground: Ground) -> str:
        worker = ground.busy_worker()
        worker.to_broker.up.stall()
        before, until = worker.counted(), time.monotonic() + _SECONDS
        while time.monotonic() < until:
            ground.feed()
            if wait_until(lambda: worker.counted() > before and worker.to_broker.up.held > 0, 0.3):
                events = worker.counted() - before
                worker.kill()
                self._killed = worker
                worker.to_broker.cut()  # what is held is lost, the acks too
                return f"{worker.name}, {events} events committed and not acknowledged"
        worker.to_broker.up.resume()
        raise Missed("the worker committed nothing")

    def heal(self, _: Ground) -> None:
        if self._killed is not None:
            self._killed.heal()
            self._killed.start()


@dataclass
class FreezeWorker:
    """A worker stands still, and its connection is cut: others get its messages, which it commits when it wakes."""

    lasts: float
    name: str = "ingest: frozen while the broker gives its messages to another"
    _frozen: Worker | None = None

    def strike(self, ground: Ground) -> str:
        self._frozen = ground.busy_worker()
        self._frozen.send(signal.SIGSTOP)
        self._frozen.to_broker.cut()
        ground.feed()
        return self._frozen.name

    def heal(self, _: Ground) -> None:
        if self._frozen is not None and self._frozen.alive:
            self._frozen.send(signal.SIGCONT)


@dataclass
class StopWorker:
    """SIGTERM and a new one, as at every upgrade."""

    lasts: float
    name: str = "ingest: stopped in order"
    _stopped: Worker | None = None

    def strike(self, ground: Ground) -> str:
        self._stopped = ground.busy_worker()
        status = self._stopped.stop_in_order()
        if status:
            self._stopped.ended_by_itself.append(f"{self._stopped.name}: status {status} when it was stopped")
        return self._stopped.name

    def heal(self, _: Ground) -> None:
        if self._stopped is not None:
            self._stopped.start()


@dataclass
class KillServer:
    """`kill -9` of the broker or of PostgreSQL; or the broker stopped in order."""

    lasts: float
    which: str
    in_order: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"{self.which}: {'stopped in order' if self.in_order else 'killed'}"

    def strike(self, ground: Ground) -> str:
        ground.feed()
        if self.which == "PostgreSQL":
            ground.database.kill()
        elif self.in_order:
            ground.broker.stop_in_order()
        else:
            ground.broker.kill()
        return ""

    def heal(self, ground: Ground) -> None:
        (ground.database if self.which == "PostgreSQL" else ground.broker).start()


@dataclass
class KillBackend:
    """One of PostgreSQL's processes is killed: it throws out everybody and recovers by itself."""

    lasts: float
    name: str = "PostgreSQL: the process of a worker's connection killed"

    def strike(self, ground: Ground) -> str:
        worker = ground.busy_worker()
        backends = ground.database.backends(worker.to_database.server_side_ports)
        if not backends:
            raise Missed("the worker has no connection")
        ground.database.kill_backend(backends[0])
        return worker.name

    def heal(self, ground: Ground) -> None:
        ground.database.connect().close()


@dataclass
class KillHall:
    """`kill -9` of a hall's program; where `full`, once the broker is away for so long that its outbox is full."""

    lasts: float
    number: int
    full: bool = False
    name: str = field(init=False)
    _killed: HallProgram | None = None

    def __post_init__(self) -> None:
        self.name = f"publisher: killed{' with a full outbox' if self.full else ''}"

    def strike(self, ground: Ground) -> str:
        hall = ground.halls[self.number % len(ground.halls)]
        if self.full:
            hall = max(ground.halls, key=lambda one: one.size - one.taken)  # one that still has enough to say
            ground.to_broker.refuse()
            if not self._fill(hall, ground):
                ground.to_broker.heal()
                raise Missed("the outbox did not fill: no events are left")
        else:
            ground.feed()
        if hall.alive:
            hall.kill()
        self._killed = hall
        return f"{hall.name}, {hall.taken} of {hall.size} events in or through its outbox"

    def heal(self, ground: Ground) -> None:
        ground.to_broker.heal()
        if self._killed is not None:
            self._killed.start()

    def _fill(self, hall: HallProgram, ground: Ground) -> bool:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            if hall.says_last("full"):
                return True
            if not ground.feed() and hall.taken == hall.size:
                return False
            time.sleep(0.2)
        return False
