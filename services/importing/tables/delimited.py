"""Text tables: comma, semicolon or tab between the cells; UTF-8 (with or without BOM), GB18030 (GBK) or UTF-16."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from .problems import TableError
from .record import Cell

MAX_BYTES = 512 << 20
MAX_CELL = 100_000
_CHUNK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")

Sheets = Iterable[tuple[str, Iterator[tuple[int, Sequence[Cell]]]]]


@contextlib.contextmanager
def open_delimited(path: Path) -> Iterator[tuple[Sheets, Callable[[], float]]]:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TableError(f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20} MiB: split the file")
    with path.open("rb") as binary:
        encoding = encoding_of(path, binary)
        binary.seek(0)
        text = io.TextIOWrapper(binary, encoding=encoding, newline="")
        yield [("", _rows(path, text))], lambda: binary.tell() / size if size else 1.0


def encoding_of(path: Path, binary: io.BufferedReader) -> str:
    """UTF-8 if all of it is; else what Chinese spreadsheets write. Raises TableError where it is neither."""
    if binary.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    for encoding in ("utf-8-sig", "gb18030"):
        binary.seek(0)
        if _decodes(binary, encoding):
            return encoding
    raise TableError(f"{path}: neither UTF-8 nor GBK/GB18030 text: is it a table?")


def _decodes(binary: io.BufferedReader, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := binary.read(_CHUNK):
            if b"\0" in chunk:
                return False
            decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _rows(path: Path, text: io.TextIOWrapper) -> Iterator[tuple[int, Sequence[Cell]]]:
    csv.field_size_limit(MAX_CELL)
    first = text.readline()
    text.seek(0)
    reader = csv.reader(text, delimiter=_delimiter(first))
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError) as error:
            raise TableError(f"{path}: line {line}: not a table row: {error}") from None
        yield line, tuple(cell or None for cell in cells)


def _delimiter(first: str) -> str:
    """The one that the first line has most of, outside quotes."""
    outside = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)
