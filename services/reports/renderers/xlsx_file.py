"""A workbook to reckon with: a sheet a table, numbers as numbers, each figure with its numerator and denominator."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from hallpulse.display import printable, safe_cell
from services.reports.monthly import Cell, Column, Document, Table, Tone
from services.reports.monthly.texts import DENOMINATOR, NUMERATOR, SEE_SHEET, TEXTS_SHEET

_FORMATS = {"share": "0.00%", "points": "+0.00;−0.00;0.00", "days": "0.00", "count": "0"}
_COLORS = {Tone.PLAIN: "1A1A1A", Tone.GOOD: "1B6E3C", Tone.BAD: "B3261E", Tone.QUIET: "767676"}
_QUIET = Font(size=9, color=_COLORS[Tone.QUIET])
_SHADE = PatternFill("solid", fgColor="F2F2F2")
_THIN = Side(style="thin", color="B0B0B0")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_WRAPPED = Alignment(wrap_text=True, vertical="center")
_CENTRED = Alignment(wrap_text=True, vertical="center", horizontal="center")
_VALUE_WIDTH, _PART_WIDTH, _WIDEST, _PAGE_WIDTH = 12, 9, 48, 76
_LINE_HEIGHT = 14.5
_NOT_IN_NAMES = str.maketrans("", "", "[]:*?/\\'")
_LONGEST_NAME = 31


def render(document: Document) -> bytes:
    book = Workbook()
    book.properties.title, book.properties.creator = _safe(document.title.zh), "Hallpulse"
    first: Any = book.active
    first.title = TEXTS_SHEET.zh
    _write_texts(first, document)
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                _write_table(book.create_sheet(_name(block)), document, block)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _name(table: Table) -> str:
    return table.title.zh.translate(_NOT_IN_NAMES)[:_LONGEST_NAME]


def _safe(text: str) -> str:
    """No formula, and nothing that a workbook cannot hold."""
    return safe_cell(printable(text))


def _write_texts(sheet: Any, document: Document) -> None:
    """The head, and all that stands in sentences, section by section."""
    sheet.column_dimensions["A"].width = _PAGE_WIDTH
    _line(sheet, f"{document.title.zh}{document.subtitle.zh}", Font(size=16, bold=True), scale=1.6)
    _line(sheet, document.title.en, _QUIET)
    for name, content in document.facts:
        _line(sheet, f"{name.zh}：{content.zh}", Font(size=11))
    for section in document.sections:
        _line(sheet, f"{section.head.zh} {section.head.en}", Font(size=13, bold=True), scale=1.6)
        for block in section.blocks:
            if isinstance(block, Table):
                _line(sheet, SEE_SHEET.zh.format(name=_name(block)), Font(size=11, italic=True))
            else:
                _line(sheet, block.text.zh, Font(size=11))
                _line(sheet, block.text.en, _QUIET)
    _line(sheet, document.closing.zh, _QUIET)
    _line(sheet, document.closing.en, _QUIET)
    _finish(sheet, "portrait")


def _line(sheet: Any, text: str, font: Font, scale: float = 1.0) -> None:
    row = sheet.max_row + 1 if sheet.cell(1, 1).value is not None else 1
    place = sheet.cell(row, 1, _safe(text))
    place.font, place.alignment = font, _WRAPPED
    sheet.row_dimensions[row].height = scale * _LINE_HEIGHT * _lines(text, _PAGE_WIDTH)


def _write_table(sheet: Any, document: Document, table: Table) -> None:
    """Title and caption over the columns; the head stays in sight, and on every printed page."""
    heads = list(_heads(table.columns))
    titles = (f"{table.title.zh} {table.title.en}", f"{document.title.zh}{document.subtitle.zh}")
    for row, text in enumerate((*titles, table.caption.zh, table.caption.en), start=1):
        sheet.cell(row, 1, _safe(text)).font = Font(size=13, bold=True) if row == 1 else _QUIET
    first = len(titles) + 3
    for number, (head, width) in enumerate(heads, start=1):
        place = sheet.cell(first, number, _safe(head))
        place.font, place.fill, place.border, place.alignment = Font(bold=True), _SHADE, _BOX, _CENTRED
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.row_dimensions[first].height = _LINE_HEIGHT * max(_lines(head, width) for head, width in heads)
    for row, cells in enumerate(table.rows, start=first + 1):
        placed = [part for cell, column in zip(cells, table.columns, strict=True) for part in _spread(cell, column)]
        _write_row(sheet, row, placed, [width for _, width in heads])
    sheet.freeze_panes = sheet.cell(first + 1, 1)
    sheet.print_title_rows = f"{first}:{first}"
    _finish(sheet, "landscape")


def _write_row(sheet: Any, row: int, placed: list[_Part], widths: list[int]) -> None:
    tallest = 1
    for number, (part, width) in enumerate(zip(placed, widths, strict=True), start=1):
        is_text = isinstance(part.content, str)
        place = sheet.cell(row, number, _safe(part.content) if isinstance(part.content, str) else part.content)
        place.font, place.border = Font(color=_COLORS[part.tone]), _BOX
        place.number_format, place.alignment = part.form, _WRAPPED if is_text and part.left else _CENTRED
        tallest = max(tallest, _lines(part.content, width) if isinstance(part.content, str) else 1)
    sheet.row_dimensions[row].height = _LINE_HEIGHT * tallest


def _lines(text: str, width: int) -> int:
    """How many lines a text takes: a Chinese character is as wide as two letters."""
    return sum(1 + (_wide(line) - 1) // (width - 1) if line else 1 for line in text.split("\n"))


def _wide(text: str) -> int:
    return sum(2 if char > "\u2e7f" else 1 for char in text)


def _finish(sheet: Any, orientation: str) -> None:
    sheet.page_setup.orientation, sheet.page_setup.paperSize = orientation, sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.sheet_view.showGridLines = False


def _heads(columns: tuple[Column, ...]) -> Iterator[tuple[str, int]]:
    """Names and widths: a figure takes three columns."""
    for column in columns:
        width = min(_WIDEST, column.width * 2 // 3) if column.left else _VALUE_WIDTH
        yield f"{column.head.zh}\n{column.head.en}", max(_VALUE_WIDTH, width)
        if column.figure:
            yield f"{NUMERATOR.zh}\n{NUMERATOR.en}", _PART_WIDTH + 2
            yield f"{DENOMINATOR.zh}\n{DENOMINATOR.en}", _PART_WIDTH + 2


class _Part(NamedTuple):
    """The content of a cell of the sheet."""

    content: str | float | None
    form: str
    tone: Tone
    left: bool = False


def _spread(cell: Cell, column: Column) -> Iterator[_Part]:
    """The cell's number, and of a figure what it is made of; a text with its second line."""
    if cell.number is None:
        text = f"{cell.text}\n{cell.small}" if cell.small and not column.figure else cell.text
        yield _Part(text, "@", cell.tone, column.left)
    else:
        scaled = cell.number * 100 if cell.unit == "points" else cell.number
        form = "0.00" if cell.unit == "count" and scaled.denominator != 1 else _FORMATS[cell.unit]
        yield _Part(float(scaled) if scaled.denominator != 1 else int(scaled), form, cell.tone)
    if column.figure:
        for part in cell.parts or (None, None):
            yield _Part(part, "0", cell.tone)
