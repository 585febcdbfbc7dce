"""Reading of workbooks (xlsx, xlsm, xls, xlsb, ods, et) as sheets of plain cells.

python-calamine gives the values. The facts that it does not tell are read from the parts of the file: hidden rows and
columns, errors and formulas without a result (which it gives as empty cells), the day from which dates count, and
number formats that show more than the number (`0"个工作日"`, `0000`, `0%`): their cells become the texts they show.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import python_calamine as calamine

from .binary_parts import xls_details, xlsb_details
from .cells import Cell, Garbled, is_garbled
from .guard import DAMAGED, damaged, encrypted, refuse_bombs, refuse_large
from .problems import TableError
from .sheets import Book, Details, Sheet, Span, shows_a_month
from .xml_parts import ods_details, xlsx_details

MOST_KEPT = 3_000_000
"""Most cells of a sheet whose rows are kept in memory, at about 100 MiB."""


@contextlib.contextmanager
def open_workbook(path: Path, *, zipped: bool) -> Iterator[Book]:
    """Open a workbook by its content, whatever its name. Raise TableError if it cannot be read.

    Its parts are searched while python-calamine reads the values, which does not block other threads.
    """
    refuse_bombs(path) if zipped else refuse_large(path)
    with ThreadPoolExecutor(1) as beside, path.open("rb") as file:
        told = beside.submit(_details_of if zipped else xls_details, path)
        try:
            with contextlib.closing(_opened(path, file)) as book:
                loaded = {meta.name: _loaded(path, book, meta.name) for meta in book.sheets_metadata if _is_shown(meta)}
                details = told.result()
                yield Book(path, [_sheet(path, book, meta, details, loaded) for meta in book.sheets_metadata])
        except TableError:
            if zipped:
                told.result()  # its error tells more about a damaged file
            raise


def _opened(path: Path, file: Any) -> calamine.CalamineWorkbook:
    try:
        return calamine.CalamineWorkbook.from_filelike(file)
    except calamine.PasswordError:
        raise encrypted(path) from None
    except (calamine.CalamineError, *DAMAGED) as error:
        raise encrypted(path) if "assword" in str(error) else damaged(path, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise damaged(path, error) from None


def _is_shown(meta: Any) -> bool:
    return str(meta.visible).endswith(".Visible") and str(meta.typ).endswith(".WorkSheet")


def _sheet(
    path: Path,
    book: calamine.CalamineWorkbook,
    meta: Any,
    details: Mapping[str, Details],
    loaded: dict[str, calamine.CalamineSheet],
) -> Sheet:
    """Return a sheet of the workbook. loaded: the visible sheets; a hidden sheet is read only when it is used."""
    own = details.get(meta.name, Details())
    visible = str(meta.visible).endswith(".Visible")
    if not str(meta.typ).endswith(".WorkSheet"):
        return Sheet(meta.name, visible=visible, rows=lambda: iter(()), height=0)
    grids: list[_Grid] = []

    def grid() -> _Grid:
        if not grids:
            source = loaded.pop(meta.name, None)
            grids.append(_Grid(_loaded(path, book, meta.name) if source is None else source, own))
        return grids[0]

    return Sheet(
        meta.name,
        visible=visible,
        rows=lambda: grid().rows(),
        height=grid().height if visible else 0,
        merges=lambda: grid().merges,
        hidden_rows=frozenset(own.hidden_rows),
        struck_rows=frozenset(own.struck_rows),
        hidden_columns=frozenset(own.hidden_columns),
        since_1904=own.since_1904,
        computed=own.computed,
    )


class _Grid:
    """The cells of a sheet. The rows of a sheet of usual size are kept, since they are read several times."""

    def __init__(self, source: calamine.CalamineSheet, details: Details) -> None:
        self.merges = [Span(*first, *last) for first, last in source.merged_cell_ranges or ()]
        self.height = source.end[0] + 1 if source.end else 0
        self._source: calamine.CalamineSheet | None = source
        self._details = details
        self._kept: list[tuple[int, list[Cell]]] | None = None
        self._usual = source.width * source.height <= MOST_KEPT

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Yield line and cells; the lists are shared and never changed."""
        if self._kept is None:
            assert self._source is not None
            if not self._usual:
                return _shared(_rows(self._source, self._details))
            self._kept = list(_shared(_rows(self._source, self._details)))
            self._source = None
        return iter(self._kept)


def _shared(rows: Iterator[tuple[int, list[Cell]]]) -> Iterator[tuple[int, list[Cell]]]:
    """Yield the rows with equal texts as one object, which saves memory: many cells have the same few texts."""
    one = _Texts()
    for line, cells in rows:
        yield line, [one[cell] if cell.__class__ is str else cell for cell in cells]


class _Texts(dict[str, Cell]):
    """Text → its first occurrence, or a Garbled cell if it is garbled."""

    def __missing__(self, text: str) -> Cell:
        self[text] = cell = Garbled(text) if is_garbled(text) else text
        return cell


def _loaded(path: Path, book: calamine.CalamineWorkbook, name: str) -> calamine.CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except (calamine.CalamineError, *DAMAGED) as error:
        raise damaged(path, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise damaged(path, error) from None


def _rows(source: Any, details: Details) -> Iterator[tuple[int, list[Cell]]]:
    """Yield the rows of a sheet with their line numbers, from 1; an empty cell is None."""
    start = source.start
    if start is None:
        return
    before: list[Cell] = [None] * start[1]
    for number, values in enumerate(source.iter_rows()):
        cells: list[Cell] = before + values if before else values
        if details.cells or details.patterns:
            _put_details(cells, number, details)
        yield number + 1, cells


def _put_details(cells: list[Cell], row: int, details: Details) -> None:
    for column in range(len(cells)):
        if (row, column) in details.cells:
            cells[column] = details.cells[row, column]
        elif (row, column) in details.patterns:
            cells[column] = shown(cells[column], details.patterns[row, column])


def shown(cell: Cell, pattern: str) -> Cell:
    """Return a cell as its number format shows it, if that changes its meaning.

    5 in the format `0"个工作日"` becomes 5个工作日, and 12 in `0000` becomes 0012. A date in `yyyy-mm` becomes a month,
    since perhaps no day was typed.
    """
    if isinstance(cell, date) and shows_a_month(pattern):
        return f"{cell.year}年{cell.month}月"
    if not isinstance(cell, int | float) or isinstance(cell, bool) or abs(cell) >= 1e15 or shows_a_month(pattern):
        return cell
    if "%" in pattern:
        return f"{round(cell * 100, 6):g}%"
    if cell == int(cell) and re.fullmatch(r"0+", pattern):
        return str(int(cell)).zfill(len(pattern))
    text = re.sub(r"\[[^\]]*\]|\\(.)|_.", r"\1", pattern.split(";", maxsplit=1)[0])
    parts = re.fullmatch(r'(?:"([^"]*)")?([#,0.]+|general|General)\s*(?:"([^"]*)"|([^"#0.,;]*))', text)
    if parts is None:
        return cell
    return f"{parts[1] or ''}{cell:.15g}{parts[3] or parts[4] or ''}"


def _details_of(path: Path) -> dict[str, Details]:
    """Return the details of each sheet by its name. Raise TableError for a damaged or encrypted file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "xl/workbook.xml" in names:
                return xlsx_details(archive)
            if "xl/workbook.bin" in names:
                return xlsb_details(archive)
            if "content.xml" in names:
                if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
                    raise encrypted(path)
                return ods_details(archive)
    except (*DAMAGED, expat.ExpatError, ElementTree.ParseError) as error:
        raise damaged(path, error) from None
    return {}
