"""One JSON object a line, read as a table: its columns are all names that occur."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

import msgspec

from .problems import TableError
from .record import Broken, Cell

MAX_BYTES = 1 << 30
MAX_LINE = 1 << 20
MAX_NAMES = 300

Sheets = Iterable[tuple[str, Iterator[tuple[int, Sequence[Cell]]]]]
_decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode


@contextlib.contextmanager
def open_ndjson(path: Path) -> Iterator[tuple[Sheets, Callable[[], float]]]:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TableError(f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20} MiB: split the file")
    with path.open("rb") as file:
        names = _names(path, file)
        file.seek(0)
        yield [("", _rows(names, file))], lambda: file.tell() / size if size else 1.0


def _lines(file: BufferedReader) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if line.strip():
            yield number, line.removeprefix(b"\xef\xbb\xbf")


def _names(path: Path, file: BufferedReader) -> list[str]:
    names: dict[str, None] = {}
    for _, line in _lines(file):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            names.update(dict.fromkeys(_decode(line)))
        if len(names) > MAX_NAMES:
            raise TableError(f"{path}: more than {MAX_NAMES} different names: expected flat objects, one a line")
    return list(names)


def _rows(names: Sequence[str], file: BufferedReader) -> Iterator[tuple[int, Sequence[Cell]]]:
    yield 0, names
    for number, line in _lines(file):
        try:
            found = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield number, (Broken(line[:500].decode(errors="replace").strip()),)
        else:
            yield number, [found.get(name) for name in names]
