"""A part of the suite: one process to start, to see ready, to keep alive and to end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from services.local.processes import Command


@dataclass(frozen=True, slots=True)
class Part:
    """`command` writes what the process needs and says how to run it: asked again at every restart.

    ready: asked with the pid of the process; on_ready: runs when it is so for the first time;
    address: for people, empty where there is none to open; patience: how many seconds an orderly end may take;
    halts_with: the exit status that asks for a person, so that it is not started again until one says so.
    """

    name: str
    command: Callable[[], Command]
    ready: Callable[[int], bool]
    on_ready: Callable[[], None] = lambda: None
    address: str = ""
    stop: signal.Signals = signal.SIGTERM
    patience: float = 20.0
    halts_with: int | None = None


FAILING_AFTER = 3
"""Deaths in a row, each within a minute of its start, after which a part is said to be failing."""
_LIVED_WELL_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 300.0


@dataclass(slots=True)
class Restarts:
    """When a part that died starts again: always, after pauses that double up to five minutes; time is an argument.

    A part that lived a minute begins with the shortest pause.
    """

    in_a_row: int = 0
    total: int = 0

    @property
    def is_failing(self) -> bool:
        return self.in_a_row >= FAILING_AFTER

    def pause_after(self, lived: float) -> float:
        """Seconds to wait."""
        if self.lived_well(lived):
            self.in_a_row = 0
        self.in_a_row += 1
        self.total += 1
        pause: float = _FIRST_PAUSE_SECONDS * 2 ** min(self.in_a_row - 1, 20)
        return min(pause, _LONGEST_PAUSE_SECONDS)

    def lived_well(self, lived: float) -> bool:
        return lived >= _LIVED_WELL_SECONDS
