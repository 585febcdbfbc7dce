"""The watches beside the merging: over the calendar files, and over whether the broker keeps what is given back.

An edited calendar is in force within seconds, and every case it touches is dated again. The broker's limits are asked
for at the start and ever after, and shown in the log and as a metric.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from hallpulse.broker import Kept, limits_in_force
from hallpulse.calendars import CalendarError, load_overrides, national_calendar
from hallpulse.domain.errors import HallpulseError, Halt
from hallpulse.metrics import IngestMetrics
from hallpulse.store import Store

CALENDAR_SECONDS = 3.0
_Files = tuple[tuple[str, int, int], ...]


class CalendarWatch:
    """Puts the files of a folder in force: at once when asked, and whenever they change.

    A file that is not understood changes nothing: it is logged in one line and looked at again when it changes.
    Where the folder does not exist, only a database without any calendar gets the national one.
    """

    def __init__(self, store: Store, folder: Path, say: Callable[[str], None]) -> None:
        self._store = store
        self._folder = folder
        self._say = say
        self._seen: _Files | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="calendars", daemon=True)

    def apply(self) -> None:
        """Put the files in force if they changed since the last look. Raises Unavailable, Halt."""
        files = self._files()
        if files == self._seen:
            return
        if self._folder.is_dir():
            touched = self._store.apply_calendars([national_calendar(), *load_overrides(self._folder)])
        else:
            touched = 0 if self._has_calendars() else self._store.apply_calendars([national_calendar()])
        self._seen = files
        if touched:
            self._say(f"calendars changed: {touched} cases were dated again")

    def _has_calendars(self) -> bool:
        with self._store.read() as moment:
            return moment.has_calendars()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _files(self) -> _Files:
        stats = ((path, path.stat()) for path in sorted(self._folder.glob("*.yaml")))
        return tuple((path.name, stat.st_mtime_ns, stat.st_size) for path, stat in stats)

    def _run(self) -> None:
        logged: _Files | None = None
        while not self._stopping.wait(CALENDAR_SECONDS):
            try:
                self.apply()
            except (CalendarError, HallpulseError, OSError) as error:
                files = self._files()
                if files != logged:
                    self._say(f"calendars: {' '.join(str(error).split())}")
                logged = files


KEEPING_SECONDS = 60.0
POLICY_SECONDS = 15.0
"""The broker tells of a policy that was just set within ten."""


class KeepingWatch:
    """Says what it finds once, and again when it changes; an unlimited queue is as it should be and is not logged."""

    def __init__(
        self, amqp_url: str, management_url: str, partitions: int, metrics: IngestMetrics, say: Callable[[str], None]
    ) -> None:
        self._broker = (amqp_url, management_url, partitions)
        self._metrics = metrics
        self._say = say
        self._said = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        if self._look() and not self._stopping.wait(POLICY_SECONDS):
            self._tell(self._look())
        while not self._stopping.wait(KEEPING_SECONDS):
            self._tell(self._look())

    def _look(self) -> str:
        """Return in one line what is not as it should be; empty if all is."""
        try:
            found = self._found()
        except HallpulseError:  # an outage, which the consumer tells of
            return self._said
        self._metrics.delivery_limits({queue: kept.limit for queue, kept in found.items()})
        return line_of(found)

    def _found(self) -> Mapping[str, Kept]:
        amqp_url, management_url, partitions = self._broker
        try:
            return limits_in_force(amqp_url, management_url, partitions)
        except Halt:  # a user that may not ask: AMQP tells less
            return limits_in_force(amqp_url, "", partitions)

    def _tell(self, line: str) -> None:
        if line != self._said:
            self._say(line or "the broker now keeps every message that is given back")
        self._said = line


def line_of(found: Mapping[str, Kept]) -> str:
    """The queues from which the broker may take messages, or does not say whether."""
    unknown = sorted(queue for queue, kept in found.items() if kept.limit is None)
    limited = [
        (queue, kept) for queue, kept in sorted(found.items()) if kept.limit is not None and kept.limit < math.inf
    ]
    parts = [
        f"{queue} (after {kept.limit:.0f} times, {'then kept in hall.refused' if kept.caught else 'lost then'})"
        for queue, kept in limited
    ]
    lines = []
    if parts:
        lines.append(f"the broker drops messages that are given back too often from {', '.join(parts)}")
    if unknown:
        lines.append(
            f"whether the broker drops messages that are given back too often cannot be known of {', '.join(unknown)}"
        )
    return "; ".join(lines) + (": see operations, delivery limit" if lines else "")
