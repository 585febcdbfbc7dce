"""A part of the suite: one process to start, to probe, to keep alive and to end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from services.local.process_groups import Command


@dataclass(frozen=True, slots=True)
class SuitePart:
    """A part of the suite.

    command: writes the files that the process needs and returns how to run it, at every start. ready: called with the
    pid of the process; on_ready: called when it is ready for the first time; beat: called several
    times a second while it runs, with the pid and monotonic seconds; address: for people, "" if there is none;
    patience: seconds that an orderly end may take; halts_with: the exit status that asks for a person: the part is not
    restarted until one resumes it.
    """

    name: str
    command: Callable[[], Command]
    ready: Callable[[int], bool]
    on_ready: Callable[[], None] = lambda: None
    beat: Callable[[int, float], None] = lambda *_: None
    address: str = ""
    stop: signal.Signals = signal.SIGTERM
    patience: float = 20.0
    halts_with: int | None = None


FAILING_AFTER = 3
"""Deaths in a row, each within a minute of its start, after which a part counts as failing."""
_LIVED_WELL_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 300.0


@dataclass(slots=True)
class Restarts:
    """The pauses before a dead part restarts: they double up to five minutes; time is an argument.

    After a minute of life the shortest pause comes first again.
    """

    in_a_row: int = 0
    total: int = 0

    @property
    def is_failing(self) -> bool:
        return self.in_a_row >= FAILING_AFTER

    def pause_after(self, lived: float) -> float:
        """Return the seconds to wait."""
        if self.lived_well(lived):
            self.in_a_row = 0
        self.in_a_row += 1
        self.total += 1
        pause: float = _FIRST_PAUSE_SECONDS * 2 ** min(self.in_a_row - 1, 20)
        return min(pause, _LONGEST_PAUSE_SECONDS)

    def lived_well(self, lived: float) -> bool:
        return lived >= _LIVED_WELL_SECONDS
