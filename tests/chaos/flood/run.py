"""A flood: what ingest takes is measured, then ten times as much is offered, then everything must be there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.suite import RunningSuite, hallpulse
from hallpulse.store import open_store
from tests.chaos.flood.envelopes import EVENTS, HALLS, REGION, hall_of, ids_of
from tests.chaos.flood.knocking import NAME
from tests.chaos.flood.watching import Watch
from tests.chaos.workers import CHECKOUT, environment
from tests.moments import ask

DOOR = "door-1"
"""The hall that sends by HTTP."""
NAMES = "AB"
QUEUE_BYTES = 16 * 1024**2
"""Of each partition, by a policy, as an operator sets it."""
_LOADING_SECONDS, _LOADING_RATE = 10.0, 3000.0
"""Of batches: a backlog of some seconds, before the queues are made small."""
_DRAIN_SECONDS = 600.0
Say = Callable[[str], None]


@dataclass
class Flood:
    """Events and seconds, what publishers and gateway said, and what is wrong."""

    takes: float
    times: float
    seconds: float
    offered: int = 0
    stored: int = 0
    different: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    longest_lag: float = 0.0
    most_queued: int = 0
    gone_after: float = 0.0
    drained: float = 0.0
    lost: int = 0
    more: int = 0
    differences: int = 0

    @property
    def pushed_back(self) -> int:
        """Batches that were not taken when they were offered."""
        return self.answers.get("offered", 0) - self.answers.get("taken", 0)

    @property
    def offered_times(self) -> float:
        return self.offered / self.seconds / self.takes


class Publishers:
    """Processes that offer; `counts` is what they say in the end."""

    def __init__(self, commands: list[list[str]]) -> None:
        self._processes = [
            subprocess.Popen([sys.executable, "-m", *command], cwd=CHECKOUT, env=environment({}),
                             stdout=subprocess.PIPE, text=True)
            for command in commands
        ]  # fmt: skip
        self.counts: list[Counter[str]] = []

    def wait(self, seconds: float) -> None:
        """Until all that was offered is taken. Raises RuntimeError where a publisher says nothing in the end."""
        for process in self._processes:
            said, _ = process.communicate(timeout=seconds)
            ends = [line for line in said.splitlines() if line.startswith("end ")]
            if not ends:
                raise RuntimeError("a publisher ended before it was done")
            self.counts.append(Counter(json.loads(ends[0].removeprefix("end "))))

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@contextmanager
def publishers(*commands: list[str]) -> Iterator[Publishers]:
    made = Publishers(list(commands))
    try:
        yield made
    finally:
        made.kill()


def flood(running: RunningSuite, times: float, seconds: float, say: Say) -> Flood:
    token = json.loads(hallpulse("hall", "add", str(REGION), DOOR, "--json", directory=running.directory))["token"]
    takes = _capacity(running)
    _limit_queues(running)
    made = Flood(takes, times, seconds)
    say(f"ingest takes {takes:,.0f} events a second; {times:g} times as much is offered for {seconds:.0f} s")
    rate = takes * times / EVENTS / len(NAMES)
    commands = [_offering(running, name, rate, seconds) for name in NAMES]
    door = ["tests.chaos.flood.knocking", running.endpoints.gateway, token, DOOR, str(seconds)]
    before = Watch(running).stored()
    with Watch(running) as watch, publishers(*commands, door) as offering:
        began = time.monotonic()
        time.sleep(seconds)
        over = time.monotonic()
        offering.wait(_DRAIN_SECONDS)
        made.drained = time.monotonic() - over
        _wait_until_gone(watch)
        made.gone_after = time.monotonic() - over
    _note(made, watch, offering, began, before)
    _check(made, running, offering)
    return made


def _limit_queues(running: RunningSuite) -> None:
    management = str(running.settings.management_url)
    policy = {"pattern": r"^hall\.ingest\.", "definition": {"max-length-bytes": QUEUE_BYTES}, "apply-to": "queues"}
    with httpx.Client(base_url=management, timeout=10, trust_env=False) as client:
        client.put("/api/policies/%2F/flood", json=policy).raise_for_status()


def _offering(running: RunningSuite, name: str, rate: float, seconds: float) -> list[str]:
    return ["tests.chaos.flood.offering", running.settings.amqp_url, name, str(rate), str(seconds)]


def _capacity(running: RunningSuite) -> float:
    """Events a second with nobody in the way: of a backlog, once the publisher that made it has gone."""
    watch = Watch(running)
    with publishers(_offering(running, "W", _LOADING_RATE, _LOADING_SECONDS)) as loading:
        loading.wait(_DRAIN_SECONDS)
    looks = [watch.look()]
    while looks[-1].queued or watch.unsettled():
        time.sleep(0.5)
        looks.append(watch.look())
    moved = [look for look in looks if look.stored < looks[-1].stored]
    return (looks[-1].stored - looks[0].stored) / (moved[-1].at - looks[0].at)


def _wait_until_gone(watch: Watch) -> None:
    """No message waits, and none is unacknowledged: a worker's lag is nothing between two batches too."""
    until = time.monotonic() + _DRAIN_SECONDS
    while watch.queued() != 0 or watch.lag() != 0.0 or watch.unsettled():
        if time.monotonic() > until:
            raise RuntimeError(f"{watch.unsettled()} messages still wait")
        time.sleep(0.2)


def _note(made: Flood, watch: Watch, offering: Publishers, began: float, before: int) -> None:
    made.memory = watch.most_memory()
    made.longest_lag = max((look.lag or 0.0 for look in watch.looks), default=0.0)
    made.most_queued = max((look.queued or 0 for look in watch.looks), default=0)
    during = [look for look in watch.looks if began <= look.at <= began + made.seconds]
    made.stored = during[-1].stored - before if during else 0
    answers: Counter[str] = Counter()
    for counts in offering.counts:
        answers.update(counts)
    made.different = answers.pop("different") * EVENTS
    made.offered = answers.pop("offered in time") * EVENTS
    made.answers = dict(answers)


def _check(made: Flood, running: RunningSuite, offering: Publishers) -> None:
    """Every event of every batch that was taken, by its id; and that each counts once."""
    store = open_store(running.settings.database_url, pool_size=1)
    try:
        for name, counts in zip((*NAMES, NAME), offering.counts, strict=True):
            by_hall: dict[str, list[str]] = {}
            for sequence in range(counts["different"]):
                by_hall.setdefault(DOOR if name == NAME else hall_of(sequence), []).extend(ids_of(name, sequence))
            made.lost += sum(_missing(store, hall, ids) for hall, ids in by_hall.items())
        counts_of = ask(store).event_counts(REGION)
        halls = {hall_of(sequence) for sequence in range(HALLS)} | {DOOR}
        made.more = sum(counts_of.get(hall, 0) for hall in halls) - Watch(running).stored()
        made.differences = len(store.recompute(check=True))
    finally:
        store.close()


def _missing(store: Any, hall: str, ids: list[str]) -> int:
    parts = (ids[start : start + 20_000] for start in range(0, len(ids), 20_000))
    return sum(len(part) - len(ask(store).stored_ids(REGION, hall, part)) for part in parts)
