"""Hidden rows and columns, errors, formulas and formats, from the XML parts of xlsx and ods files."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from .cells import Cell, Formula
from .guard import chunks, column_number
from .sheets import Details

_MOST_TEXT = 300
_MOST_REPEATED = 10_000
PERCENT = {"9": "0%", "10": "0.00%"}
"""Number formats that have a number and need no words."""


def xlsx_details(archive: zipfile.ZipFile) -> dict[str, Details]:
    """Sheet name → what its part says."""
    names = set(archive.namelist())
    parts, since_1904 = _parts(archive)
    styles = _telling_styles(archive) if "xl/styles.xml" in names else _Styles({}, frozenset())
    return {name: _sheet_details(archive, part, styles, since_1904) for name, part in parts.items() if part in names}


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


class _Styles(NamedTuple):
    """Indices of cell styles. patterns: style → a number format that shows more than the number."""

    patterns: dict[str, str]
    struck: frozenset[str]


def _telling_styles(archive: zipfile.ZipFile) -> _Styles:
    """Styles with a telling number format, and those of texts that are struck through."""
    patterns: dict[str, str] = dict(PERCENT)
    fonts: list[bool] = []
    styles: list[tuple[str, bool]] = []
    inside = ""
    with archive.open("xl/styles.xml") as part:
        for event, element in ElementTree.iterparse(part, ("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if tag in ("fonts", "cellXfs"):
                inside = tag if event == "start" else ""
            elif event == "start":
                continue
            elif tag == "numFmt" and tells(element.get("formatCode", "")):
                patterns[element.get("numFmtId", "")] = element.get("formatCode", "")
            elif tag == "font" and inside == "fonts":
                fonts.append(any(_is_strike(one) for one in element))
            elif tag == "xf" and inside == "cellXfs":
                font = int(element.get("fontId", "0"))
                styles.append((patterns.get(element.get("numFmtId", ""), ""), font < len(fonts) and fonts[font]))
    return _Styles(
        {str(number): pattern for number, (pattern, _) in enumerate(styles) if pattern},
        frozenset(str(number) for number, (_, struck) in enumerate(styles) if struck),
    )


def _is_strike(part: ElementTree.Element) -> bool:
    return part.tag.rpartition("}")[2] == "strike" and part.get("val", "1").lower() not in ("0", "false")


def tells(pattern: str) -> bool:
    """Return whether a number format shows more than the number: `0"个工作日"`, `0000`, `0%`."""
    if re.fullmatch(r"0{2,}", pattern) or "%" in re.sub(r'"[^"]*"', "", pattern):
        return True
    plain = re.sub(r"\[[^\]]*\]", "", pattern)
    return bool(re.search(r"[\u4e00-\u9fff]|\"[^\"]+\"", plain)) and not re.search(
        r"[ymdhsYMDHS]", re.sub(r'"[^"]*"', "", plain)
    )


_LOOKED_FOR = (
    *(b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/", b'hidden="1"', b"hidden='1'", b'hidden="true"', b"hidden='true'"),
    *(b't="e"', b"t='e'"),
)


def _sheet_details(archive: zipfile.ZipFile, part: str, styles: _Styles, since_1904: bool) -> Details:
    details = Details(since_1904=since_1904)
    told = (*styles.patterns, *styles.struck)
    of_styles = (mark for number in told for mark in (f's="{number}"'.encode(), f"s='{number}'".encode()))
    marks = (*_LOOKED_FOR, *of_styles)
    with archive.open(part) as opened:
        if not any(mark in chunk for chunk in chunks(opened) for mark in marks):
            return details
    with archive.open(part) as opened:
        _SheetParser(details, styles).parse(opened)
    return details


class _SheetParser:
    """Walks through the part of a sheet for the few things that only it tells."""

    def __init__(self, details: Details, styles: _Styles) -> None:
        self._details, self._styles = details, styles
        self._row, self._column = -1, -1
        self._kind, self._formula, self._value = "", False, False
        self._in_value, self._in_formula, self._text = False, False, ""
        self._struck = False

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
        elif tag == "col":
            if attributes.get("hidden", "0").lower() in ("1", "true"):
                first, last = int(attributes.get("min", "1")), int(attributes.get("max", "1"))
                self._details.hidden_columns.update(range(first - 1, min(last, _MOST_TEXT)))
        elif tag == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            self._column = column_number(letters) - 1 if letters else self._column + 1
            self._kind, self._formula, self._value, self._text = attributes.get("t", "n"), False, False, ""
            style = attributes.get("s", "")
            self._struck = style in self._styles.struck
            pattern = self._styles.patterns.get(style)
            if pattern and self._kind == "n":
                self._details.patterns[self._row, self._column] = pattern
        elif tag == "f":
            self._formula = self._in_formula = True
        elif tag in ("v", "t"):
            self._in_value = True

    def _characters(self, text: str) -> None:
        if self._in_value and text.strip():
            self._value = True
            if self._struck:
                self._details.struck_rows.add(self._row)
        if (self._in_formula or self._in_value) and len(self._text) < _MOST_TEXT:
            self._text += text

    def _end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "f":
            self._in_formula = False
            if self._text:
                self._text = f"={self._text}"
        elif tag in ("v", "t"):
            self._in_value = False
        elif tag == "c" and (self._kind == "e" or self._formula):
            if self._kind == "e" or not (self._value or self._kind == "str"):
                self._details.cells[self._row, self._column] = Formula(self._text or "=")
            else:
                self._details.computed += 1


_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
_CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 "
_TEXT_P = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 p"
_HIDDEN = ("collapse", "filter")
_SHOWS_MORE = re.compile(r"[\u4e00-\u9fff%]|^0\d")


def ods_details(archive: zipfile.ZipFile) -> dict[str, Details]:
    """Sheet name → what the document's content says of it."""
    parser = _OdsParser()
    with archive.open("content.xml") as opened:
        parser.parse(opened)
    for details in parser.sheets.values():
        details.since_1904 = parser.since_1904
    return parser.sheets


