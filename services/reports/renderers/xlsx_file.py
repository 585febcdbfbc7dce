"""Rendering into a workbook for calculation: a sheet for each table, with formulas, filters, charts and queries.

A figure has three cells: its value, its numerator and its denominator. Formulas compute the value from the other two,
and also sums and differences. A formula is written only if its result is exactly the report's number; that number is
stored with the formula, for programs that do not calculate.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from hallpulse.display import in_order, safe_cell
from services.reports.monthly import Cell, Chart, Column, Document, Paragraph, Table, Tone, places_of
from services.reports.monthly.texts import DATA_SHEET, DENOMINATOR, NUMERATOR, QUERY, SEE_SHEET, TEXTS_SHEET

from .xlsx_formula import formula_of

_FORMATS = {"share": "0.00%", "points": "+0.00;−0.00;0.00", "days": "0.00", "count": "0", "about": '"约"0'}
_COLORS = {Tone.PLAIN: "#1A1A1A", Tone.GOOD: "#1B6E3C", Tone.BAD: "#B3261E", Tone.QUIET: "#767676"}
_SHADE, _LINE = "#F2F2F2", "#B0B0B0"
_VALUE_WIDTH, _PART_WIDTH, _WIDEST, _PAGE_WIDTH, _QUERY_WIDTH = 12, 11, 48, 76, 60
_LINE_HEIGHT = 17
_NOT_IN_NAMES = str.maketrans("", "", "[]:*?/\\'")
_LONGEST_NAME = 31
_HEAD_ROW = 5


def render(document: Document) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": _safe(document.title.zh), "author": _safe(document.imprint.issuer.zh)})
        _Workbook(book, document).write()
    return file.getvalue()


def _safe(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula, without characters that a workbook cannot hold."""
    return safe_cell(in_order(text))


def _both(zh: str, en: str, between: str = "\n") -> str:
    return f"{zh}{between}{en}" if en else zh


