"""Hidden rows and columns, errors, formulas, number formats and struck text in the XML parts of xlsx and ods files."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from .cells import Cell, Formula, Struck
from .guard import chunks, column_number
from .sheets import BUILT_IN, Details, tells

_MOST_TEXT = 300
_MOST_REPEATED = 100_000
_MOST_COLUMNS = 16_384


def xlsx_details(archive: zipfile.ZipFile) -> dict[str, Details]:
    """Return the details of each sheet by its name."""
    names = set(archive.namelist())
    parts, since_1904 = _parts(archive)
    styles = _telling_styles(archive) if "xl/styles.xml" in names else _Styles({}, frozenset())
    if "xl/sharedStrings.xml" in names:
        styles = styles._replace(strings=_struck_strings(archive))
    return {name: _sheet_details(archive, part, styles, since_1904) for name, part in parts.items() if part in names}


def _parts(archive: zipfile.ZipFile) -> tuple[dict[str, str], bool]:
    """Return the part of each sheet in the archive by the sheet's name, and whether days count from 1904."""
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


class Runs:
    """A text that is read run by run. struck, plain: how many of its characters are struck through, how many not."""

    def __init__(self) -> None:
        self.struck = self.plain = 0
        self.text = ""

    def add(self, text: str, *, struck: bool) -> None:
        size = len(text.strip())
        self.text += text[: _MOST_TEXT - len(self.text)]
        self.struck, self.plain = self.struck + size * struck, self.plain + size * (not struck)

    @property
    def partly(self) -> bool:
        """Return whether only a part of the text is struck through."""
        return bool(self.struck and self.plain)


class _Styles(NamedTuple):
    """The cell styles that matter, by index.

    patterns: style → number format that shows more than the number; struck: styles that strike text through; strings:
    shared text → its runs, if a part of it is struck through.
    """

    patterns: dict[str, str]
    struck: frozenset[str]
    strings: Mapping[str, Runs] = MappingProxyType({})


