"""Wall clocks that are stepped while a process runs, and stepped back."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.chaos.clocked import Clock
from tests.chaos.ground import Ground

HOUR = 3600
STEPS = {"an hour ahead": HOUR, "an hour back": -HOUR, "a day ahead": 24 * HOUR, "a day back": -24 * HOUR}


@dataclass
class StepClock:
    lasts: float
    whose: str
    step: str
    number: int
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"clock of {self.whose}: {self.step}"

    def strike(self, ground: Ground) -> str:
        ground.feed()
        self._clock(ground).step(STEPS[self.step])
        ground.feed()
        return ""

    def heal(self, ground: Ground) -> None:
        self._clock(ground).step(0)

    def _clock(self, ground: Ground) -> Clock:
        among = ground.workers if self.whose == "ingest" else ground.halls
        return among[self.number % len(among)].clock


def clock_steps(rng: Random) -> list[StepClock]:
    return [
        StepClock(rng.uniform(0.5, 3.0), whose, step, rng.randrange(100))
        for whose in ("ingest", "a publisher")
        for step in STEPS
    ]
