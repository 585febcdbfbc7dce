"""A deployment under load, on which an operation is tried: servers, workers, halls whose every event is known."""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import psycopg

from hallpulse.broker import open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.topology import REFUSED, queue_names
from hallpulse.store import hash_of, open_store
from hallpulse.tls import trusting
from services.local import ports, process_groups
from services.local.postgres import Postgres
from services.local.process_groups import Command, wait_until
from services.local.rabbitmq import User
from tests.chaos.checker import Verdict, check
from tests.chaos.disk import Disk
from tests.chaos.halls import HallProgram
from tests.chaos.history import History, history
from tests.operations.recipes import CHECKOUT, environment
from tests.servers import BrokerServer

PARTITIONS = 4
REGIONS = ("222424", "222401")
FAMILIES = ("case", "figure", "heartbeat", "item", "tally")
PATIENCE = 180.0
_SMALLER = "max_wal_size = 512MB\nshared_buffers = 128MB\n"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Instance:
    """A PostgreSQL that is started, stopped and killed; durable, as `hallpulse up` runs it."""

    def __init__(self, directory: Path, password: str | None = None) -> None:
        port = ports.choose(["database"])["database"]
        self.server = Postgres(directory, directory.with_suffix(".log"), port, password or secrets.token_hex(12))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.server.url()

    def start(self) -> None:
        """Raises RuntimeError with the end of the log where it does not serve."""
        command = self.server.command()
        with (self.server.directory / "postgresql.conf").open("a") as configuration:
            configuration.write(_SMALLER)
        process = self._process = process_groups.spawn(command)
        if not wait_until(lambda: process.poll() is not None or self.server.is_ready(process.pid), PATIENCE):
            raise RuntimeError(f"PostgreSQL is not ready: {self.last_words}")
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {self.last_words}")
        self.server.ensure_database()

    @property
    def last_words(self) -> str:
        return self.server.log.read_text(errors="replace")[-1500:]

    def kill(self) -> None:
        """As a machine that is lost."""
        assert self._process is not None
        self._process.kill()
        process_groups.kill_group(self._process.pid)
        self._process.wait()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()

    def ask(self, statement: str) -> str:
        """The first column of the first row, as text."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return str(row[0]) if row else ""


class Program:
    """A program of the suite as a process: `python -m MODULE` of a checkout, with these settings and no others."""

    def __init__(
        self, name: str, log: Path, module: str, settings: Mapping[str, str], checkout: Path = CHECKOUT
    ) -> None:
        self.name, self.log = name, log
        self.settings = dict(settings)
        self.checkout = checkout
        self._module = module
        self._began = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def said(self) -> str:
        """By the process that runs, or ran last."""
        with self.log.open("rb") as log:
            log.seek(self._began)
            return log.read().decode(errors="replace")

    @property
    def ready(self) -> bool:
        return self.alive and "ready" in self.said

    def begin(self) -> None:
        self._began = self.log.stat().st_size if self.log.exists() else 0
        python = self.checkout / ".venv" / "bin" / "python"
        own = {"PYTHONPATH": f"{self.checkout / 'shared'}:{self.checkout}", "PYTHONUNBUFFERED": "1"}
        argv = (str(python) if python.exists() else sys.executable, "-P", "-m", self._module)
        command = Command(argv, environment(own | self.settings), self.checkout, self.log, signal.SIGKILL)
        self._process = process_groups.spawn(command)

    def start(self) -> None:
        """Until it says that it is ready. Raises RuntimeError with what it said where it does not."""
        self.begin()
        if not wait_until(lambda: self.ready or not self.alive, PATIENCE) or not self.ready:
            raise RuntimeError(f"{self.name} is not ready: {self.said[-1500:]}")

    def counted(self) -> int:
        """Events that an ingest has committed; 0 where it does not answer."""
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.settings['HALLPULSE_METRICS_PORT']}/metrics", timeout=5) as told:
                lines = told.read().decode().splitlines()
        except OSError:
            return 0
        return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("hallpulse_events_total{")))

    def look_after(self) -> None:
        """Start it again where it has ended, as a supervisor does."""
        if self._process is not None and self._process.poll() is not None:
            self.begin()

    def stop(self) -> int:
        """End it in order; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(PATIENCE)
        self._process = None
        return status

    def wait(self, seconds: float = PATIENCE) -> int:
        """Until it ends by itself; its exit status."""
        assert self._process is not None
        return self._process.wait(seconds)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            process_groups.kill_group(self._process.pid)


