"""Workbooks of every container, written for tests: xls by xlwt, ods and xlsb part by part."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import xlwt  # type: ignore[import-untyped]
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

Row = Sequence[Any]
Cells = Mapping[tuple[int, int], str]
"""(row, column) from 0 → a number format, an error such as #N/A, or a first part of a text that is struck through."""
ERRORS = {"#NULL!": 0x00, "#DIV/0!": 0x07, "#VALUE!": 0x0F, "#REF!": 0x17, "#NAME?": 0x1D, "#NUM!": 0x24, "#N/A": 0x2A}


def write_xls(
    path: Path, rows: Sequence[Row], *, since_1904: bool = False, hidden: Iterable[int] = (),
    hidden_columns: Iterable[int] = (), errors: Cells | None = None, formats: Cells | None = None,
    struck: Iterable[tuple[int, int]] = (), partly: Cells | None = None,
) -> Path:  # fmt: skip
    book = xlwt.Workbook()
    book.dates_1904 = since_1904
    sheet = book.add_sheet("办件")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            form = (formats or {}).get((number, column), "yyyy-mm-dd hh:mm" if isinstance(value, datetime) else "")
            style = "font: struck_out on" if (number, column) in set(struck) else ""
            gone = (partly or {}).get((number, column))
            if gone is not None:
                line = xlwt.easyfont("struck_out on")
                sheet.write_rich_text(number, column, [(gone, line), value.removeprefix(gone)])
            elif value is not None:
                sheet.write(number, column, value, xlwt.easyxf(style, num_format_str=form or "General"))
    for (number, column), error in (errors or {}).items():
        sheet.row(number).set_cell_error(column, ERRORS[error])
    for number in hidden:
        sheet.row(number).hidden = True
    for column in hidden_columns:
        sheet.col(column).hidden = True
    book.save(str(path))
    return path


def write_xlsx(
    path: Path, rows: Sequence[Row], *, struck: Iterable[tuple[int, int]] = (), partly: Cells | None = None
) -> Path:
    book = Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    for line, column in struck:
        sheet.cell(line + 1, column + 1).font = Font(strike=True)
    for (line, column), gone in (partly or {}).items():
        rest = rows[line][column].removeprefix(gone)
        sheet.cell(line + 1, column + 1).value = CellRichText(TextBlock(InlineFont(strike=True), gone), rest)
    book.save(path)
    return path


_NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
)
_ODS_STYLES = "<office:automatic-styles>{}</office:automatic-styles>".format(
    "".join(
        f'<style:style style:name="{name}" style:family="{family}"><style:text-properties '
        'style:text-line-through-style="solid" style:text-line-through-type="single"/></style:style>'
        for name, family in (("ce1", "table-cell"), ("T1", "text"))
    )
)
ODS_ERROR = (
    '<table:table-cell table:formula="of:=NA()" office:value-type="string" office:string-value=""'
    ' calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell>'
)
ODS_UNCOMPUTED = '<table:table-cell table:formula="of:=[.A1]"/>'


def write_ods(
    path: Path, rows: Sequence[Row], *, since_1904: bool = False, hidden: Iterable[int] = (),
    hidden_columns: Iterable[int] = (), shown: Cells | None = None, struck: Iterable[tuple[int, int]] = (),
    partly: Cells | None = None,
) -> Path:  # fmt: skip
    """shown: the text that a number is shown as. A cell that is written `<…>` is put in as it is."""
    first = "1904-01-01" if since_1904 else "1899-12-30"
    width = max(map(len, rows))
    columns = "".join(
        f'<table:table-column{_collapsed(number in set(hidden_columns))}/>' for number in range(width)
    )  # fmt: skip
    body = "".join(
        f"<table:table-row{_collapsed(number in set(hidden))}>"
        + "".join(
            _ods_cell(
                value,
                (shown or {}).get((number, column)),
                struck=(number, column) in set(struck),
                gone=(partly or {}).get((number, column), ""),
            )
            for column, value in enumerate(row)
        )
        + "</table:table-row>"
        for number, row in enumerate(rows)
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_NAMES} office:version="1.2">'
        f"{_ODS_STYLES}<office:body>"
        f'<office:spreadsheet><table:calculation-settings><table:null-date table:date-value="{first}"/>'
        f'</table:calculation-settings><table:table table:name="办件">{columns}{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def _collapsed(is_hidden: bool) -> str:
    return ' table:visibility="collapse"' if is_hidden else ""


def _ods_cell(value: Any, shown: str | None, *, struck: bool, gone: str) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str) and value.startswith("<"):
        return value
    kind, attribute = "string", ""
    if isinstance(value, datetime):
        kind, attribute = "date", f' office:date-value="{value.isoformat()}"'
    elif isinstance(value, int | float):
        kind, attribute = "float", f' office:value="{value}"'
    text = escape(shown or str(value))
    if gone:
        text = f'<text:span text:style-name="T1">{escape(gone)}</text:span>{escape(str(value).removeprefix(gone))}'
    attribute += ' table:style-name="ce1"' if struck else ""
    return f'<table:table-cell office:value-type="{kind}"{attribute}><text:p>{text}</text:p></table:table-cell>'


