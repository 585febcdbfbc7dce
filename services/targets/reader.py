"""The process that reads everything for the targets service, and the service's side of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from hallpulse.domain.errors import HallpulseError, Halt, Unavailable
from hallpulse.plans import load_plans
from hallpulse.settings import settings_from
from hallpulse.store import open_store
from hallpulse.subprocess import Channel, Subprocess, SubprocessEnded, parent_channel
from services.targets.announcements import Announced, Announcements, Key, Standing
from services.targets.exposition import Page, page_of
from services.targets.readings import Attempts, TargetReadings

MODULE = "services.targets.reader"


class Asked(msgspec.Struct, frozen=True, tag=True):
    """A request to read everything again.

    announced: verdicts that were announced since the last request; known: the verdicts from which a new process goes
    on, None if it is the first process or has them already.
    """

    announced: Sequence[Announced]
    known: Sequence[Announced] | None = None


class Due(msgspec.Struct, frozen=True, tag=True):
    """A breach or recovery that must still be announced. payload: the event's data."""

    kind: str
    announced: Announced
    payload: dict[str, Any]


class Read(msgspec.Struct, frozen=True, tag=True):
    """A finished reading.

    page: the text for /metrics, None if it has not changed; taken: when the reading began, in seconds since 1970-01-01
    UTC; seconds: how long it took; settled: verdicts that changed without an announcement.
    """

    page: Page | None
    taken: float
    seconds: float
    due: Sequence[Due]
    settled: Sequence[Announced]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A failed reading. halt: whether going on would do damage; if not, it can be tried again."""

    halt: bool
    reason: str


class ReadingProcess(Protocol):
    """The reading process as the service needs it: a `Subprocess`, or a stand-in for it."""

    def send(self, message: object) -> None: ...

    def receive(self) -> Read | Failed: ...

    def end(self) -> None: ...


Start = Callable[[], ReadingProcess]


def starting(environment: Mapping[str, str], module: str = MODULE) -> Start:
    """Return a function that starts the reading process."""
    return partial(Subprocess[Read | Failed], module, Read | Failed, environment)


class Reader:
    """Lets the reading process read; keeps the last page, and the changes that must still be announced.

    If the process has ended, the next reading starts a new one, which goes on from the verdicts known here. Use it from
    one green thread for reading and one for announcing.
    """

    def __init__(self, start: Start, attempts: Attempts) -> None:
        self._start = start
        self._process: ReadingProcess | None = None
        self._due: list[Due] = []
        self._sending: Due | None = None
        self._announced: list[Announced] = []
        self._known: dict[Key, Standing] | None = None
        self._closed = False
        self.attempts = attempts
        self.page = Page()

    def refresh(self) -> None:
        """Read everything again. Raises Unavailable or Halt; the last page and changes are then kept."""
        self.attempts.begin()
        try:
            found = self._ask()
        except (SubprocessEnded, OSError) as error:
            self._drop()
            if self._closed:
                return
            raise Unavailable(f"the reading process {error}") from error
        if isinstance(found, Failed):
            raise Halt(found.reason) if found.halt else Unavailable(found.reason)
        if found.page is not None:
            self.page = found.page
        self.attempts.finished(found.taken, found.seconds)
        self._known = {**(self._known or {}), **dict(found.settled)}
        announced = {said.key for said in self._announced}
        self._due = [change for change in found.due if change.announced.key not in announced]

    def next_due(self) -> Due | None:
        """Return a change to announce, None if there is none. It is the same one until `announced` is called.

        This holds even if the target has turned back since: the broker may have the change although its confirmation
        was lost, and then the recovery must be announced, too.
        """
        if self._sending is None and self._due:
            self._sending = self._due[0]
        return self._sending

    def announced(self, change: Due) -> None:
        """Note that a change was announced."""
        self._sending = None
        self._announced.append(change.announced)
        self._known = {**(self._known or {}), change.announced.key: change.announced.verdict}
        self._due = [other for other in self._due if other.announced.key != change.announced.key]

    def close(self) -> None:
        """End the process at once and for good, even during a reading."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def _ask(self) -> Read | Failed:
        if self._closed:
            raise SubprocessEnded("is closed")
        announced, known = list(self._announced), None
        if self._process is None:
            self._process = self._start()
            known = None if self._known is None else [Announced(*one) for one in self._known.items()]
        process = self._process
        process.send(Asked(announced, known))
        found = process.receive()
        self._announced = self._announced[len(announced) :]
        return found


def read(readings: TargetReadings, asked: Asked) -> Read | Failed:
    """Read everything and return the result; return Unavailable or Halt as a `Failed`."""
    if asked.known is not None:
        readings.announcements = Announcements(asked.known)
    readings.announcements.announced(asked.announced)
    try:
        snapshot = readings.refresh()
    except HallpulseError as error:
        return Failed(isinstance(error, Halt), str(error))
    due = [Due(change.kind, change.announced, change.payload()) for change in readings.due()]
    page = page_of(snapshot) if readings.changed else None
    return Read(page, snapshot.taken, snapshot.seconds, due, readings.announcements.take_settled())


def answer_all(readings: TargetReadings, channel: Channel[Asked]) -> None:
    """Answer requests until the other side of the channel has ended."""
    try:
        while True:
            channel.send(read(readings, channel.receive()))
    except (EOFError, OSError):
        return


def main() -> None:
    channel = parent_channel(Asked)
    settings = settings_from(os.environ)
    plans = load_plans(settings.plans)
    store = open_store(settings.database_url, pool_size=1, service="targets", plans=plans)
    answer_all(TargetReadings(store, plans, time.time), channel)


if __name__ == "__main__":
    main()
