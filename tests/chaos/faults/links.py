"""Connections that are slow, stuck, cut or half dead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.chaos.ground import Ground
from tests.chaos.proxy import Proxy


@dataclass
class Link:
    """`pick` says which link of the ground; `how` what happens to it, `after` what ends it."""

    lasts: float
    where: str
    kind: str
    pick: Callable[[Ground], Proxy]
    how: Callable[[Proxy], object]
    after: Callable[[Proxy], object] = Proxy.heal
    name: str = field(init=False)
    _link: Proxy | None = None

    def __post_init__(self) -> None:
        self.name = f"{self.where}: {self.kind}"

    def strike(self, ground: Ground) -> str:
        self._link = self.pick(ground)
        ground.feed()
        self.how(self._link)
        ground.feed()
        return self._link.name

    def heal(self, _: Ground) -> None:
        if self._link is not None:
            self.after(self._link)


def slow_links(rng: Random) -> list[Link]:
    """What lets everything pass, late: it may last while other faults strike."""
    made = []
    for where, pick in _places(rng):
        up, down = rng.uniform(0.005, 0.1), rng.uniform(0.005, 0.1)
        rate = rng.choice([20_000.0, 100_000.0, 400_000.0])
        made += [
            Link(_seconds(rng), where, "delayed", pick, lambda link, up=up, down=down: _delay(link, up, down)),
            Link(_seconds(rng), where, "throttled", pick, lambda link, rate=rate: _throttle(link, rate)),
        ]
    return made


def broken_links(rng: Random) -> list[Link]:
    made = []
    for where, pick in _places(rng):
        up = rng.random() < 0.5
        made += [
            Link(_seconds(rng), where, "stalled, then goes on", pick, _stall),
            Link(_seconds(rng), where, "stalled, then cut", pick, _stall, _cut),
            Link(_seconds(rng), where, "stalled one way", pick, lambda link, up=up: _one_way(link, up)),
            Link(_seconds(rng), where, "cut", pick, Proxy.cut),
            Link(_seconds(rng), where, "cut, and nobody let in", pick, Proxy.refuse),
            Link(_seconds(rng), where, "half closed", pick, lambda link, up=up: link.half_close(up), _cut),
        ]
    return made


def _places(rng: Random) -> list[tuple[str, Callable[[Ground], Proxy]]]:
    number = rng.random()

    def worker_to(name: str) -> Callable[[Ground], Proxy]:
        return lambda ground: getattr(ground.workers[int(number * len(ground.workers))], name)

    return [
        ("halls to broker", lambda ground: ground.to_broker),
        ("ingest to broker", worker_to("to_broker")),
        ("ingest to database", worker_to("to_database")),
    ]


def _seconds(rng: Random) -> float:
    return rng.uniform(0.3, 3.0)


def _delay(link: Proxy, up: float, down: float) -> None:
    link.up.delay, link.down.delay = up, down


def _throttle(link: Proxy, rate: float) -> None:
    link.up.rate = link.down.rate = rate


def _stall(link: Proxy) -> None:
    link.up.stall()
    link.down.stall()


def _one_way(link: Proxy, up: bool) -> None:
    (link.up if up else link.down).stall()


def _cut(link: Proxy) -> None:
    link.cut()
    link.heal()
