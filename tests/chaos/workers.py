"""Ingest workers as processes, each behind proxies of its own, started again when they die, as a supervisor does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from services.local import ports, process_groups
from tests.chaos.clocked import VARIABLE, Clock
from tests.chaos.proxy import Proxy
from tests.chaos.servers import Broker, Database

CHECKOUT = Path(__file__).parents[2]
PARTITIONS = 4
BATCH_EVENTS = 400
"""Small, so that a fault meets many batches."""
_NEW, _DOUBLE = "hallpulse_events_total", "hallpulse_events_duplicate_total"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Worker:
    """One `python -m services.ingest`."""

    def __init__(self, number: int, directory: Path, broker: Broker, database: Database) -> None:
        self.name = f"ingest {number}"
        self.clock = Clock(directory / f"clock-{number}")
        self.to_broker = Proxy(f"{self.name} to the broker", *broker.ports)
        self.to_database = Proxy(f"{self.name} to the database", database.port)
        self.log = directory / f"ingest-{number}.log"
        self.ended_by_itself: list[str] = []
        self._port = ports.choose(["metrics"])["metrics"]
        self._settings = {
            "HALLPULSE_AMQP_URL": broker.url_by(self.to_broker.ports),
            "HALLPULSE_DATABASE_URL": database.url_by(self.to_database.port),
            "HALLPULSE_CALENDARS": str(CHECKOUT / "calendars"),
            "HALLPULSE_PARTITIONS": str(PARTITIONS),
            "HALLPULSE_BATCH_EVENTS": str(BATCH_EVENTS),
            "HALLPULSE_METRICS_PORT": str(self._port),
            VARIABLE: str(self.clock.file),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._began = self.log.stat().st_size if self.log.exists() else 0
        command = process_groups.Command(
            (sys.executable, "-m", "tests.chaos.clocked", "services.ingest"), environment(self._settings), CHECKOUT,
            self.log, signal.SIGKILL,
        )  # fmt: skip
        self._process = process_groups.spawn(command)

    def look_after(self) -> None:
        """Start it where it ended. To end at the start, because the database is away, is no fault of it."""
        if self._process is None or self._process.poll() is None:
            return
        said = self.said().strip().splitlines()
        if self.was_ready() or "by a fault of its own" in self.said():
            self.ended_by_itself.append(f"{self.name}: {said[-1] if said else 'without a word'}")
        self.start()

    def said(self) -> str:
        """By the process that runs, or ran last."""
        with self.log.open("rb") as log:
            log.seek(self._began)
            return log.read().decode(errors="replace")

    def was_ready(self) -> bool:
        return "ingest: ready" in self.said()

    def kill(self) -> None:
        """As `kill -9` does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop_in_order(self) -> int:
        """Its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(60)
        self._process = None
        return status

    def send(self, what: signal.Signals) -> None:
        os.kill(self.pid, what)

    def counted(self) -> int:
        """Events that it has committed, new and known ones; 0 where it does not answer."""
        return sum(self._counts())

    def doubles(self) -> int:
        return self._counts()[1]

    def heal(self) -> None:
        self.to_broker.heal()
        self.to_database.heal()

    def close(self) -> None:
        if self.alive:
            self.send(signal.SIGCONT)
            self.kill()
        self.to_broker.close()
        self.to_database.close()

    def _counts(self) -> tuple[int, int]:
        try:
            with _OPENER.open(f"http://127.0.0.1:{self._port}/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0, 0
        return _sum(lines, _NEW), _sum(lines, _DOUBLE)


def environment(settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HALLPULSE_")}
    return kept | {"PYTHONPATH": f"{CHECKOUT / 'shared'}:{CHECKOUT}", "PYTHONUNBUFFERED": "1"} | settings


def _sum(lines: list[str], name: str) -> int:
    return int(
        sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name) and line[len(name)] in " {")
    )
