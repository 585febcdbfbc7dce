"""Workbooks (xlsx, xlsm, xls, xlsb, ods, et) as sheets of plain cells, and what the reader library does not tell.

python-calamine gives the values. Of xlsx files the parts are looked through for what it leaves out: hidden rows, errors
and formulas without a result (which it gives as empty cells), and number formats that show more than the number
(`0"个工作日"`, `0000`), whose cells become the text that a person sees.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import python_calamine as calamine

from .cells import Cell, Formula
from .guard import DAMAGED, chunks, column_number, damaged, refuse_bombs, refuse_large
from .problems import TableError
from .sheets import Book, Sheet, Span

MAX_COLUMNS = 300


@contextlib.contextmanager
def open_workbook(path: Path, *, zipped: bool) -> Iterator[Book]:
    """A workbook by what is in it, whatever its name. Raises TableError."""
    refuse_bombs(path) if zipped else refuse_large(path)
    details = _details_of(path) if zipped else {}
    with path.open("rb") as file:
        book = _opened(path, file)
        try:
            yield Book(path, [_sheet(path, book, meta, details) for meta in book.sheets_metadata])
        finally:
            book.close()


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


def encrypted(path: Path) -> TableError:
    return TableError(
        path,
        "文件有打开密码：请用表格软件打开，去掉密码（文件—信息—保护工作簿）后另存再导入",
        "protected by a password: take it off and save the file again",
    )


@dataclass(slots=True)
class _Details:
    """Facts about one sheet in the parts of an xlsx file. cells: (row, column) from 0 → what stands there instead."""

    hidden_rows: set[int] = field(default_factory=set)
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    patterns: dict[tuple[int, int], str] = field(default_factory=dict)
    since_1904: bool = False
    computed: int = 0


def _sheet(path: Path, book: calamine.CalamineWorkbook, meta: Any, details: dict[str, _Details]) -> Sheet:
    own = details.get(meta.name, _Details())
    visible = str(meta.visible).endswith(".Visible")
    if not str(meta.typ).endswith(".WorkSheet"):
        return Sheet(meta.name, visible=visible, rows=lambda: iter(()), height=0)
    loaded: list[Any] = []

    def source() -> Any:
        if not loaded:
            loaded.append(_loaded(path, book, meta.name))
        return loaded[0]

    def merges() -> Sequence[Span]:
        return [Span(*first, *last) for first, last in source().merged_cell_ranges or ()]

    def rows() -> Iterator[tuple[int, list[Cell]]]:
        return _rows(source(), own)

    def height() -> int:
        end = source().end
        return end[0] + 1 if end else 0

    return Sheet(
        meta.name,
        visible=visible,
        rows=rows,
        height=height() if visible else 0,
        merges=merges,
        hidden_rows=frozenset(own.hidden_rows),
        since_1904=own.since_1904,
        computed=own.computed,
    )


def _loaded(path: Path, book: calamine.CalamineWorkbook, name: str) -> calamine.CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except (calamine.CalamineError, *DAMAGED) as error:
        raise damaged(path, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise damaged(path, error) from None


def _rows(source: Any, details: _Details) -> Iterator[tuple[int, list[Cell]]]:
    """Rows from the first of the sheet on, numbered from 1; an empty cell is None."""
    start = source.start
    if start is None:
        return
    before: list[Cell] = [None] * start[1]
    for number, values in enumerate(source.iter_rows()):
        cells: list[Cell] = before + values if before else values
        if details.cells or details.patterns:
            _put_details(cells, number, details)
        yield number + 1, cells[:MAX_COLUMNS] if len(cells) > MAX_COLUMNS else cells


def _put_details(cells: list[Cell], row: int, details: _Details) -> None:
    for column in range(len(cells)):
        if (row, column) in details.cells:
            cells[column] = details.cells[row, column]
        elif (row, column) in details.patterns:
            cells[column] = shown(cells[column], details.patterns[row, column])


def shown(cell: Cell, pattern: str) -> Cell:
    """A number as its format shows it, where that says more: 5 as `0"个工作日"` is 5个工作日, 12 as `0000` is 0012."""
    if not isinstance(cell, int | float) or isinstance(cell, bool) or cell != int(cell):
        return cell
    if re.fullmatch(r"0+", pattern):
        return str(int(cell)).zfill(len(pattern)) if abs(cell) < 1e15 else cell
    text = re.sub(r"\[[^\]]*\]|\\(.)|_.", r"\1", pattern.split(";", maxsplit=1)[0])
    parts = re.fullmatch(r'(?:"([^"]*)")?([#,0.]+|general|General)\s*(?:"([^"]*)"|([^"#0.,;]*))', text)
    if parts is None:
        return cell
    return f"{parts[1] or ''}{int(cell)}{parts[3] or parts[4] or ''}"


def _details_of(path: Path) -> dict[str, _Details]:
    """Sheet name → what its part says; nothing for what is no xlsx file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "xl/workbook.xml" not in names:
                return {}
            parts, since_1904 = _parts(archive)
            styles = _telling_styles(archive) if "xl/styles.xml" in names else {}
            return {name: _details(archive, part, styles, since_1904) for name, part in parts.items() if part in names}
    except (*DAMAGED, expat.ExpatError, ElementTree.ParseError) as error:
        raise damaged(path, error) from None