def _struck_strings(archive: zipfile.ZipFile) -> dict[str, Runs]:
    """Return the runs of each shared text that has a struck part, by the text's index."""
    with archive.open("xl/sharedStrings.xml") as part:
        if not any(b"strike" in chunk for chunk in chunks(part)):
            return {}
    found: dict[str, Runs] = {}
    number, runs, struck = -1, Runs(), False
    with archive.open("xl/sharedStrings.xml") as part:
        for event, element in ElementTree.iterparse(part, ("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                if tag == "si":
                    number, runs = number + 1, Runs()
                struck = struck and tag not in ("si", "r", "rPh")
            elif tag == "strike":
                struck = _is_strike(element)
            elif tag == "t":
                runs.add(element.text or "", struck=struck)
            elif tag == "si":
                if runs.struck:
                    found[str(number)] = runs
                element.clear()
    return found


def _telling_styles(archive: zipfile.ZipFile) -> _Styles:
    """Return the styles whose number format shows more than the number, and those that strike text through."""
    patterns: dict[str, str] = dict(BUILT_IN)
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
    return part.tag.rpartition("}")[2] == "strike" and part.get("val", "1").lower() not in _FALSE


_FALSE = ("0", "false")


_LOOKED_FOR = (b"<f", b":f", b"hidden=", b't="e"', b"t='e'", b"strike")
"""Marks in a part that has something to read: formulas, hidden rows and columns, errors, struck texts."""


def _sheet_details(archive: zipfile.ZipFile, part: str, styles: _Styles, since_1904: bool) -> Details:
    details = Details(since_1904=since_1904)
    told = (*styles.patterns, *styles.struck)
    of_styles = (mark for number in told for mark in (f's="{number}"'.encode(), f"s='{number}'".encode()))
    marks = (*_LOOKED_FOR, *of_styles)
    with archive.open(part) as opened:
        if not styles.strings and not any(mark in chunk for chunk in chunks(opened) for mark in marks):
            return details
    with archive.open(part) as opened:
        _SheetParser(details, styles).parse(opened)
    return details


class _SheetParser:
    """Reads the details of a sheet from its part of an xlsx file."""

    def __init__(self, details: Details, styles: _Styles) -> None:
        self._details, self._styles = details, styles
        self._row, self._column = -1, -1
        self._kind, self._formula, self._value = "", False, False
        self._in_value, self._in_formula, self._text = False, False, ""
        self._struck, self._struck_run, self._runs = False, False, Runs()

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
                self._details.hidden_columns.update(range(first - 1, min(last, _MOST_COLUMNS)))
        elif tag == "c":
            self._start_of_cell(attributes)
        elif tag == "f":
            self._formula = self._in_formula = True
        elif tag == "r":
            self._struck_run = False
        elif tag == "strike":
            self._struck_run = attributes.get("val", "1").lower() not in _FALSE
        elif tag in ("v", "t"):
            self._in_value = True

    def _start_of_cell(self, attributes: dict[str, str]) -> None:
        letters = attributes.get("r", "").rstrip("0123456789")
        self._column = column_number(letters) - 1 if letters else self._column + 1
        self._kind, self._formula, self._value, self._text = attributes.get("t", "n"), False, False, ""
        style = attributes.get("s", "")
        self._struck, self._struck_run, self._runs = style in self._styles.struck, False, Runs()
        pattern = self._styles.patterns.get(style)
        if pattern and self._kind == "n":
            self._details.patterns[self._row, self._column] = pattern

    def _characters(self, text: str) -> None:
        if self._in_value and text.strip():
            self._value = True
            if self._struck:
                self._details.struck_rows.add(self._row)
            if self._kind == "inlineStr":
                self._runs.add(text, struck=self._struck_run)
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
        elif tag == "c" and self._kind in ("s", "inlineStr"):
            runs = self._styles.strings.get(self._text.strip(), self._runs) if self._kind == "s" else self._runs
            put_struck(self._details, self._row, self._column, runs)


def put_struck(details: Details, row: int, column: int, runs: Runs) -> None:
    """Record a struck text: if it is struck as a whole, its row is questionable; if in part, its cell is unreadable."""
    if runs.partly:
        details.cells[row, column] = Struck(runs.text)
    elif runs.struck:
        details.struck_rows.add(row)


_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
_CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 "
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
_STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0 "
_HIDDEN = ("collapse", "filter")
_MONTH = re.compile(r"\d{4}\s*[-/.年]\s*\d{1,2}\s*月?|\d{1,2}[-/]\d{4}|[A-Za-z]{3}[- ]\d{2,4}")
_SHOWS_MORE = re.compile(r"[\u4e00-\u9fff%]|^0\d")


def ods_details(archive: zipfile.ZipFile) -> dict[str, Details]:
    """Return the details of each sheet of an OpenDocument spreadsheet by its name."""
    parser = _OdsParser()
    if "styles.xml" in archive.namelist():
        with archive.open("styles.xml") as opened:
            parser.parse(opened)
    with archive.open("content.xml") as opened:
        parser.parse(opened)
    for details in parser.sheets.values():
        details.since_1904 = parser.since_1904
    return parser.sheets


class _OdsParser:
    """Reads the details of all sheets of an OpenDocument spreadsheet, in which cells and rows may be repeated.

    Styles precede the cells and texts that use them, so whether a style strikes text through is known in time.
    """

    def __init__(self) -> None:
        self.sheets: dict[str, Details] = {}
        self.since_1904 = False
        self._details = Details()
        self._row, self._column, self._repeated = 0, 0, 1
        self._cell: dict[str, str] = {}
        self._text, self._in_text, self._in_note = "", False, False
        self._struck: dict[str, bool] = {}
        self._style, self._row_style = "", ""
        self._column_styles: list[tuple[int, str]] = []
        self._spans: list[bool] = []
        self._runs = Runs()

    def parse(self, opened: Any) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.ParseFile(opened)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, tag = name.rpartition(" ")
        if f"{space} " == _TABLE:
            self._start_of_table(tag, attributes)
        elif name == f"{_STYLE}style":
            self._style = attributes.get(f"{_STYLE}name", "")
            self._struck[self._style] = self._struck.get(attributes.get(f"{_STYLE}parent-style-name", ""), False)
        elif name == f"{_STYLE}text-properties" and self._style:
            lines = [attributes.get(f"{_STYLE}text-line-through-{what}") for what in ("style", "type")]
            if any(lines):
                self._struck[self._style] = all(line != "none" for line in lines)
        elif name == f"{_OFFICE}annotation":
            self._in_note = True
        elif name == f"{_TEXT}p":
            self._in_text = not self._in_note
        elif name == f"{_TEXT}span":
            self._spans.append(self._struck.get(attributes.get(f"{_TEXT}style-name", ""), self._is_struck()))

    def _start_of_table(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "null-date":
            self.since_1904 = attributes.get(f"{_TABLE}date-value", "").startswith("1904-01-01")
        elif tag == "table":
            self._details = self.sheets.setdefault(attributes.get(f"{_TABLE}name", ""), Details())
            self._row = self._column = 0
            self._column_styles = []
        elif tag == "table-column":
            count = int(attributes.get(f"{_TABLE}number-columns-repeated", "1"))
            if attributes.get(f"{_TABLE}visibility") in _HIDDEN and count < _MOST_COLUMNS:
                self._details.hidden_columns.update(range(self._column, self._column + count))
            self._column += count
            self._column_styles.append((self._column, attributes.get(f"{_TABLE}default-cell-style-name", "")))
        elif tag == "table-row":
            self._column, self._repeated = 0, int(attributes.get(f"{_TABLE}number-rows-repeated", "1"))
            self._row_style = attributes.get(f"{_TABLE}default-cell-style-name", "")
            if attributes.get(f"{_TABLE}visibility") in _HIDDEN and self._repeated < _MOST_REPEATED:
                self._details.hidden_rows.update(range(self._row, self._row + self._repeated))
        elif tag in ("table-cell", "covered-table-cell"):
            self._cell, self._text, self._runs, self._spans = attributes, "", Runs(), []

    def _is_struck(self) -> bool:
        """Return whether the style of the cell, its row or its column strikes its text through."""
        own = self._cell.get(f"{_TABLE}style-name") or self._row_style
        if not own:
            own = next((style for end, style in self._column_styles if self._column < end), "")
        return self._struck.get(own, False)

    def _characters(self, text: str) -> None:
        if self._in_text and len(self._text) < _MOST_TEXT:
            self._text += text
            self._runs.add(text, struck=self._spans[-1] if self._spans else self._is_struck())

    def _end(self, name: str) -> None:
        if name == f"{_TEXT}p":
            self._in_text = False
        elif name == f"{_TEXT}span":
            self._spans.pop()
        elif name == f"{_STYLE}style":
            self._style = ""
        elif name == f"{_OFFICE}annotation":
            self._in_note = False
        elif name == f"{_TABLE}table-row":
            self._row += self._repeated
        elif name in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            self._end_of_cell()

    def _end_of_cell(self) -> None:
        count = int(self._cell.get(f"{_TABLE}number-columns-repeated", "1"))
        instead = Struck(self._runs.text) if self._runs.partly else self._instead()
        if (instead is not None or self._runs.struck) and count * self._repeated > _MOST_REPEATED:
            raise OverflowError(f"a cell that is no plain value is repeated {count * self._repeated} times")
        rows = range(self._row, self._row + self._repeated)
        if self._runs.struck and not self._runs.partly:
            self._details.struck_rows.update(rows)
        if instead is not None:
            columns = range(self._column, self._column + count)
            self._details.cells.update({(row, column): instead for row in rows for column in columns})
        self._column += count

    def _instead(self) -> Cell:
        """Return the cell to use instead of the read value: an error, a formula without a result, or a shown text.

        Return None if the read value is right.
        """
        kind, formula = self._cell.get(f"{_OFFICE}value-type"), self._cell.get(f"{_TABLE}formula")
        if self._cell.get(f"{_CALC}value-type") == "error":
            return Formula(self._text or formula or "=")
        if formula is not None:
            if kind is None or (kind == "string" and _ODS_ERROR.fullmatch(self._text)):
                return Formula(self._text or formula)
            self._details.computed += 1
        shows_more = kind in ("float", "percentage", "currency") and _SHOWS_MORE.search(self._text)
        shows_less = kind == "date" and _MONTH.fullmatch(self._text.strip())
        return self._text if shows_more or shows_less else None


_ODS_ERROR = re.compile(r"#[A-Z/0]+[!?]?|Err:\d{3}")
