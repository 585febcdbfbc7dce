"""Looks at a suite once a second: memory of every part, events stored, messages that wait, lag."""

from __future__ import annotations

import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx
import psycopg

from bench.suite import RunningSuite
from hallpulse.broker import open_channel
from hallpulse.broker.topology import queue_names
from hallpulse.domain.errors import HallpulseError

MIB = 1024**2
_STORED = "SELECT coalesce(sum(events), 0)::bigint FROM hall_days"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Look:
    """memory: resident bytes of each part. None: it did not answer."""

    at: float
    memory: dict[str, int]
    stored: int
    queued: int | None
    lag: float | None


@dataclass
class Watch:
    """From `with` to its end; `looks` grows meanwhile."""

    running: RunningSuite
    looks: list[Look] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(10)

    def most_memory(self) -> dict[str, int]:
        names = {name for look in self.looks for name in look.memory}
        return {name: max(look.memory.get(name, 0) for look in self.looks) for name in sorted(names)}

    def look(self) -> Look:
        memory = {name: memory_of(pid) for name, pid in self.running.pids.items()}
        return Look(time.monotonic(), memory, self.stored(), self.queued(), self.lag())

    def stored(self) -> int:
        with psycopg.connect(self.running.settings.database_url, autocommit=True) as connection:
            row = connection.execute(_STORED).fetchone()
        return int(row[0]) if row else 0

    def queued(self) -> int | None:
        try:
            with open_channel(self.running.settings.amqp_url) as channel:
                names = queue_names(self.running.settings.partitions)
                return sum(int(channel.queue_declare(name, passive=True).method.message_count) for name in names)
        except HallpulseError:
            return None

    def unsettled(self) -> int:
        """Messages that wait or that a worker has not acknowledged, as the broker knew some seconds ago."""
        with httpx.Client(base_url=self.running.settings.management_url, timeout=10, trust_env=False) as client:
            queues = client.get("/api/queues?columns=name,messages").raise_for_status().json()
        return sum(queue.get("messages", 0) for queue in queues if queue["name"].startswith("hall.ingest."))

    def lag(self) -> float | None:
        """Of the ingest that waits longest."""
        found = []
        for url in self.running.endpoints.metrics:
            try:
                with _OPENER.open(url, timeout=5) as answer:
                    lines = answer.read().decode().splitlines()
            except OSError:
                continue
            found += [float(line.split()[-1]) for line in lines if line.startswith("hallpulse_ingest_lag_seconds")]
        return max(found, default=None)

    def _run(self) -> None:
        while not self._ended.wait(1.0):
            self.looks.append(self.look())


def memory_of(pid: int) -> int:
    """Resident bytes. Where a process has children too, each has its part of what they share: nothing counts twice."""
    children = _children(pid)
    if not children:
        return _field(Path(f"/proc/{pid}/smaps_rollup"), "Rss:")
    return sum(_field(Path(f"/proc/{one}/smaps_rollup"), "Pss:") for one in (pid, *children))


def _children(pid: int) -> list[int]:
    """With theirs."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
    return found + [grandchild for child in found for grandchild in _children(child)]


def _field(file: Path, name: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)