def command(*argv: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command of this checkout, with these settings and no others."""
    given = environment({"PYTHONPATH": f"{CHECKOUT / 'shared'}:{CHECKOUT}", **settings})
    return subprocess.run(argv, env=given, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=600)


class Site:
    """Servers, workers and halls. events: how many the halls send in all, at a rate that `flow` sets.

    urls: hall → the broker's URL of its program, with its password.
    """

    def __init__(
        self, directory: Path, broker: BrokerServer, events: int, seed: int, database: Instance | None = None
    ) -> None:
        self.directory = directory
        self.urls: dict[str, str] = {}
        self.broker = broker
        self.database = database or Instance(directory / "database")
        self.history: History = history(seed, events, REGIONS, datetime.now(UTC).date())
        self.history.valid = [one for events_ in self.history.good.values() for one in events_]
        self.history.rough.clear()  # careless programs are what `make chaos` has
        self.workers: list[Program] = []
        self.halls: list[HallProgram] = []
        self._outboxes = Disk(directory / "outboxes", None)
        self._rate = 0.0
        self._released = 0.0
        self._closing = threading.Event()
        self._flowing = threading.Thread(target=self._flow, name="flow", daemon=True)

    @property
    def amqp_url(self) -> str:
        return trusting(self.broker.server.amqp_url(self.broker.operator), self._ca)

    @property
    def management_url(self) -> str:
        return trusting(self.broker.management_url, self._ca)

    @property
    def _ca(self) -> str:
        return self.broker.server.tls.ca

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HALLPULSE_AMQP_URL": self.amqp_url,
            "HALLPULSE_MANAGEMENT_URL": self.management_url,
            "HALLPULSE_DATABASE_URL": self.database.url,
            "HALLPULSE_CALENDARS": str(CHECKOUT / "calendars"),
            "HALLPULSE_PARTITIONS": str(PARTITIONS),
            "HALLPULSE_BATCH_EVENTS": "400",
        }

    def worker(self, name: str, checkout: Path = CHECKOUT, given: Mapping[str, str] = _NOTHING) -> Program:
        """A further worker of ingest, not yet started. given: settings in place of the site's."""
        port = str(ports.choose(["metrics"])["metrics"])
        settings = self.settings | {"HALLPULSE_METRICS_PORT": port} | given
        made = Program(name, self.directory / f"{name}.log", "services.ingest", settings, checkout)
        self.workers.append(made)
        return made

    def prepare(self, checkout: Path = CHECKOUT, given: Mapping[str, str] = _NOTHING) -> str:
        """Run `python -m services.console.prepare` to its end; what it says. Raises RuntimeError where it fails."""
        made = Program("prepare", self.directory / "prepare.log", "services.console.prepare",
                       self.settings | given, checkout)  # fmt: skip
        made.begin()
        try:
            if made.wait():
                raise RuntimeError(f"prepare: {made.said[-1500:]}")
        finally:
            made.close()
        return made.said

    def add_halls(self, *, registered: bool = True) -> None:
        """Start each hall's program, under its own broker user. registered: in tables of this version."""
        if registered:
            self.register_halls()
        users = BrokerUsers(self.management_url)
        for source, events in sorted(self.history.good.items()):
            region, hall = source.strip("/").split("/")
            user = User(f"{region}.{hall}", users.put(int(region), hall, FAMILIES))
            url = self.urls[user.name] = trusting(self.broker.server.amqp_url(user), self._ca)
            self.halls.append(HallProgram(source, self.directory, self._outboxes, url, events))
        for one in self.halls:
            one.start()
        self._flowing.start()

    def register_halls(self) -> None:
        """In the tables of this version."""
        registry = open_store(self.database.url, pool_size=1)
        for source in self.history.good:
            region, hall = source.strip("/").split("/")
            registry.halls.add(int(region), hall, FAMILIES, hash_of(secrets.token_hex(8)))
        registry.close()

    def move_hall(self, hall: HallProgram, url: str) -> None:
        """End a hall's program and start it with another address; it goes on where it was."""
        source = f"/{hall.name.replace('.', '/')}"
        hall.kill()
        self.urls[hall.name] = url
        moved = HallProgram(source, self.directory, self._outboxes, url, self.history.good[source])
        moved.ended_by_itself = hall.ended_by_itself
        self.halls[self.halls.index(hall)] = moved
        moved.start()

    def flow(self, events_a_second: float) -> None:
        """From now on the halls send so many events a second in all, until none is left."""
        self._rate = events_a_second

    def _flow(self) -> None:
        size = sum(hall.size for hall in self.halls)
        while not self._closing.wait(0.1):
            self._released = min(1.0, self._released + self._rate * 0.1 / size)
            for hall in self.halls:
                hall.release(int(hall.size * self._released + 0.5))
                hall.look_after()

    @property
    def sent(self) -> int:
        """How many events the halls have put into their outboxes."""
        return sum(hall.taken for hall in self.halls)

    def stored(self) -> int:
        return int(self.database.ask("SELECT count(*) FROM events"))

    def await_stored(self, events: int) -> None:
        """Until so many different events are stored. Raises RuntimeError where that takes too long."""
        if not wait_until(lambda: self._looked_after() and self.stored() >= events, PATIENCE):
            raise RuntimeError(f"{self.stored()} of {events} events stored: {self._standing()}")

    def queued(self) -> int:
        with open_channel(self.amqp_url) as channel:
            found = (channel.queue_declare(name, passive=True) for name in queue_names(PARTITIONS))
            return sum(int(declared.method.message_count) for declared in found)

    def finish(self) -> Verdict:
        """Let everything that is left flow, stop the workers in order, and check every event and every figure."""
        self.flow(100_000)
        while not self._settled():  # what a worker had not acknowledged at its end comes again
            for worker in self.workers:
                worker.start()
        ended = [words for hall in self.halls for words in hall.ended_by_itself]
        return check(self.history, self.database.url, self._refused(), ended)

    def _settled(self) -> bool:
        """Whether nothing is left on the queues after the workers' orderly end. Raises RuntimeError if never."""
        if not wait_until(lambda: self._looked_after() and self._all_sent() and self.queued() == 0, PATIENCE):
            raise RuntimeError(f"it does not settle: {self._standing()}")
        statuses = [worker.stop() for worker in self.workers if worker.alive]
        if any(statuses):
            raise RuntimeError(f"workers ended with {statuses}: {self._standing()}")
        return self.queued() == 0

    def _looked_after(self) -> bool:
        for worker in self.workers:
            worker.look_after()
        return True

    def _all_sent(self) -> bool:
        return all(hall.done for hall in self.halls)

    def _standing(self) -> str:
        halls = ", ".join(f"{hall.name} {hall.taken}/{hall.size}{' done' if hall.done else ''}" for hall in self.halls)
        words = "; ".join(f"{worker.name}: {worker.said.strip()[-300:]}" for worker in self.workers)
        return f"queued {self.queued()}; {halls}; {words}"

    def _refused(self) -> list[tuple[str, bytes]]:
        taken = []
        with open_channel(self.amqp_url) as channel:
            while True:
                method, properties, body = channel.basic_get(REFUSED, auto_ack=True)
                if method is None or properties is None or body is None:
                    return taken
                taken.append((str((properties.headers or {}).get("x-reason")), body))

    def close(self) -> None:
        self._closing.set()
        if self._flowing.is_alive():
            self._flowing.join()
        for one in (*self.halls, *self.workers, self.database):
            one.close()


@contextlib.contextmanager
def site(
    directory: Path, broker: BrokerServer, events: int, seed: int, database: Instance | None = None
) -> Iterator[Site]:
    """A site whose database runs, with no worker and no hall yet. database: another than one that the suite runs."""
    made = Site(directory, broker, events, seed, database)
    try:
        made.database.start()
        yield made
    finally:
        made.close()
