"""A part of the suite: one process that the supervisor starts, probes, keeps alive and ends."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from services.local.process_groups import Command


@dataclass(frozen=True, slots=True)
class SuitePart:
    """A part of the suite.

    command: called at every start; it writes the files that the process needs and returns the command to run. ready:
    called with the pid, returns whether the process is ready; on_ready: called once, when the first process is ready,
    not after restarts; beat: called several times a second while it runs, with the pid and monotonic seconds; address:
    URL for people, "" if there is none; stop: the signal for an orderly end; patience: seconds that this end may take;
    halts_with: an exit status after which the part is not restarted until a person resumes it.
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
"""A part is failing after this many deaths in a row, each within a minute of its start."""
_LIVED_WELL_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 300.0


@dataclass(slots=True)
class Restarts:
    """The pauses before a dead part restarts: they double from half a second up to five minutes.

    After a life of at least a minute the pauses begin again with the shortest. in_a_row: deaths, each within a minute
    of its start; total: all deaths.
    """

    in_a_row: int = 0
    total: int = 0

    @property
    def is_failing(self) -> bool:
        return self.in_a_row >= FAILING_AFTER

    def pause_after(self, lived: float) -> float:
        """Count a death and return the seconds to wait before the restart. lived: seconds that the process ran."""
        if self.lived_well(lived):
            self.in_a_row = 0
        self.in_a_row += 1
        self.total += 1
        pause: float = _FIRST_PAUSE_SECONDS * 2 ** min(self.in_a_row - 1, 20)
        return min(pause, _LONGEST_PAUSE_SECONDS)

    def lived_well(self, lived: float) -> bool:
        return lived >= _LIVED_WELL_SECONDS
