"""The process that reads for the service: how it is started and asked, over a pair of sockets."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from socket import socket, socketpair
from typing import Any

import msgspec

from hallpulse.domain.errors import HallpulseError, Halt, Unavailable
from hallpulse.plans import load_plans
from hallpulse.settings import settings_from
from hallpulse.store import open_store
from services.targets.page import Page, page_of
from services.targets.readings import Announced, Attempts, TargetReadings

_LENGTH = struct.Struct("!Q")
Started = tuple[subprocess.Popen[bytes], socket]
Start = Callable[[], Started]
PROGRAM = (sys.executable, "-m", "services.targets.reader")


def starting(environment: Mapping[str, str], program: Sequence[str] = PROGRAM) -> Start:
    """How the process is started, the first time and again."""

    def start() -> Started:
        ours, theirs = socketpair()
        with theirs:
            command = [*program, str(theirs.fileno())]
            process = subprocess.Popen(command, env=dict(environment), pass_fds=(theirs.fileno(),))
        return process, ours

    return start


class Reader:
    """Has everything read again; keeps the last page, and the changes that are still to be announced.

    One that has ended is started again for the next reading. It ends by itself when this process does. To be
    used by one green thread for reading and one for announcing.
    """

    def __init__(self, start: Start, attempts: Attempts) -> None:
        self._start = start
        self._started: Started | None = None
        self._due: list[Due] = []
        self._sending: Due | None = None
        self._told: list[Announced] = []
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
        told = {said.key for said in self._told}
        self._due = [change for change in found.due if change.announced.key not in told]

    def next_due(self) -> Due | None:
        """Return a change that is to be announced: the same until `told`, also where the target has turned back since.

        The broker may have it already when its confirmation is lost, and a recovery follows only what was announced.
        """
        if self._sending is None and self._due:
            self._sending = self._due[0]
        return self._sending

    def told(self, change: Due) -> None:
        self._sending = None
        self._told.append(change.announced)
        self._due = [other for other in self._due if other.announced.key != change.announced.key]

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


def _end(process: subprocess.Popen[bytes], channel: socket) -> None:
    channel.close()
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


class Asked(msgspec.Struct, frozen=True, tag=True):
    """told: the changes that were announced since the last time."""

    told: Sequence[Announced]


class Due(msgspec.Struct, frozen=True, tag=True):
    """A change that is still to be announced. payload: the event's data."""

    kind: str
    announced: Announced
    payload: dict[str, Any]


class Read(msgspec.Struct, frozen=True, tag=True):
    page: Page
    due: Sequence[Due]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """halt: going on would do damage; else it is to be tried again."""

    halt: bool
    reason: str


Message = Asked | Read | Failed
_DECODER = msgspec.msgpack.Decoder(Message)


def send(channel: socket, message: Message) -> None:
    """Raises OSError where the other side has ended."""
    content = msgspec.msgpack.encode(message)
    channel.sendall(_LENGTH.pack(len(content)) + content)


def receive(channel: socket) -> Message:
    """The next message. Raises EOFError or OSError where the other side has ended."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    message: Message = _DECODER.decode(_exactly(channel, length))
    return message


def _exactly(channel: socket, length: int) -> bytearray:
    content = bytearray(length)
    view, filled = memoryview(content), 0
    while filled < length:
        came = channel.recv_into(view[filled:])
        if not came:
            raise EOFError("the other side has ended")
        filled += came
    return content


def read(desk: TargetReadings, asked: Asked) -> Read | Failed:
    """What was read, or Unavailable or Halt as a value."""
    desk.told(asked.told)
    try:
        snapshot = desk.refresh()
    except HallpulseError as error:
        return Failed(isinstance(error, Halt), str(error))
    return Read(page_of(snapshot), [Due(change.kind, change.announced, change.payload()) for change in desk.due()])


def answer_all(desk: TargetReadings, channel: socket) -> None:
    """Until the other side has ended."""
    try:
        while isinstance(asked := receive(channel), Asked):
            send(channel, read(desk, asked))
    except (EOFError, OSError):
        return


def run(descriptor: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, to both; the service ends this process itself
    with socket(fileno=descriptor) as channel:
        channel.setblocking(True)  # the other side's framework has made it one that does not wait
        settings = settings_from(os.environ)
        plans = load_plans(settings.plans)
        store = open_store(settings.database_url, pool_size=1, service="targets", plans=plans)
        answer_all(TargetReadings(store, plans, time.time), channel)


if __name__ == "__main__":
    run(int(sys.argv[1]))
