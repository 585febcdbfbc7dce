"""Two watches beside the merging: for changed calendar files, and for the broker's delivery limits.

An edited calendar is in force within seconds, and the dates of every case that it touches are computed again. The
delivery limits, after which the broker drops messages given back, are queried all the time; the log and a metric show
them.
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
    """Puts the calendar files of a folder in force, by `apply` and whenever they change.

    An invalid file changes nothing: it is logged in one line and read again when it changes. If the folder does not
    exist, a database without any calendar gets the national one.
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
"""Seconds until the second look: the broker reports a new policy within ten seconds."""


class KeepingWatch:
    """Watches whether the broker limits how often a message may be given back.

    It logs what it finds once, and again when that changes. A queue without a limit is as it should be and not logged.
    """

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
        """Return in one line the queues that are not as they should be; "" if all are."""
        try:
            found = self._found()
        except HallpulseError:  # an outage, which the consumer reports
            return self._said
        self._metrics.delivery_limits({queue: kept.limit for queue, kept in found.items()})
        return line_of(found)

    def _found(self) -> Mapping[str, Kept]:
        amqp_url, management_url, partitions = self._broker
        try:
            return limits_in_force(amqp_url, management_url, partitions)
        except Halt:  # this user may not use the management API; AMQP tells less
            return limits_in_force(amqp_url, "", partitions)

    def _tell(self, line: str) -> None:
        if line != self._said:
            self._say(line or "the broker now keeps every message that is given back")
        self._said = line


def line_of(found: Mapping[str, Kept]) -> str:
    """Return in one line the queues from which the broker drops messages given back too often, or may do so."""
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