def _parts(archive: zipfile.ZipFile) -> tuple[dict[str, str], bool]:
    """Sheet name → its part in the archive, and whether days are counted from 1904."""
    targets: dict[str, str] = {}
    if "xl/_rels/workbook.xml.rels" in archive.namelist():
        for relation in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels")):
            target = relation.get("Target", "")
            targets[relation.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    sheets: dict[str, str] = {}
    since_1904 = False
    for element in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
        tag = element.tag.rpartition("}")[2]
        if tag == "workbookPr":
            since_1904 = element.get("date1904", "0").lower() in ("1", "true")
        elif tag == "sheet":
            id_ = next((value for name, value in element.items() if name.endswith("}id")), "")
            sheets[element.get("name", "")] = str(PurePosixPath(targets.get(id_, "")))
    return sheets, since_1904


def _telling_styles(archive: zipfile.ZipFile) -> dict[str, str]:
    """Index of a cell style → its number format, for the formats that show more than the number."""
    patterns: dict[str, str] = {}
    styles: dict[str, str] = {}
    inside = False
    for event, element in ElementTree.iterparse(archive.open("xl/styles.xml"), ("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if event == "start":
            inside = True if tag == "cellXfs" else inside
        elif tag == "numFmt" and _tells(element.get("formatCode", "")):
            patterns[element.get("numFmtId", "")] = element.get("formatCode", "")
        elif tag == "cellXfs":
            inside = False
        elif tag == "xf" and inside:
            number = str(len(styles))
            styles[number] = patterns.get(element.get("numFmtId", ""), "")
    return {number: pattern for number, pattern in styles.items() if pattern}


def _tells(pattern: str) -> bool:
    if re.fullmatch(r"0{2,}", pattern):
        return True
    plain = re.sub(r"\[[^\]]*\]", "", pattern)
    return bool(re.search(r"[\u4e00-\u9fff]|\"[^\"]+\"", plain)) and not re.search(
        r"[ymdhsYMDHS]", re.sub(r'"[^"]*"', "", plain)
    )


_LOOKED_FOR = re.compile(rb"<(?:\w+:)?f[\s>/]|\bt=[\"']e[\"']|\bhidden=[\"'](?:1|true)[\"']")


def _details(archive: zipfile.ZipFile, part: str, styles: dict[str, str], since_1904: bool) -> _Details:
    details = _Details(since_1904=since_1904)
    marks = rb"|".join([_LOOKED_FOR.pattern, *(rb"\bs=[\"']" + number.encode() + rb"[\"']" for number in styles)])
    search = re.compile(marks).search
    with archive.open(part) as opened:
        if not any(search(chunk) for chunk in chunks(opened)):
            return details
    with archive.open(part) as opened:
        _SheetParser(details, styles).parse(opened)
    return details


class _SheetParser:
    """Walks through the part of a sheet for the few things that only it tells."""

    def __init__(self, details: _Details, styles: dict[str, str]) -> None:
        self._details, self._styles = details, styles
        self._row, self._column = -1, -1
        self._kind, self._formula, self._value = "", False, False
        self._in_value, self._in_formula, self._text = False, False, ""

    def parse(self, opened: Any) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.ParseFile(opened)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "row":
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1
            if attributes.get("hidden", "0").lower() in ("1", "true"):
                self._details.hidden_rows.add(self._row)
        elif tag == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            self._column = column_number(letters) - 1 if letters else self._column + 1
            self._kind, self._formula, self._value, self._text = attributes.get("t", "n"), False, False, ""
            pattern = self._styles.get(attributes.get("s", ""))
            if pattern and self._kind == "n":
                self._details.patterns[self._row, self._column] = pattern
        elif tag == "f":
            self._formula = self._in_formula = True
        elif tag == "v":
            self._in_value = True

    def _characters(self, text: str) -> None:
        if self._in_value and text.strip():
            self._value = True
        if (self._in_formula or self._in_value) and len(self._text) < MAX_COLUMNS:
            self._text += text

    def _end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "f":
            self._in_formula = False
            if self._text:
                self._text = f"={self._text}"
        elif tag == "v":
            self._in_value = False
        elif tag == "c" and (self._kind == "e" or self._formula):
            if self._kind == "e" or not (self._value or self._kind == "str"):
                self._details.cells[self._row, self._column] = Formula(self._text or "=")
            else:
                self._details.computed += 1
