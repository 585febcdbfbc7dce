"""The pace of Prometheus: quick while events arrive, slow while nothing happens.

To scrape and evaluate every second takes a tenth of a core, whether a figure changed or not. The times of log files
show when something happens: the broker writes every event to the log of its queues first, and a mere reader writes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

STILL_AFTER_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 1.0


class Pace:
    """Changes the pace of a process: slow after half a minute in which no log was written, quick at the next write.

    written: returns when a log was last written to, None if that is not known; turn: called with the pid and True when
    all has become still, with the pid and False when something happens again.
    """

    def __init__(self, written: Callable[[], float | None], turn: Callable[[int, bool], None]) -> None:
        self._written = written
        self._turn = turn
        self._seen: float | None = None
        self._changed = float("-inf")
        self._looked = float("-inf")
        self.still = False

    def restart(self) -> None:
        """Begin again at the quick pace, because the process starts with it."""
        self._changed, self._looked, self.still = float("-inf"), float("-inf"), False

    def beat(self, pid: int, now: float) -> None:
        """Look at the logs, at most once a second, and change the pace if necessary. now: monotonic seconds."""
        if now - self._looked < _LOOK_EVERY_SECONDS:
            return
        self._looked = now
        written = self._written()
        if written is None or written != self._seen or self._changed == float("-inf"):
            self._seen, self._changed = written, now
        still = now - self._changed >= STILL_AFTER_SECONDS
        if still != self.still:
            self.still = still
            self._turn(pid, still)


def last_written(logs: Iterable[tuple[Path, str]]) -> float | None:
    """Return when any file of the logs was last written to, in seconds since the epoch; None if a log has no file.

    logs: a folder and a file name pattern for each log.
    """
    newest = 0.0
    for folder, pattern in logs:
        try:
            newest = max(newest, *(file.stat().st_mtime for file in folder.glob(pattern)))
        except (OSError, TypeError):
            return None
    return newest or None
