"""The service's side of the process that reads for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from hallpulse.domain.errors import Halt, Unavailable

from .changes import Key
from .channel import Asked, Due, Failed, Read, receive, send
from .desk import Attempts
from .page import Page

Started = tuple[subprocess.Popen[bytes], socket.socket]
Start = Callable[[], Started]
PROGRAM = (sys.executable, "-m", "services.targets.reading")


def starting(environment: Mapping[str, str], program: Sequence[str] = PROGRAM) -> Start:
    """How the process is started, the first time and again."""

    def start() -> Started:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [*program, str(theirs.fileno())]
            process = subprocess.Popen(command, env=dict(environment), pass_fds=(theirs.fileno(),))
        return process, ours

    return start


class Reader:
    """Has everything read anew; keeps the last page, and the changes that are still to be announced.

    One that has ended, whyever, is started again for the next reading. It ends by itself when this process does. To be
    used by one green thread for reading and one for announcing.
    """

    def __init__(self, start: Start, attempts: Attempts) -> None:
        self._start = start
        self._started: Started | None = None
        self._due: list[Due] = []
        self._told: list[Key] = []
        self._closed = False
        self.attempts = attempts
        self.page = Page()

    def refresh(self) -> None:
        """Raises Unavailable or Halt, and then keeps what was there."""
        self.attempts.begin()
        try:
            found = self._ask()
        except (EOFError, OSError) as error:
            self._drop()
            if self._closed:
                return
            raise Unavailable(f"the reading process has ended: {error}") from error
        if isinstance(found, Failed):
            raise Halt(found.reason) if found.halt else Unavailable(found.reason)
        self.page = found.page
        self._due = [change for change in found.due if change.key not in self._told]

    def next_due(self) -> Due | None:
        """A change that nobody has been told of; the same again until `told`."""
        return self._due[0] if self._due else None

    def told(self, change: Due) -> None:
        self._told.append(change.key)
        self._due = [other for other in self._due if other.key != change.key]

    def close(self) -> None:
        """At once and for good, whatever is being read."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        if self._started is not None:
            _end(*self._started)
            self._started = None

    def _ask(self) -> Read | Failed:
        if self._closed:
            raise EOFError("closed")
        if self._started is None:
            self._started = self._start()
        _, channel = self._started
        telling = list(self._told)
        send(channel, Asked(telling))
        found = receive(channel)
        if isinstance(found, Asked):
            raise EOFError("it asks back")
        self._told = self._told[len(telling) :]
        return found


def _end(process: subprocess.Popen[bytes], channel: socket.socket) -> None:
    channel.close()
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
