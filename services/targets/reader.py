"""The process that reads for the service: how it is started and asked, over a pair of sockets."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from socket import socket, socketpair
from typing import Any

import msgspec

from hallpulse.domain.errors import Halt, Unavailable

from .changes import Key
from .desk import Attempts
from .page import Page

_LENGTH = struct.Struct("!Q")
Started = tuple[subprocess.Popen[bytes], socket]
Start = Callable[[], Started]
PROGRAM = (sys.executable, "-m", "services.targets.reading")


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
        """A change that is still to be announced; the same again until `told`."""
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


def _end(process: subprocess.Popen[bytes], channel: socket) -> None:
    channel.close()
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


class Asked(msgspec.Struct, frozen=True, tag=True):
    """told: the changes that were announced since the last time."""

    told: Sequence[Key]


class Due(msgspec.Struct, frozen=True, tag=True):
    """A change that is still to be announced. payload: the event's data."""

    kind: str
    key: Key
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
