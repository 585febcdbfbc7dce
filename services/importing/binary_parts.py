"""Hidden rows and columns, errors, number formats, struck text and date system of binary workbooks (xls, et, xlsb)."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import xlrd  # type: ignore[import-untyped]

from .cells import Formula
from .guard import DAMAGED
from .problems import TableError
from .sheets import BUILT_IN, Details, tells
from .xml_parts import Runs, put_struck

_MOST_COLUMNS = 16_384


def xls_details(path: Path) -> dict[str, Details]:
    """Return the details of each sheet by its name, as xlrd reads them.

    Raise TableError if xlrd cannot read the file: without the details, an error would pass for an empty cell.
    """
    try:
        book = xlrd.open_workbook(
            str(path), logfile=io.StringIO(), formatting_info=True, on_demand=True, ignore_workbook_corruption=True
        )
        with book:
            return {name: _xls_sheet(book, number) for number, name in enumerate(book.sheet_names())}
    except (xlrd.XLRDError, xlrd.compdoc.CompDocError, struct.error, AssertionError, *DAMAGED) as error:
        raise TableError(
            path,
            "旧式 .xls 文件的结构不完整，无法确认其中的错误值和隐藏的行：请用表格软件打开后另存为 .xlsx 再导入",
            f"its structure is incomplete ({' '.join(str(error).split())[:100]}): save it as .xlsx",
        ) from None


def _xls_sheet(book: Any, number: int) -> Details:
    sheet = book.sheet_by_index(number)
    details = Details(since_1904=book.datemode == 1)
    details.hidden_rows.update(row for row, info in sheet.rowinfo_map.items() if info.hidden)
    details.hidden_columns.update(
        column for column, info in sheet.colinfo_map.items() if info.hidden and column < min(sheet.ncols, _MOST_COLUMNS)
    )
    patterns = {
        index: form.format_str
        for index, style in enumerate(book.xf_list)
        if (form := book.format_map.get(style.format_key)) is not None and tells(form.format_str)
    }
    struck = {i for i, style in enumerate(book.xf_list) if book.font_list[style.font_index].struck_out}
    for row in range(sheet.nrows):
        kinds = sheet.row_types(row)
        if struck and any(
            kind not in _NOTHING and sheet.cell_xf_index(row, column) in struck for column, kind in enumerate(kinds)
        ):
            details.struck_rows.add(row)
        if xlrd.XL_CELL_ERROR in kinds:
            for column, kind in enumerate(kinds):
                if kind == xlrd.XL_CELL_ERROR:
                    code = sheet.cell_value(row, column)
                    details.cells[row, column] = Formula(xlrd.error_text_from_code.get(code, "#N/A"))
        if patterns and not _NUMBERS.isdisjoint(kinds):
            for column, kind in enumerate(kinds):
                if kind in _NUMBERS and (pattern := patterns.get(sheet.cell_xf_index(row, column))):
                    details.patterns[row, column] = pattern
    for row, column in sheet.rich_text_runlist_map:
        put_struck(details, row, column, _xls_runs(book, sheet, row, column))
    book.unload_sheet(number)
    return details


def _xls_runs(book: Any, sheet: Any, row: int, column: int) -> Runs:
    text: str = sheet.cell_value(row, column)
    fonts = [(0, book.xf_list[sheet.cell_xf_index(row, column)].font_index)]
    fonts += sheet.rich_text_runlist_map[row, column]
    return _runs(text, [(start, bool(book.font_list[font].struck_out)) for start, font in fonts])


def _runs(text: str, starts: Sequence[tuple[int, bool]]) -> Runs:
    """Return the runs of a text. starts: the first character of each run, and whether the run is struck through."""
    runs = Runs()
    for (start, struck), (end, _) in zip(starts, [*starts[1:], (len(text), False)], strict=True):
        runs.add(text[start:end], struck=struck)
    return runs


_NUMBERS = frozenset((xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE))
_NOTHING = (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK)
_ROW_HEADER, _CELL_RK, _CELL_ERROR, _CELL_REAL = 0, 2, 3, 5
_FORMULA_FIRST, _FORMULA_NUMBER, _FORMULA_ERROR, _FORMULA_LAST = 8, 9, 11, 11
_FORMAT, _STYLE, _COLUMN = 44, 47, 60
_WORKBOOK_FLAGS, _SHEET = 153, 156
_STYLES_BEGIN, _STYLES_END = 617, 618
_FONT, _FONTS_BEGIN, _FONTS_END = 43, 611, 612
_CELL_STRING, _STRING = 7, 19
_STRUCK_OUT, _RICH = 0x08, 0x01
_DY_ZERO = 0x10
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
}  # fmt: skip


def xlsb_details(archive: zipfile.ZipFile) -> dict[str, Details]:
    """Return the details of each sheet by its name, as its records tell them ([MS-XLSB] 2.4).

    Raise struct.error or KeyError for a damaged file.
    """
    targets = {}
    for relation in ElementTree.fromstring(archive.read("xl/_rels/workbook.bin.rels")):
        target = relation.get("Target", "")
        targets[relation.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    names = set(archive.namelist())
    styles = _xlsb_styles(archive.read("xl/styles.bin")) if "xl/styles.bin" in names else _BinaryStyles()
    if any(styles.fonts) and "xl/sharedStrings.bin" in names:
        styles.strings = _xlsb_strings(archive.read("xl/sharedStrings.bin"), styles.fonts)
    since_1904, sheets = False, {}
    for kind, body in _records(archive.read("xl/workbook.bin")):
        if kind == _WORKBOOK_FLAGS:
            since_1904 = bool(body[0] & 1)
        elif kind == _SHEET:
            id_, after = _wide(body, 8)
            name, _ = _wide(body, after)
            sheets[name] = str(PurePosixPath(targets.get(id_, "")))
    return {name: _xlsb_sheet(archive.read(part), styles, since_1904) for name, part in sheets.items() if part in names}


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and body of each record; the record's kind and size are written with 7 bits in each byte."""
    place, end = 0, len(content)
    while place < end:
        kind = content[place]
        place += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (content[place] & 0x7F) << 7
            place += 1
        size = shift = 0
        while True:
            byte = content[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift > 21:
                break
        yield kind, content[place : place + size]
        place += size


def _wide(body: bytes, at: int) -> tuple[str, int]:
    """Return the UTF-16 text at a place, where its length precedes it, and the place after its end."""
    (length,) = struct.unpack_from("<I", body, at)
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * length
    return body[at + 4 : end].decode("utf-16-le"), end


@dataclass(slots=True)
class _BinaryStyles:
    """The cell styles of a workbook, by index.

    patterns: style → its number format, if that shows more than the number; fonts: whether each font strikes text
    through; font_of: style → its font; strings: shared text → its runs, if a part of it is struck through.
    """

    patterns: dict[int, str] = field(default_factory=dict)
    fonts: list[bool] = field(default_factory=list)
    font_of: list[int] = field(default_factory=list)
    strings: Mapping[int, Runs] = field(default_factory=dict)

    def strikes(self, style: int) -> bool:
        return style < len(self.font_of) and self.font_of[style] < len(self.fonts) and self.fonts[self.font_of[style]]


def _xlsb_styles(content: bytes) -> _BinaryStyles:
    formats = {int(number): pattern for number, pattern in BUILT_IN.items()}
    styles = _BinaryStyles()
    inside = 0
    for kind, body in _records(content):
        if kind == _FORMAT:
            pattern, _ = _wide(body, 2)
            if tells(pattern):
                formats[struct.unpack_from("<H", body)[0]] = pattern
        elif kind in (_STYLES_BEGIN, _FONTS_BEGIN):
            inside = kind
        elif kind in (_STYLES_END, _FONTS_END):
            inside = 0
        elif kind == _FONT and inside == _FONTS_BEGIN:
            styles.fonts.append(bool(body[2] & _STRUCK_OUT))
        elif kind == _STYLE and inside == _STYLES_BEGIN:
            _, number, font = struct.unpack_from("<HHH", body)
            if number in formats:
                styles.patterns[len(styles.font_of)] = formats[number]
            styles.font_of.append(font)
    return styles


def _xlsb_strings(content: bytes, fonts: Sequence[bool]) -> dict[int, Runs]:
    """Return the runs of each shared text that has a struck part, by the text's index."""
    found: dict[int, Runs] = {}
    number = -1
    for kind, body in _records(content):
        if kind != _STRING:
            continue
        number += 1
        text, end = _wide(body, 1)
        if not body[0] & _RICH:
            continue
        (count,) = struct.unpack_from("<I", body, end)
        places = [struct.unpack_from("<HH", body, end + 4 + 4 * run) for run in range(count)]
        runs = _runs(text, [(0, False), *((start, font < len(fonts) and fonts[font]) for start, font in places)])
        if runs.struck:
            found[number] = runs
    return found


def _xlsb_sheet(content: bytes, styles: _BinaryStyles, since_1904: bool) -> Details:
    details = Details(since_1904=since_1904)
    row = -1
    for kind, body in _records(content):
        if kind == _ROW_HEADER:
            (row,) = struct.unpack_from("<I", body)
            if len(body) > 11 and body[11] & _DY_ZERO:
                details.hidden_rows.add(row)
        elif kind == _COLUMN:
            first, last = struct.unpack_from("<II", body)
            if body[16] & 1:
                details.hidden_columns.update(range(first, min(last + 1, _MOST_COLUMNS)))
        elif _CELL_RK <= kind <= _FORMULA_LAST:
            _put_cell(details, row, kind, body, styles)
    return details


def _put_cell(details: Details, row: int, kind: int, body: bytes, styles: _BinaryStyles) -> None:
    column, style = struct.unpack_from("<II", body)
    style &= 0xFFFFFF
    if kind in (_CELL_ERROR, _FORMULA_ERROR):
        details.cells[row, column] = Formula(_ERRORS.get(body[8], "#N/A"))
    elif kind in (_CELL_RK, _CELL_REAL, _FORMULA_NUMBER) and style in styles.patterns:
        details.patterns[row, column] = styles.patterns[style]
    elif kind == _CELL_STRING and styles.strings:
        runs = styles.strings.get(struct.unpack_from("<I", body, 8)[0])
        if runs is not None:
            put_struck(details, row, column, runs)
    if styles.strikes(style):
        details.struck_rows.add(row)
    if _FORMULA_FIRST <= kind < _FORMULA_LAST:
        details.computed += 1
