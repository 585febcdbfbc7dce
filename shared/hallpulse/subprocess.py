"""A Python process beside a service, and the messages between the two; all subprocesses of the suite work this way.

The service starts `Subprocess(MODULE, ANSWERS)`, which runs `python -m MODULE FD`; that module opens its end with
`parent_channel(REQUESTS)`. Both sides then `send` and `receive` whole messages: msgspec structs (or other types that
msgspec knows) in MessagePack, each preceded by its length, over a pair of Unix sockets that no other process can reach.
ANSWERS and REQUESTS are the types that the reading side expects, as for a msgspec decoder: one type, or a union of
tagged types.

The subprocess must end when its channel does (EOFError, OSError), as it does when the service dies. The service learns
of its subprocess's end by SubprocessEnded, which says how it ended, and decides whether to start another one. It does
not use multiprocessing, which would run the service's script again and block green threads.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
_LENGTH = struct.Struct("!Q")
_COPIED_BYTES = 64 * 1024
"""Up to this size, length and content are sent in one call; copying larger ones costs more than a second call."""


class SubprocessEnded(Exception):
    """The subprocess has ended; the text says how, such as "was killed by SIGKILL"."""


class Channel(Generic[T]):
    """One end of the pair of sockets. One thread at a time may send, and one may receive."""

    def __init__(self, end: socket.socket, expected: Any) -> None:
        self._end = end
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(expected).decode

    def fileno(self) -> int:
        """Return the descriptor for `select` and its like: readable when a message comes, or the end of the channel."""
        return self._end.fileno()

    def send(self, message: object) -> None:
        """Send a message. Raises OSError if the other side has ended."""
        content = self._encode(message)
        length = _LENGTH.pack(len(content))
        if len(content) > _COPIED_BYTES:
            self._end.sendall(length)
            self._end.sendall(content)
        else:
            self._end.sendall(length + content)

    def receive(self) -> T:
        """Return the next message. Raises EOFError or OSError if the other side has ended."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        message: T = self._decode(self._exactly(length))
        return message

    def close(self) -> None:
        self._end.close()

    def _exactly(self, length: int) -> bytearray:
        content = bytearray(length)
        view, filled = memoryview(content), 0
        while filled < length:
            came = self._end.recv_into(view[filled:])
            if not came:
                raise EOFError("the other side has ended")
            filled += came
        return content


class Subprocess(Generic[T]):
    """A process of `python -m MODULE FD`. The constructor does not wait until it has started.

    answers: the type of its messages; environment: the process's, None for that of this process.
    """

    def __init__(self, module: str, answers: Any, environment: Mapping[str, str] | None = None) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", module, str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                env={**(os.environ if environment is None else environment), "PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=(theirs.fileno(),),
                process_group=0,  # a person's Ctrl-C ends the service, which ends its subprocesses
            )
        self._channel = Channel[T](ours, answers)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor for `select` and its like: readable when a message comes, or the end of the channel."""
        return self._channel.fileno()

    def send(self, message: object) -> None:
        """Send a message. If the subprocess has ended, the next `receive` raises SubprocessEnded."""
        with suppress(ConnectionError):
            self._channel.send(message)

    def receive(self) -> T:
        """Return the next message. Raises SubprocessEnded, also if another thread calls `end` meanwhile."""
        try:
            return self._channel.receive()
        except (EOFError, OSError):
            raise SubprocessEnded(self._how_it_ended()) from None

    def end(self) -> None:
        """End the subprocess at once, whatever it is doing."""
        self._process.terminate()
        self._process.wait()
        self._channel.close()

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def parent_channel(requests: Any) -> Channel[Any]:
    """Return the subprocess's end of the channel, by its command line. requests: the type of messages sent to it."""
    end = socket.socket(fileno=int(sys.argv[1]))
    end.setblocking(True)  # a service with green threads has made it non-blocking
    return Channel(end, requests)
