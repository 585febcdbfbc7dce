"""Read numbered lines of limited length from a file or a pipe, with a sign when the input pauses."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from typing import NamedTuple

IDLE_SECONDS = 0.5
_CHUNK = 64 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line and its number, from 1. size: bytes read for it, line end included."""

    number: int
    text: bytes
    size: int


def lines(descriptor: int, most_bytes: int) -> Iterator[Line | None]:
    """Yield every line that is not blank, stripped of white space; None after each half second without input.

    A line longer than `most_bytes` may be cut, but its part is still longer than `most_bytes`.
    """
    number, rest = 1, b""
    for chunk in _chunks(descriptor):
        if chunk is None:
            yield None
            continue
        *whole, rest = (rest + chunk).split(b"\n")
        for text in whole:
            yield from _line(number, text + b"\n")
            number += 1
        rest = rest[: most_bytes + 1]
    yield from _line(number, rest)


def _line(number: int, read: bytes) -> Iterator[Line]:
    text = read.removeprefix(_BYTE_ORDER_MARK).strip() if number == 1 else read.strip()
    if text:
        yield Line(number, text, len(read))


def _chunks(descriptor: int) -> Iterator[bytes | None]:
    while True:
        if not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            yield None
        elif chunk := os.read(descriptor, _CHUNK):
            yield chunk
        else:
            return
