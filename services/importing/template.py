"""Templates for catalogues and cases: headers, examples, explanations, dropdowns. They can be imported unchanged."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from hallpulse.display import safe_cell

from . import template_texts as texts
from .fields import CASES, CATALOGUE, Vocabulary
from .template_texts import Header

Kind = Literal["catalogue", "cases"]
_ROWS_TO_FILL = 2_000
_WIDTH = 18
_HEAD = PatternFill("solid", fgColor="DCE6F1")


@dataclass(frozen=True, slots=True)
class ImportTemplate:
    columns: Sequence[Header]
    known: Vocabulary
    examples: Sequence[Sequence[object]]

    def headers(self, between: str) -> list[str]:
        """Return each column's Chinese name and the id of its field. between: the text between the two."""
        return [f"{self.known.names[column.field][0]}{between}{column.field}" for column in self.columns]


TEMPLATES: dict[Kind, ImportTemplate] = {
    "catalogue": ImportTemplate(texts.CATALOGUE, CATALOGUE, texts.CATALOGUE_EXAMPLES),
    "cases": ImportTemplate(texts.CASES, CASES, texts.CASE_EXAMPLES),
}


def write_csv(template: ImportTemplate, path: Path) -> None:
    """Write the template as a CSV file, with a byte order mark so that Excel reads it as UTF-8."""
    with path.open("x", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(template.headers(" / "))
        writer.writerows([safe_cell(str(cell)) for cell in row] for row in template.examples)


def write_workbook(template: ImportTemplate, path: Path) -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = texts.SHEET.zh
    _fill(sheet, template)
    _explain(book.create_sheet(texts.EXPLANATIONS.zh), template)
    with path.open("xb") as file:
        book.save(file)


def as_bytes(write: Callable[[Path], None]) -> bytes:
    """Return the content of the xlsx file that a function writes to a path."""
    with tempfile.TemporaryDirectory(prefix="hallpulse-form-") as folder:
        path = Path(folder) / "form.xlsx"
        write(path)
        return path.read_bytes()


def _fill(sheet: Any, template: ImportTemplate) -> None:
    sheet.append(template.headers("\n"))
    for row in template.examples:
        sheet.append([safe_cell(str(cell)) if cell != "" else None for cell in row])
    for number, column in enumerate(template.columns, start=1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = _WIDTH
        head = sheet.cell(1, number)
        head.font, head.fill, head.alignment = Font(bold=True), _HEAD, Alignment(wrap_text=True, vertical="top")
        if column.choices:
            sheet.add_data_validation(_dropdown(column, letter))
        if column.is_text:  # otherwise a spreadsheet rounds long codes
            for line in range(2, _ROWS_TO_FILL + 2):
                sheet.cell(line, number).number_format = "@"
    sheet.freeze_panes = "A2"


def _dropdown(column: Header, letter: str) -> DataValidation:
    listed = ",".join(column.choices)
    validation = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True)
    validation.errorStyle = "warning"
    validation.add(f"{letter}2:{letter}{_ROWS_TO_FILL + 1}")
    return validation


def _explain(sheet: Any, template: ImportTemplate) -> None:
    for hint in texts.HINTS:
        sheet.append([hint.zh, None, hint.en])
    sheet.append([])
    sheet.append(["列 column", "字段 field", "说明", "meaning", "可填内容 choices"])
    for column in template.columns:
        name = template.known.names[column.field][0]
        sheet.append([name, column.field, column.about.zh, column.about.en, "、".join(column.choices)])
    for letter, width in zip("ABCDE", (22, 20, 52, 60, 40), strict=True):
        sheet.column_dimensions[letter].width = width
