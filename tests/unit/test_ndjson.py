"""Lines from files and pipes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from services.console.line_reader import Line, lines

MOST = 100_000


@contextmanager
def pipe(*pieces: bytes) -> Iterator[int]:
    """A pipe into which the pieces are written one after the other, and which is then closed."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as stream:
            for piece in pieces:
                stream.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield reading
    finally:
        os.close(reading)
        writer.join()


def read(*pieces: bytes) -> list[tuple[int, bytes]]:
    with pipe(*pieces) as descriptor:
        return [(line.number, line.text) for line in lines(descriptor, MOST) if line is not None]


@pytest.mark.parametrize(
    "pieces",
    [
        (b"one\ntwo\nthree\n",),
        (b"one\ntwo\nthree",),
        (b"one\r\ntwo\r\nthree\r\n",),
        (b"\xef\xbb\xbfone\ntwo\nthree",),
        tuple(bytes([byte]) for byte in b"one\ntwo\nthree\n"),
    ],
)
def test_lines_are_numbered_from_one_however_they_come(pieces: tuple[bytes, ...]) -> None:
    assert read(*pieces) == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_blank_lines_are_counted_and_left_out() -> None:
    assert read(b"\none\n \t\r\n\ntwo\n\n") == [(2, b"one"), (5, b"two")]


def test_a_line_that_is_too_long_comes_as_one_and_the_next_is_whole() -> None:
    (first, long), after = read(b"x" * 500_000 + b"\n", b"next\n")
    assert first == 1
    assert MOST < len(long) < MOST + 70_000
    assert after == (2, b"next")


def test_only_the_first_line_may_have_a_byte_order_mark() -> None:
    assert read(b"one\n\xef\xbb\xbftwo\n") == [(1, b"one"), (2, b"\xef\xbb\xbftwo")]


def test_a_pipe_that_stays_open_is_told_of() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntw")
    got = lines(reading, MOST)
    assert [next(got), next(got)] == [Line(1, b"one", 4), None]
    os.write(writing, b"o\n")
    assert next(got) == Line(2, b"two", 4)
    os.close(writing)
    assert list(got) == []
    os.close(reading)


def test_sizes_add_up_to_what_was_read() -> None:
    with pipe(b"one\r\n  two  \nthree") as descriptor:
        assert sum(line.size for line in lines(descriptor, MOST) if line) == 18
