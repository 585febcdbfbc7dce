"""The calendar files, watched: an edited one is in force within seconds, and every case it touches is dated again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from hallpulse.calendars import CalendarError, load_overrides, national_calendar
from hallpulse.domain.errors import HallpulseError
from hallpulse.store import Store

LOOK_SECONDS = 3.0
_Files = tuple[tuple[str, int, int], ...]


class CalendarWatch:
    """Puts the files of a folder in force: at once when asked, and whenever they change.

    A file that is not understood changes nothing: it is told in one line and looked at again when it changes.
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
        told: _Files | None = None
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.apply()
            except (CalendarError, HallpulseError, OSError) as error:
                files = self._files()
                if files != told:
                    self._say(f"calendars: {' '.join(str(error).split())}")
                told = files
