"""The process that reads for the service, and the service's side of it."""

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

    announced: the changes that were announced since the last one; known: to a process that follows another, the
    verdicts with which it goes on.
    """

    announced: Sequence[Announced]
    known: Sequence[Announced] | None = None


class Due(msgspec.Struct, frozen=True, tag=True):
    """A change that is still to be announced. payload: the event's data."""

    kind: str
    announced: Announced
    payload: dict[str, Any]


class Read(msgspec.Struct, frozen=True, tag=True):
    """A finished reading. page: as /metrics shows it, None where it is as before; settled: the verdicts that changed
    without an announcement; taken, seconds: when it began (since 1970-01-01 UTC), and how long it took.
    """

    page: Page | None
    taken: float
    seconds: float
    due: Sequence[Due]
    settled: Sequence[Announced]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A reading that failed. halt: going on would do damage; otherwise it is to be tried again."""

    halt: bool
    reason: str


class ReadingProcess(Protocol):
    """The other side as the service needs it: a `Subprocess`, or a stand-in for it."""

    def send(self, message: object) -> None: ...

    def receive(self) -> Read | Failed: ...

    def end(self) -> None: ...


Start = Callable[[], ReadingProcess]


def starting(environment: Mapping[str, str], module: str = MODULE) -> Start:
    """Return what starts the process, the first time and again."""
    return partial(Subprocess[Read | Failed], module, Read | Failed, environment)


class Reader:
    """Has everything read again; keeps the last page, and the changes that are still to be announced.

    A process that has ended is started again for the next reading, and goes on with the verdicts that are known here.
    To be used by one green thread for reading and one for announcing.
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
        """Read everything again. Raise Unavailable or Halt, and then keep what was there."""
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
        """Return a change to announce: the same until `announced`, also where the target has turned back since.

        The broker may have it already when its confirmation is lost, and a recovery follows only what was announced.
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
        """End the process at once and for good, whatever is being read."""
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
    """Return what was read, or Unavailable or Halt as a value."""
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
    """Answer until the other side has ended."""
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
