"""What crosses between the service and the process that reads for it, over a pair of sockets of theirs alone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from socket import socket
from typing import Any

import msgspec

from .changes import Key
from .page import Page

_LENGTH = struct.Struct("!Q")


class Asked(msgspec.Struct, frozen=True, tag=True):
    """told: the changes that were announced since the last time."""

    told: Sequence[Key]


class Due(msgspec.Struct, frozen=True, tag=True):
    """A change that nobody has been told of. payload: the event's data."""

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
