"""A file as a stream of rows, whatever its format, and the records in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from . import delimited, ndjson, workbook
from .headers import Columns
from .problems import TableError
from .record import Cell, Record

HEADER_ROWS = 20
"""A header may stand below a title, but not farther down than this."""


class Sheet(NamedTuple):
    """Rows with their line numbers, in order."""

    name: str
    rows: Iterator[tuple[int, Sequence[Cell]]]


@dataclass(slots=True)
class Source:
    """An open file. headers: as found, once `records` has begun; done: how much has been read, 0 to 1."""

    path: Path
    sheets: Iterator[Sheet]
    done: Callable[[], float]
    headers: Sequence[Cell] = field(default=())
    fields: dict[str, int] = field(default_factory=dict)

    def first_header(self) -> Sequence[Cell]:
        """The very first row, to tell a file by it; reading goes on after it is put back."""
        sheet = next(self.sheets, Sheet("", iter(())))
        first = next(sheet.rows, (1, ()))
        self.sheets = iter([Sheet(sheet.name, _chained(first, sheet.rows)), *self.sheets])
        return first[1]

    def records(self, columns: Columns) -> Iterator[Record]:
        """The rows below the header, of the first sheet that has one.

        Raises TableError where no sheet has the required columns.
        """
        best: list[str] | None = None
        for sheet in self.sheets:
            missing = self._find_header(sheet, columns)
            if not missing:
                yield from self._below(sheet)
                return
            best = missing if best is None or len(missing) < len(best) else best
        raise TableError(f"{self.path}: no header row with {', '.join(best or columns.missing({}))}")

    def _find_header(self, sheet: Sheet, columns: Columns) -> list[str]:
        missing = columns.missing({})
        for seen, (_, cells) in enumerate(sheet.rows):
            fields = columns.positions(cells)
            lacking = columns.missing(fields)
            if not lacking:
                self.headers, self.fields = cells, fields
                return []
            missing = min(missing, lacking, key=len)
            if seen + 1 >= HEADER_ROWS:
                break
        return missing

    def _below(self, sheet: Sheet) -> Iterator[Record]:
        for line, cells in sheet.rows:
            if any(cell is not None and cell != "" for cell in cells):
                named = {name: cells[index] for name, index in self.fields.items() if index < len(cells)}
                yield Record(line, named, cells)


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open an .xlsx, .csv, .tsv, .txt or .ndjson file. Raises TableError."""
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise TableError(f"{path}: expected a file .xlsx, .csv or .ndjson{_HINTS.get(path.suffix.lower(), '')}")
    try:
        with opener(path) as (sheets, done):
            yield Source(path, (Sheet(name, rows) for name, rows in sheets), done)
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}") from None


def _chained(first: tuple[int, Sequence[Cell]], rest: Iterator[tuple[int, Sequence[Cell]]]) -> Iterator[
    tuple[int, Sequence[Cell]]
]:  # fmt: skip
    yield first
    yield from rest


_OPENERS = {
    ".xlsx": workbook.open_workbook,
    ".xlsm": workbook.open_workbook,
    ".csv": delimited.open_delimited,
    ".tsv": delimited.open_delimited,
    ".txt": delimited.open_delimited,
    ".ndjson": ndjson.open_ndjson,
    ".jsonl": ndjson.open_ndjson,
}
_HINTS = {".xls": ": save it as .xlsx", ".et": ": save it as .xlsx", ".ods": ": save it as .xlsx"}