def write_xlsb(
    path: Path, rows: Sequence[Row], *, since_1904: bool = False, hidden: Iterable[int] = (),
    hidden_columns: Iterable[int] = (), errors: Cells | None = None, formats: Cells | None = None,
    struck: Iterable[tuple[int, int]] = (), partly: Cells | None = None,
) -> Path:  # fmt: skip
    """Records of [MS-XLSB] that every program writes; a number format is a style."""
    listed = sorted({*(formats or {}).values()})
    styles = {form: number for number, form in enumerate(listed, start=1)}
    by_cell = {place: styles[form] for place, form in (formats or {}).items()}
    by_cell |= dict.fromkeys(struck, len(listed) + 1)
    strings = list((partly or {}).items())
    sheet = [_record(129), _record(148, struct.pack("<4I", 0, len(rows) - 1, 0, 20))]
    sheet += [
        _record(390),
        *(_record(60, struct.pack("<4IH", column, column, 2000, 0, 1)) for column in hidden_columns),
        _record(391),
        _record(145),
    ]
    for number, row in enumerate(rows):
        flags = 0x10 if number in set(hidden) else 0
        sheet.append(_record(0, struct.pack("<IIHBB", number, 0, 300, 0, flags) + bytes(5)))
        for column, value in enumerate(row):
            if (error := (errors or {}).get((number, column))) is not None:
                sheet.append(_record(3, struct.pack("<IIB", column, 0, ERRORS[error])))
            elif (number, column) in (partly or {}):
                place = [place for place, _ in strings].index((number, column))
                sheet.append(_record(7, struct.pack("<3I", column, 0, place)))
            elif isinstance(value, str):
                sheet.append(_record(6, struct.pack("<II", column, by_cell.get((number, column), 0)) + _wide(value)))
            elif value is not None:
                style = by_cell.get((number, column), 0)
                sheet.append(_record(5, struct.pack("<IId", column, style, value)))
    sheet += [_record(146), _record(130)]
    book = b"".join(
        [
            _record(131),
            _record(153, struct.pack("<I", int(since_1904)) + bytes(8)),
            _record(143),
            _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("办件")),
            _record(144),
            _record(132),
        ]
    )
    texts = [_rich(rows[row][column], gone) for (row, column), gone in strings]
    _write_parts(
        path,
        book,
        b"".join(sheet),
        _styles(listed),
        b"".join([_record(159, struct.pack("<II", len(texts), len(texts))), *texts, _record(160)]),
    )
    return path


def _rich(text: str, gone: str) -> bytes:
    """A shared text that begins struck through."""
    runs = struct.pack("<I4H", 2, 0, 1, len(gone), 0)
    return _record(19, b"\x01" + _wide(text) + runs)


def _styles(forms: Sequence[str]) -> bytes:
    own = [_record(44, struct.pack("<H", 200 + number) + _wide(form)) for number, form in enumerate(forms)]
    used = [_record(47, struct.pack("<HH", 0, form) + bytes(12)) for form in (0, *(200 + n for n in range(len(forms))))]
    used.append(_record(47, struct.pack("<3H", 0, 0, 1) + bytes(10)))
    fonts = [_record(43, struct.pack("<HH", 220, flags) + bytes(17) + _wide("宋体")) for flags in (0, 0x08)]
    return b"".join(
        [
            _record(278),
            _record(615, struct.pack("<I", len(own))),
            *own,
            _record(616),
            _record(611, struct.pack("<I", len(fonts))),
            *fonts,
            _record(612),
            _record(617, struct.pack("<I", len(used))),
            *used,
            _record(618),
            _record(279),
        ]
    )


def _write_parts(path: Path, book: bytes, sheet: bytes, styles: bytes, strings: bytes) -> None:
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.ms-excel"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="bin" ContentType="{kinds}.sheet.binary'
            '.macroEnabled.main"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package'
            '.relationships+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{office}/officeDocument"'
            ' Target="xl/workbook.bin"/></Relationships>',
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{office}/worksheet"'
            f' Target="worksheets/sheet1.bin"/><Relationship Id="rId2" Type="{office}/styles" Target="styles.bin"/>'
            f'<Relationship Id="rId3" Type="{office}/sharedStrings" Target="sharedStrings.bin"/></Relationships>',
        )
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
        archive.writestr("xl/styles.bin", styles)
        archive.writestr("xl/sharedStrings.bin", strings)


def _record(kind: int, body: bytes = b"") -> bytes:
    first = bytes([kind]) if kind < 0x80 else bytes([(kind & 0x7F) | 0x80, kind >> 7])
    size, sizes = len(body), bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        sizes.append(low | (0x80 if size else 0))
        if not size:
            return first + bytes(sizes) + body


def _wide(text: str) -> bytes:
    packed = text.encode("utf-16-le")
    return struct.pack("<I", len(packed) // 2) + packed