@dataclass(slots=True)
class _Workbook:
    """A workbook that is being written. names: the names of its sheets so far, since each must be unique."""

    book: Any
    document: Document
    names: set[str] = field(default_factory=set)
    formats: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def write(self) -> None:
        texts = self._sheet(TEXTS_SHEET.zh)
        blocks = [block for section in self.document.sections for block in section.blocks]
        sheets = {id(one): self._sheet(one.title.zh) for one in blocks if isinstance(one, Table)}
        self._write_texts(texts, {key: sheet.get_name() for key, sheet in sheets.items()})
        for block in blocks:
            if isinstance(block, Table):
                _Sheet(self, sheets[id(block)], block).write()
        charts = [block for block in blocks if isinstance(block, Chart)]
        if charts:
            self._write_charts(self._sheet(DATA_SHEET.zh), charts)

    def _sheet(self, title: str) -> Any:
        name = whole = title.translate(_NOT_IN_NAMES)[:_LONGEST_NAME]
        number = 1
        while name.lower() in self.names:
            number += 1
            name = f"{whole[: _LONGEST_NAME - 3]} {number}"
        self.names.add(name.lower())
        sheet = self.book.add_worksheet(name)
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        return sheet

    def format(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format(properties)
        return self.formats[key]

    def _write_texts(self, sheet: Any, names: Mapping[int, str]) -> None:
        """Write the head of the document and the sentences of each section."""
        sheet.set_column(0, 0, _PAGE_WIDTH)
        rows = list(_texts(self.document, names))
        for row, (text, properties) in enumerate(rows):
            sheet.write_string(row, 0, _safe(text), self.format(text_wrap=True, valign="vcenter", **properties))
            scale = 1.6 if properties.get("bold") else 1.0
            sheet.set_row(row, scale * _LINE_HEIGHT * _lines(text, _PAGE_WIDTH))

    def _write_charts(self, sheet: Any, charts: list[Chart]) -> None:
        """Write the numbers of each chart, with the chart beside them."""
        sheet.set_column(0, 0, 40)
        sheet.set_column(1, 2, _VALUE_WIDTH + 4)
        row = 0
        for chart in charts:
            row = self._write_chart(sheet, chart, row)

    def _write_chart(self, sheet: Any, chart: Chart, top: int) -> int:
        """Write one chart from a row on, and return the first row below it."""
        goals = any(bar.goal is not None for bar in chart.bars)
        number, bold = self.format(num_format=_FORMATS[chart.unit]), self.format(bold=True)
        sheet.write_string(top, 0, _safe(_both(chart.title.zh, chart.title.en, " ")), bold)
        for column, name in enumerate((chart.value, chart.goal) if goals else (chart.value,), start=1):
            sheet.write_string(top, column, _safe(name.zh), bold)
        for row, bar in enumerate(chart.bars, start=top + 1):
            sheet.write_string(row, 0, _safe(bar.label.zh))
            for column, value in enumerate((bar.value, bar.goal), start=1):
                if value is not None:
                    sheet.write_number(row, column, float(value), number)
        drawn, last, name = self.book.add_chart({"type": "bar"}), top + len(chart.bars), sheet.get_name()
        for column in (1, 2) if goals else (1,):
            drawn.add_series({
                "name": [name, top, column], "categories": [name, top + 1, 0, last, 0],
                "values": [name, top + 1, column, last, column], "gap": 60,
                "fill": {"color": "#4472A8" if column == 1 else "#C9CDD3"},
                "data_labels": {"value": True, "num_format": _FORMATS[chart.unit]},
            })  # fmt: skip
        drawn.set_title({"name": _safe(chart.title.zh), "name_font": {"size": 11}})
        drawn.set_y_axis({"reverse": True})
        drawn.set_x_axis(
            {
                "num_format": "0%" if chart.unit == "share" else "General",
                "major_gridlines": {"visible": False},
                "min": min(0.0, *(float(bar.value) for bar in chart.bars)),  # bars begin at 0, or lengths mislead
            }
        )
        drawn.set_legend({"position": "bottom"})
        drawn.set_size({"width": 640, "height": 140 + 34 * len(chart.bars)})
        sheet.insert_chart(top, 4, drawn)
        return last + 2 + max(0, (140 + 34 * len(chart.bars)) // 20 - len(chart.bars))


def _texts(document: Document, names: Mapping[int, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    plain, quiet = {"font_size": 11}, {"font_size": 9, "font_color": _COLORS[Tone.QUIET]}
    yield f"{document.title.zh}{document.subtitle.zh}", {"font_size": 16, "bold": True}
    yield from _english(document.title.en, quiet)
    for name, content in document.facts:
        yield f"{name.zh}：{content.zh}", plain
    yield document.opening.zh, plain
    yield from _english(document.opening.en, quiet)
    for section in document.sections:
        yield _both(section.head.zh, section.head.en, " "), {"font_size": 13, "bold": True}
        for block in section.blocks:
            if isinstance(block, Table):
                yield SEE_SHEET.zh.format(name=names[id(block)]), {"font_size": 11, "italic": True}
            elif isinstance(block, Paragraph):
                yield block.text.zh, plain
                yield from _english(block.text.en, quiet)
    imprint = document.imprint
    yield f"{imprint.issuer.zh}　{imprint.date.zh}", plain
    yield document.closing.zh, quiet
    yield from _english(document.closing.en, quiet)


def _english(text: str, quiet: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if text:
        yield text, quiet


@dataclass(slots=True)
class _Sheet:
    """A table that is being written to its sheet; a column of figures takes three of the sheet's columns."""

    book: _Workbook
    sheet: Any
    table: Table

    def write(self) -> None:
        """Write title, caption and rows; the head row has a filter, stays in sight and is printed on every page."""
        table, document = self.table, self.book.document
        titles = (_both(table.title.zh, table.title.en, " "), f"{document.title.zh}{document.subtitle.zh}",
                  table.caption.zh, table.caption.en)  # fmt: skip
        for row, text in enumerate(titles):
            large = {"font_size": 13, "bold": True} if row == 0 else {"font_size": 9, "font_color": "#767676"}
            self.sheet.write_string(row, 0, _safe(text), self.book.format(**large))
        heads = list(self._heads())
        head = self.book.format(bold=True, bg_color=_SHADE, border=1, border_color=_LINE, align="center",
                                valign="vcenter", text_wrap=True)  # fmt: skip
        for number, (text, width) in enumerate(heads):
            self.sheet.write_string(_HEAD_ROW, number, _safe(text), head)
            self.sheet.set_column(number, number, width)
        self.sheet.set_row(_HEAD_ROW, _LINE_HEIGHT * max(_lines(text, width) for text, width in heads))
        for row, cells in enumerate(table.rows, start=_HEAD_ROW + 1):
            self._write_row(row, cells)
        self.sheet.freeze_panes(_HEAD_ROW + 1, 0)
        self.sheet.repeat_rows(_HEAD_ROW)
        self.sheet.set_landscape()
        printed = self._places()[-1] - 1  # without the queries, which would make the printed table tiny
        self.sheet.print_area(0, 0, _HEAD_ROW + len(table.rows), printed)
        last = len(table.rows) - (1 if table.total else 0)
        if last > 0:
            self.sheet.autofilter(_HEAD_ROW, 0, _HEAD_ROW + last, len(heads) - 1)

    def _heads(self) -> Iterator[tuple[str, int]]:
        """Yield the name and width of each of the sheet's columns."""
        for column in self.table.columns:
            width = min(_WIDEST, column.width * 2 // 3) if column.left else _VALUE_WIDTH
            yield _both(column.head.zh, column.head.en), max(_VALUE_WIDTH, width)
            if column.figure:
                yield self._part_name(NUMERATOR), _PART_WIDTH
                yield self._part_name(DENOMINATOR), _PART_WIDTH
        if self.table.queries:
            yield _both(QUERY.zh, QUERY.en if self.book.document.language == "both" else ""), _QUERY_WIDTH

    def _part_name(self, name: Any) -> str:
        return _both(name.zh, name.en if self.book.document.language == "both" else "")

    def _places(self) -> list[int]:
        places, at = [], 0
        for column in self.table.columns:
            places.append(at)
            at += 3 if column.figure else 1
        return [*places, at]

    def _write_row(self, row: int, cells: tuple[Cell, ...]) -> None:
        table, places = self.table, self._places()
        number = row - _HEAD_ROW - 1
        is_total = table.total and number == len(table.rows) - 1
        for index, (cell, column) in enumerate(zip(cells, table.columns, strict=True)):
            at = places[index]
            if column.figure:
                self._write_parts(row, at, cell, is_total)
            if cell.number is None:
                self._write_text(row, at, cell, column)
            else:
                self._write_number(row, at, cell, self._formula(row, index, cells, is_total))
        tallest = max(self._height(cell, column) for cell, column in zip(cells, table.columns, strict=True))
        self.sheet.set_row(row, _LINE_HEIGHT * tallest)
        if table.queries:
            self.sheet.write_string(
                row, places[-1], _safe(table.queries[number]), self._look(Tone.QUIET, "@", left=True)
            )

    def _formula(self, row: int, index: int, cells: tuple[Cell, ...], is_total: bool) -> str | None:
        """Return the formula that computes the cell's number from other cells; None without one."""
        column, cell, at = self.table.columns[index], cells[index], self._places()[index]
        if column.figure and cell.parts is not None:
            below = cell.parts[1] or None
            return None if below is None else f"={_at(row, at + 1)}/{_at(row, at + 2)}"
        if is_total and not column.formula:
            return self._sum(row, at, index, cell)
        if not column.formula:
            return None
        keys = {one.key: place for one, place in zip(self.table.columns, self._places(), strict=False) if one.key}
        numbers = {one.key: each.number for one, each in zip(self.table.columns, cells, strict=True) if one.key}
        wanted = scaled(cell)
        return formula_of(column.formula, {k: _at(row, at_) for k, at_ in keys.items()}, numbers, wanted, cell.unit)

    def _sum(self, row: int, at: int, index: int, cell: Cell) -> str | None:
        """Return the formula for the sum of the cells above, if that is the cell's number; otherwise None."""
        above = [cells[index].number for cells in self.table.rows[:-1]]
        if not above or any(one is None for one in above):
            return None
        if sum((one for one in above if one is not None), Fraction(0)) != cell.number:
            return None
        return f"=SUM({_at(_HEAD_ROW + 1, at)}:{_at(row - 1, at)})"

    def _write_parts(self, row: int, at: int, cell: Cell, is_total: bool) -> None:
        for offset, part in enumerate(cell.parts or (None, None), start=1):
            look = self._look(cell.tone, "0")
            if part is None:
                self.sheet.write_blank(row, at + offset, None, look)
                continue
            above = [self._part_above(cells, at, offset) for cells in self.table.rows[:-1]]
            if is_total and above and None not in above and sum(one or 0 for one in above) == part:
                formula = f"=SUM({_at(_HEAD_ROW + 1, at + offset)}:{_at(row - 1, at + offset)})"
                self.sheet.write_formula(row, at + offset, formula, look, part)
            else:
                self.sheet.write_number(row, at + offset, part, look)

    def _part_above(self, cells: tuple[Cell, ...], at: int, offset: int) -> int | None:
        parts = cells[self._places().index(at)].parts
        return None if parts is None else parts[offset - 1]

    def _write_number(self, row: int, at: int, cell: Cell, formula: str | None) -> None:
        value = scaled(cell)
        form = "0.00" if cell.unit == "count" and value.denominator != 1 else _FORMATS[cell.unit]
        if cell.unit == "points":
            form = form.replace("0.00", f"0.{'0' * places_of(cell)}")
        shown, look = float(value) if value.denominator != 1 else int(value), self._look(cell.tone, form)
        if formula is None:
            self.sheet.write_number(row, at, shown, look)
        else:
            self.sheet.write_formula(row, at, formula, look, shown)

    def _write_text(self, row: int, at: int, cell: Cell, column: Column) -> None:
        self.sheet.write_string(row, at, _safe(_said(cell, column)), self._look(cell.tone, "@", left=column.left))

    def _height(self, cell: Cell, column: Column) -> int:
        width = max(_VALUE_WIDTH, min(_WIDEST, column.width * 2 // 3)) if column.left else _VALUE_WIDTH
        return _lines(_said(cell, column), width) if cell.number is None else 1

    def _look(self, tone: Tone, form: str, *, left: bool = False) -> Any:
        return self.book.format(
            font_color=_COLORS[tone], num_format=form, border=1, border_color=_LINE, text_wrap=True,
            valign="vcenter", align="left" if left else "center",
        )  # fmt: skip


def _said(cell: Cell, column: Column) -> str:
    """Return the text of a cell with its lower line, which is left out in figures: their parts have columns."""
    return _both(_both(cell.text, cell.en), "" if column.figure else cell.small)


def scaled(cell: Cell) -> Fraction:
    """Return the cell's number as the sheet shows it: a difference of shares times 100, in points."""
    number = cell.number or Fraction(0)
    return number * 100 if cell.unit == "points" else number


def _at(row: int, column: int) -> str:
    return str(xl_rowcol_to_cell(row, column))


def _lines(text: str, width: int) -> int:
    """Return the number of lines that a text takes in a column; a Chinese character is as wide as two letters."""
    return sum(1 + (_wide(line) - 1) // (width - 3) if line else 1 for line in text.split("\n"))


def _wide(text: str) -> int:
    return sum(2 if char > "\u2e7f" else 1 for char in text)
