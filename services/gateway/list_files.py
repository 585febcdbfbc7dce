"""The files of lists: csv that Excel opens as it is, and xlsx with numbers and days as such."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from litestar import Response
from xlsxwriter import Workbook

from hallpulse.display import printable, safe_cell

FileForm: TypeAlias = Literal["csv", "xlsx"]
CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BOM = "\ufeff"
_WIDEST, _NARROWEST, _SAMPLE = 48, 8, 200
_FORMATS = {"share": "0.00%", "days": "0.00"}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\+08:00").fullmatch
_LONGEST_TEXT, _LARGEST = 32_767, 2**53
"""The longest text and the largest number that a cell of a spreadsheet holds without loss."""


class Filed(NamedTuple):
    """A table to be written. heads: each column's head and unit."""

    title: str
    heads: Sequence[tuple[str, str]]
    rows: Iterable[Sequence[Any]]


class Written(NamedTuple):
    bytes: bytes
    media_type: str


def written(form: FileForm, table: Filed) -> Written:
    return Written(_csv(table), CSV) if form == "csv" else Written(_xlsx(table), XLSX)


def _text(value: Any) -> str:
    """A text that no spreadsheet takes for a formula; a moment without its offset, which is the same everywhere."""
    text = printable(str(value))
    moment = _MOMENT(text)
    return f"{moment[1]} {moment[2]}" if moment else safe_cell(text)


def _csv(table: Filed) -> bytes:
    out = io.StringIO()
    out.write(_BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_text(head) for head, _ in table.heads])
    writer.writerows([_plain(value) for value in row] for row in table.rows)
    return out.getvalue().encode()


def _plain(value: Any) -> str | int | float:
    if isinstance(value, (int, float)):
        return value
    return value.isoformat() if isinstance(value, date) else _text(value)


def _xlsx(table: Filed) -> bytes:
    out = io.BytesIO()
    book = Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet()
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    looks = [book.add_format({"num_format": _FORMATS[unit]}) if unit in _FORMATS else None for _, unit in table.heads]
    widths = [_width(head) for head, _ in table.heads]
    for column, (head, _) in enumerate(table.heads):
        sheet.write_string(0, column, _text(head), bold)
    last = 0
    for last, row in enumerate(table.rows, start=1):
        for column, value in enumerate(row):
            _write(sheet, (last, column), value, day if isinstance(value, date) else looks[column])
            if last <= _SAMPLE:
                widths[column] = max(widths[column], _width(value))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(width, _WIDEST))
    sheet.freeze_panes(1, 0)
    if table.heads:
        sheet.autofilter(0, 0, last, len(table.heads) - 1)
    book.close()
    return out.getvalue()


def _write(sheet: Any, at: tuple[int, int], value: Any, look: Any) -> None:
    if isinstance(value, (int, float)) and abs(value) < _LARGEST:
        sheet.write_number(*at, value, look)
    elif isinstance(value, date):
        sheet.write_datetime(*at, value, look)
    elif value not in ("", None):
        sheet.write_string(*at, _text(value)[:_LONGEST_TEXT])


def _width(value: Any) -> int:
    """A Chinese character is as wide as two letters."""
    return max(_NARROWEST, 2 + sum(2 if sign > "\u2e7f" else 1 for sign in str(value)))


def download(content: bytes, name: str, media_type: str) -> Response[bytes]:
    """Return the file as a download: no browser shows it in place, whatever its name and content."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-100:]
    headers = {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=media_type, headers=headers)