class _OdsParser:
    """Walks through the content of an OpenDocument spreadsheet; cells and rows may stand for many."""

    def __init__(self) -> None:
        self.sheets: dict[str, Details] = {}
        self.since_1904 = False
        self._details = Details()
        self._row, self._column, self._repeated = 0, 0, 1
        self._cell: dict[str, str] = {}
        self._text, self._in_text, self._in_note = "", False, False

    def parse(self, opened: Any) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.ParseFile(opened)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == f"{_TABLE}null-date":
            self.since_1904 = attributes.get(f"{_TABLE}date-value", "").startswith("1904-01-01")
        elif name == f"{_TABLE}table":
            self._details = self.sheets.setdefault(attributes.get(f"{_TABLE}name", ""), Details())
            self._row = self._column = 0
        elif name == f"{_TABLE}table-column":
            count = int(attributes.get(f"{_TABLE}number-columns-repeated", "1"))
            if attributes.get(f"{_TABLE}visibility") in _HIDDEN and count < _MOST_TEXT:
                self._details.hidden_columns.update(range(self._column, self._column + count))
            self._column += count
        elif name == f"{_TABLE}table-row":
            self._column, self._repeated = 0, int(attributes.get(f"{_TABLE}number-rows-repeated", "1"))
            if attributes.get(f"{_TABLE}visibility") in _HIDDEN and self._repeated < _MOST_REPEATED:
                self._details.hidden_rows.update(range(self._row, self._row + self._repeated))
        elif name in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            self._cell, self._text = attributes, ""
        elif name == f"{_OFFICE}annotation":
            self._in_note = True
        elif name == _TEXT_P:
            self._in_text = not self._in_note

    def _characters(self, text: str) -> None:
        if self._in_text and len(self._text) < _MOST_TEXT:
            self._text += text

    def _end(self, name: str) -> None:
        if name == _TEXT_P:
            self._in_text = False
        elif name == f"{_OFFICE}annotation":
            self._in_note = False
        elif name == f"{_TABLE}table-row":
            self._row += self._repeated
        elif name in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            count = int(self._cell.get(f"{_TABLE}number-columns-repeated", "1"))
            instead = self._instead()
            if instead is not None and count < _MOST_TEXT and self._repeated < _MOST_REPEATED:
                for row in range(self._row, self._row + self._repeated):
                    for column in range(self._column, self._column + count):
                        self._details.cells[row, column] = instead
            self._column += count

    def _instead(self) -> Cell:
        """An error, a formula without a result, or the text that a number is shown as; None for what is read right."""
        kind, formula = self._cell.get(f"{_OFFICE}value-type"), self._cell.get(f"{_TABLE}formula")
        if self._cell.get(f"{_CALC}value-type") == "error":
            return Formula(self._text or formula or "=")
        if formula is not None:
            if kind is None or (kind == "string" and _ODS_ERROR.fullmatch(self._text)):
                return Formula(self._text or formula)
            self._details.computed += 1
        shows_more = kind in ("float", "percentage", "currency") and _SHOWS_MORE.search(self._text)
        return self._text if shows_more else None


_ODS_ERROR = re.compile(r"#[A-Z/0]+[!?]?|Err:\d{3}")
