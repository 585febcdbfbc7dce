"""The pace of Prometheus: within seconds while something happens, slow while nothing does.

Scraping and judging each second take a tenth of a core, whether a figure changed or not. Logs tell: every event is
written to that of the queues first, and who only reads writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

STILL_AFTER_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 1.0


class Pace:
    """Whether nothing has happened for a while; time is an argument, monotonic seconds.

    written: when any of the logs was last written to, None where that cannot be told; turn: called with the process's
    pid, and True when all has become still, False when something happens again.
    """

    def __init__(self, written: Callable[[], float | None], turn: Callable[[int, bool], None]) -> None:
        self._written = written
        self._turn = turn
        self._seen: float | None = None
        self._changed = float("-inf")
        self._looked = float("-inf")
        self.still = False

    def restart(self) -> None:
        """Begin again at the quick pace, with which the process was started."""
        self._changed, self._looked, self.still = float("-inf"), float("-inf"), False

    def beat(self, pid: int, now: float) -> None:
        """Look, at most once a second, and turn where the pace is another now."""
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
    """Return when a file of the logs was last written to; None where one of them has no file that can be looked at.

    logs: folder and pattern of each one's files.
    """
    newest = 0.0
    for folder, pattern in logs:
        try:
            newest = max(newest, *(file.stat().st_mtime for file in folder.glob(pattern)))
        except (OSError, TypeError):
            return None
    return newest or None
