"""A run: events flow, faults strike one after the other or two at once, everything settles, the history is checked."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from random import Random

from services.local.process_groups import wait_until
from tests.chaos.checker import Verdict, check
from tests.chaos.faults.deck import deal, short_cluster_deck, short_deck
from tests.chaos.faults.fault import Fault
from tests.chaos.ground import Ground, Missed

SETTLE_SECONDS = 300.0
_STEP_SECONDS = 0.1
_AFTER_SECONDS = 3.0
"""What begins so soon after a heal still belongs to the fault."""
Say = Callable[[str], None]


@dataclass
class Struck:
    """A fault as it was. at: seconds since the first event; lasted: from strike to heal.

    pause: the longest time, from the strike on until shortly after the heal, in which nothing was committed.
    """

    number: int
    name: str
    at: float
    lasted: float
    met: str
    pause: float = 0.0

    def line(self) -> str:
        met = f"; {self.met}" if self.met else ""
        return f"{self.number:4d}  {self.at:7.1f} s  {self.name}  ({self.lasted:.1f} s{met})"


class Commits:
    """The moments at which it was seen that workers had committed something, since the first event."""

    def __init__(self, ground: Ground, began: float) -> None:
        self._ground, self._began = ground, began
        self._moments: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commits", daemon=True)

    def __enter__(self) -> Commits:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def longest_pause(self, start: float, end: float) -> float:
        """Of those that lie at least partly between two moments, counted from the first of them."""
        moments = [start, *(moment for moment in self._moments if moment >= start)]
        spans = ((one, next_) for one, next_ in itertools.pairwise(moments) if one <= end)
        return max((next_ - one for one, next_ in spans), default=0.0)

    def _run(self) -> None:
        before: dict[str, int] = {}
        while not self._ended.wait(_STEP_SECONDS):
            counts = {worker.name: worker.counted() for worker in self._ground.workers if worker.alive}
            if any(count > before.get(name, 0) for name, count in counts.items()):
                self._moments.append(time.monotonic() - self._began)
            before = counts


@dataclass
class Run:
    """What happened, and how it ended. settled: seconds from the last fault's end until nothing moved any more."""

    seed: int
    struck: list[Struck] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    settled: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"holds": self.verdict.holds}


class _Pace:
    """Releases the events of a history evenly over its faults, however long those take."""

    def __init__(self, ground: Ground, faults: int) -> None:
        self._ground, self._faults = ground, faults
        self._done = 0
        self._began = self._since = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pace", daemon=True)

    def __enter__(self) -> _Pace:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def step(self, done: int) -> None:
        self._done, self._since = done, time.monotonic()

    def _run(self) -> None:
        while not self._ended.wait(_STEP_SECONDS):
            now = time.monotonic()
            usual = (self._since - self._began) / self._done if self._done else 3.0
            part = min(1.0, (now - self._since) / max(usual, 0.5))
            self._ground.release((self._done + part) / (self._faults + 1))


def run(ground: Ground, seed: int, faults: int, say: Say, *, short: bool = False, only: str = "") -> Run:
    rng = Random(seed)
    made = Run(seed)
    began = time.monotonic()
    pairs = _pairs(ground, rng, short, only)
    with _Pace(ground, faults) as pace, Commits(ground, began) as commits:
        for struck in _strike(ground, pairs, faults, began, made.missed):
            made.struck.append(struck)
            say(struck.line())
            pace.step(len(made.struck))
        for struck in made.struck:
            struck.pause = commits.longest_pause(struck.at, struck.at + struck.lasted + _AFTER_SECONDS)
    if short and len(made.missed) > 1:
        raise RuntimeError(f"faults found nothing to strike: {'; '.join(made.missed)}")
    say("all faults have struck: it settles")
    healed = time.monotonic()
    _settle(ground)
    made.settled = time.monotonic() - healed
    made.verdict = check(ground.history, ground.database.url, ground.take_refused(), ground.ended_by_itself())
    made.seconds = time.monotonic() - began
    return made


def _pairs(ground: Ground, rng: Random, short: bool, only: str) -> Iterator[tuple[Fault, Fault | None]]:
    clustered = len(ground.broker.nodes) > 1
    if not short:
        return deal(rng, ground.small_disks, only, clustered=clustered)
    deck = short_cluster_deck(rng) if clustered else short_deck(rng, ground.small_disks)
    return ((fault, None) for fault in deck)


def _strike(
    ground: Ground, pairs: Iterator[tuple[Fault, Fault | None]], faults: int, began: float, missed: list[str]
) -> Iterator[Struck]:
    number = 0
    for fault, beside in pairs:
        try:
            for struck in _one(ground, fault, beside, began):
                number += 1
                struck.number = number
                yield struck
        except Missed as nothing:
            missed.append(f"{fault.name}: {nothing}")
            if len(missed) > max(5, faults // 5):
                raise RuntimeError(f"too many faults found nothing to strike: {missed[-1]}") from None
        ground.look_after()
        if number >= faults:
            return


def _one(ground: Ground, fault: Fault, beside: Fault | None, began: float) -> list[Struck]:
    """A fault, while the one beside it lasts."""
    around = []
    if beside is not None:
        at = time.monotonic()
        met = beside.strike(ground)
        around = [Struck(0, beside.name, at - began, 0.0, f"{met}, " * bool(met) + "together with the next")]
    try:
        at = time.monotonic()
        try:
            met = fault.strike(ground)
            time.sleep(fault.lasts)
        finally:
            fault.heal(ground)
        around.append(Struck(0, fault.name, at - began, time.monotonic() - at, met))
    finally:
        if beside is not None:
            beside.heal(ground)
            around[0].lasted = time.monotonic() - began - around[0].at
    return around


def _settle(ground: Ground) -> None:
    """Until every program has sent everything and every queue is empty, also of what workers had not acknowledged."""
    for link in ground.links:
        link.heal()
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        ground.look_after()
        ground.release(1.0)
        if not wait_until(lambda: ground.all_sent and ground.queued() == 0 and ground.all_ready, 2.0):
            continue
        statuses = {worker.name: worker.stop_in_order() for worker in ground.workers if worker.alive}
        if ground.queued() == 0 and not any(statuses.values()):
            return
        for worker in ground.workers:
            worker.start()
    raise RuntimeError(f"it does not settle: {_standing(ground)}")


def _standing(ground: Ground) -> str:
    halls = ", ".join(f"{hall.name} {hall.taken}/{hall.size}{' done' if hall.done else ''}" for hall in ground.halls)
    careless = f"{ground.careless.confirmed}/{ground.careless.size}" if ground.careless else "none"
    queues = ground.broker.ask("queues?columns=name,messages_ready,messages_unacknowledged,consumers,state")
    return f"queued {ground.queued()}; {halls}; careless {careless}; {queues}"
