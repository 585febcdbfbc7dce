"""Excel workbooks, streamed row by row; archives that would unpack without end are refused before they are read."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from .problems import TableError
from .record import Cell, Formula

MAX_BYTES = 200 << 20
MAX_UNPACKED = 2 << 30
MAX_RATIO = 200
MAX_SHARED_STRINGS = 256 << 20
MAX_PARTS = 2_000
MAX_COLUMNS = 300
_PROLOG = 1 << 20
_SMALL = 10 << 20

# What zipfile, zlib and openpyxl raise where a file is damaged, or made to look like a workbook.
_DAMAGED = (
    InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, KeyError, IndexError, ValueError, TypeError,
    SyntaxError, AttributeError, OverflowError, NotImplementedError, RuntimeError,
)  # fmt: skip

Sheets = Iterable[tuple[str, Iterator[tuple[int, Sequence[Cell]]]]]


@contextlib.contextmanager
def open_workbook(path: Path) -> Iterator[tuple[Sheets, Callable[[], float]]]:
    _refuse_bombs(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of data validations and styles that are not read here
        try:
            book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
        except _DAMAGED as error:
            raise TableError(f"{path}: not an Excel workbook: {' '.join(str(error).split())[:200]}") from None
    progress = _Progress()
    try:
        yield ((sheet.title, _rows(path, sheet, progress)) for sheet in book.worksheets), progress.done
    finally:
        book.close()


class _Progress:
    def __init__(self) -> None:
        self.row, self.rows = 0, 0

    def done(self) -> float:
        return min(1.0, self.row / self.rows) if self.rows else 0.0


def _rows(path: Path, sheet: Any, progress: _Progress) -> Iterator[tuple[int, Sequence[Cell]]]:
    progress.rows = sheet.max_row or 0
    sheet.reset_dimensions()  # what a sheet says of its own size is often wrong
    rows = sheet.iter_rows()
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except _DAMAGED as error:
            where = f"sheet {sheet.title}, after row {progress.row}"
            raise TableError(f"{path}: {where}: {' '.join(str(error).split())[:200]}") from None
        progress.row += 1
        yield progress.row, [_value(cell) for cell in cells[:MAX_COLUMNS]]


def _value(cell: Any) -> Cell:
    value: Any = cell.value
    if value is None:
        return None
    if cell.data_type in ("f", "e"):  # an error such as #REF! is what is left of a formula
        return Formula(str(value))
    if isinstance(value, str):
        return value.strip() or None
    return value if isinstance(value, Cell) else str(value)


def _refuse_bombs(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TableError(f"{path}: {size >> 20} MiB, expected at most {MAX_BYTES >> 20} MiB: split the file")
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_parts(path, archive, size)
    except _DAMAGED as error:
        raise TableError(f"{path}: not an Excel workbook: {' '.join(str(error).split())[:200]}") from None


def _refuse_parts(path: Path, archive: zipfile.ZipFile, size: int) -> None:
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    strings = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED or strings > MAX_SHARED_STRINGS:
        raise TableError(f"{path}: unpacks to {unpacked >> 20} MiB in {len(parts)} parts: refused, split the file")
    if unpacked > _SMALL and unpacked > size * MAX_RATIO:
        raise TableError(f"{path}: unpacks to {unpacked // max(size, 1)} times its size: refused as a zip bomb")
    for part in parts:
        with archive.open(part) as opened:
            if _declares(opened):
                raise TableError(f"{path}: {part.filename} declares a document type or entities: refused")


class _Begun(Exception):
    """The first element: what could be declared would stand before it."""


class _Declared(Exception):
    """A document type, in which entities could be declared."""


def _declares(part: IO[bytes]) -> bool:
    """Whether an XML part has a document type, as its parser sees it, whatever its encoding.

    Or may have one: no spreadsheet writes a MiB before the first element.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _raise(_Declared)
    parser.StartElementHandler = _raise(_Begun)
    try:
        parser.Parse(part.read(_PROLOG))
    except (_Begun, expat.ExpatError):  # a picture, too, is no XML with a document type
        return False
    except _Declared:
        return True
    return bool(part.read(1))


def _raise(kind: type[Exception]) -> Callable[..., None]:
    def handle(*_: object) -> None:
        raise kind

    return handle
