"""Reading of a row's cells as values (codes, words, limits, times), by its sheet, its profile and the answers.

A cell that is not understood for sure raises BadRow with the field and the cell's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from services.importing.cells import (
    FAULTS_BEGIN,
    Broken,
    Cell,
    Garbled,
    NoCode,
    SeveralCodes,
    SpoiltCode,
    Struck,
    Torn,
    code_of,
    is_ditto,
    is_empty,
    is_fault,
    is_no_code,
    says_nothing,
    text_of,
    word_of,
)
from services.importing.dates import NotADate, ParsedTime, parse_day, parse_moment
from services.importing.departments import Departments
from services.importing.fields import STEPS
from services.importing.layout import Column, Layout, Row, says_void
from services.importing.limits import (
    BOTH_LIMITS,
    BadLimit,
    Limit,
    joined_unit,
    parse_limit,
    refuse_other_limit,
    unit_cell,
)
from services.importing.notes import Note
from services.importing.problems import BadRow, RowProblem
from services.importing.profiles import Profile
from services.importing.words import BEST_FIRST, BEST_LAST, YES_NO, bracketed


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions made before rows are read, by the profile, by notes in the file, or by answers.

    units: limit field → unit of bare numbers; noted: (table, limit field) → unit that a note of the table gives;
    ratings: which number is the best; identify: the field that identifies an item; effective_from: the first day of
    item versions whose rows give none; numeric_codes: whether codes in number cells are complete; refused: the
    questions whose answer is to reject such rows (short_rows, struck_rows, void_rows, nameless_columns);
    department_from_sheet: whether a sheet's name is its department.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    noted: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ratings: str | None = None
    identify: str = "item_code"
    effective_from: date | None = None
    numeric_codes: bool = False
    refused: frozenset[str] = frozenset()
    department_from_sheet: bool = False


@dataclass(slots=True)
class SheetReader:
    """Reads the rows of one table. words: the profile's words, as field → folded word → meaning."""

    layout: Layout
    profile: Profile
    decisions: Decisions
    departments: Departments
    words: dict[str, dict[str, Any]] = field(default_factory=dict)
    unit_codes: dict[str, str] = field(default_factory=dict)
    _known_words: dict[tuple[str, str], Any] = field(default_factory=dict)
    _limits: dict[tuple[Any, ...], Limit] = field(default_factory=dict)
    _joined: dict[str, Sequence[int]] = field(default_factory=dict)
    read: list[int] = field(default_factory=list)
    steps: list[tuple[str, int]] = field(default_factory=list)
    _read_cells: Callable[[Sequence[Cell]], tuple[Cell, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.words = {name: self.profile.meanings(name) for name in self.profile.words}
        self.unit_codes = {word_of(code).lstrip("0"): unit for code, unit in self.profile.unit_codes.items()}
        self._joined = {name: self._indices(headers) for name, headers in self.profile.joined.items()}
        self.read = sorted(set(self.layout.fields.values()))
        self._read_cells = picker(self.read)
        self.steps = [(step, self.layout.fields[step]) for step in STEPS if step in self.layout.fields]

    def _indices(self, headers: Sequence[str]) -> list[int]:
        places = {column.header.lower(): column.index for column in self.layout.columns}
        return [places[header.lower()] for header in headers if header.lower() in places]

    def indices(self, names: Iterable[str]) -> list[int]:
        """Return the columns of those fields that the table has."""
        return [self.layout.fields[name] for name in names if name in self.layout.fields]

    def joined_indices(self) -> list[int]:
        """Return the columns whose texts are joined for a field."""
        return [index for indices in self._joined.values() for index in indices]

    def has(self, name: str) -> bool:
        """Return whether the table or the profile gives a field."""
        return name in self.layout.fields or name in self.profile.constant or name in self._joined

    def cell(self, row: Row, name: str) -> Cell:
        index = self.layout.fields.get(name)
        return row.cells[index] if index is not None and index < len(row.cells) else None

    def text(self, row: Row, name: str) -> str:
        """Return the text of a field; empty if there is none, or only a placeholder such as 无 or -."""
        constant = self.profile.constant.get(name)
        if constant is not None:
            return constant
        if name in self._joined:
            return " / ".join(text for index in self._joined[name] if (text := text_of(row.cell(index))))
        text = text_of(self.cell(row, name))
        return "" if text and says_nothing(word_of(text)) else text

    def name(self, row: Row, name: str) -> str:
        """Return the text of a name as it stands. Raise BadRow for a date or a truth value."""
        cell = self.cell(row, name)
        if isinstance(cell, date | bool):
            raise BadRow(RowProblem.BAD_WORD, name, text_of(cell))
        return text_of(cell)

    def department(self, row: Row) -> str:
        """Return a department as it is written; empty without one. Raise BadRow for another value, such as 相关部门."""
        found = self.text(row, "department")
        if "department" not in self._joined and (self.name(row, "department") and _NO_NAME.fullmatch(found)):
            raise BadRow(RowProblem.BAD_WORD, "department", found)
        return found

    def refuse_unreadable(self, row: Row) -> None:
        """Raise BadRow for a broken line, a row that an answer rejects, or an unreadable cell in a read column."""
        cells, refused = row.cells, self.decisions.refused
        if cells and isinstance(cells[0], Broken):
            raise BadRow(_BROKEN.get(cells[0].text, RowProblem.BROKEN_LINE), "")
        if "struck_rows" in refused and row.line - 1 in self.layout.sheet.struck_rows:
            raise BadRow(RowProblem.STRUCK, "")
        if "void_rows" in refused:
            self._refuse_void(row)
        nameless = self.layout.nameless if "nameless_columns" in refused else ()
        if any(not is_empty(row.cell(column.index)) for column in nameless):
            raise BadRow(RowProblem.TOO_WIDE, "")
        width = len(cells)
        if "short_rows" in refused and width < self.layout.width and self.layout.sheet.separated:
            raise BadRow(RowProblem.TOO_SHORT, "")
        for cell in self._read_cells(cells):
            kind = cell.__class__
            if kind not in _SURE and (kind is not str or cell[:1] in FAULTS_BEGIN) and is_fault(cell):  # type: ignore[index]
                self._refuse_fault(row)

    def _refuse_void(self, row: Row) -> None:
        """Raise BadRow for a row with a remark that says that it is void."""
        for column in self.layout.remarks:
            text = text_of(row.cell(column.index))
            if says_void(column.header, text):
                raise BadRow(RowProblem.SAID_VOID, "", f"{column.header}：{text[:100]}")

    def _refuse_fault(self, row: Row) -> None:
        """Raise BadRow for the first cell that cannot be read, with its field."""
        for index in self.read:
            if is_fault(cell := row.cell(index)):
                problem = RowProblem.DITTO if is_ditto(cell) else _PROBLEM_OF.get(type(cell), RowProblem.FORMULA)
                raise BadRow(problem, self._field_at(index), text_of(cell))

    def _field_at(self, index: int) -> str:
        return next(name for name, at in self.layout.fields.items() if at == index)

    def code(self, row: Row, name: str) -> str:
        """Return a code; empty without one. Raise BadRow for a code that a spreadsheet has spoilt."""
        if name in self.profile.constant:
            return self.profile.constant[name]
        cell = self.cell(row, name)
        if is_empty(cell):
            return ""
        try:
            code = code_of(cell)
        except SpoiltCode as spoilt:
            raise BadRow(_PROBLEM_OF_CODE.get(type(spoilt), RowProblem.SPOILT_CODE), name, str(spoilt)) from None
        return "" if is_no_code(code) else code

    def required(self, name: str, value: str) -> str:
        if not value:
            raise BadRow(RowProblem.MISSING_FIELD, name)
        return value

    def word(self, row: Row, name: str, words: Mapping[str, Any]) -> Any:
        """Return the meaning of a word; None if the cell is empty. Raise BadRow for an unknown word."""
        word = word_of(self.cell(row, name))
        if not word:
            return None
        key = (name, word)
        if key not in self._known_words:
            self._known_words[key] = self._meaning(name, word, words)
        found = self._known_words[key]
        if found is None and not (word in "-/—–" or (says_nothing(word) and word not in words)):
            raise BadRow(RowProblem.BAD_WORD, name, text_of(self.cell(row, name)))
        return found

    def _meaning(self, name: str, word: str, words: Mapping[str, Any]) -> Any:
        own = self.words.get(name, {})
        found = own.get(word, own.get(word.lstrip("0"))) if word not in own else own[word]
        if found is None:
            plain, inner = bracketed(word)
            found = words.get(word, words.get(plain or word))
            if any(words.get(one, found) != found for one in inner):
                return None
            if words is YES_NO and word not in words and not all(one in words for one in inner):
                return None
        return found

    def yes_no(self, row: Row, name: str) -> bool | None:
        """Return whether a cell says yes; None if it is empty. Raise BadRow for a word other than yes and no."""
        try:
            found = self.word(row, name, YES_NO)
        except BadRow as bad:
            raise BadRow(RowProblem.BAD_YES_NO, name, bad.detail) from None
        return None if found is None else bool(found)

    def column(self, name: str) -> Column | None:
        return self.layout.column(name)

    def limit(self, row: Row, name: str) -> Limit | None:
        """Return a limit; None if the row gives none. Raise BadRow if it cannot be read."""
        index = self.layout.fields.get(name)
        cell = self.cell(row, name)
        if index is None or cell is None:
            return None
        beside = self.cell(row, self.unit_field(name)) if self.unit_field(name) in self.layout.fields else None
        key = (name, cell.__class__, cell, beside)
        found = self._limits.get(key)
        if found is None:
            if is_empty(cell) or word_of(cell) in "-/—–":
                return None
            found = self._limits[key] = self._limit(name, cell, beside)
        return found

    def _limit(self, name: str, cell: Cell, beside: Cell) -> Limit:
        """Return the limit from its cell and the cell of its unit (`beside`). Raise BadRow if it cannot be read."""
        try:
            refuse_other_limit(name, cell)
            written = unit_cell(beside, self.unit_codes)
            unit = joined_unit(written, self.unit_of_header(name))
            empty = self.unit_field(name) in self.layout.fields and not written
            return parse_limit(cell, unit, bare=self.bare_unit(name), empty_unit=empty)
        except BadLimit as error:
            shown = text_of(cell) + text_of(beside)
            raise BadRow(error.problem, name, shown) from None

    def unit_field(self, name: str) -> str:
        """Return the field with the unit of a limit: the limit's own, or the one for both limits."""
        own = name.replace("_days", "_unit")
        return own if own in self.layout.fields or name not in BOTH_LIMITS else "limit_unit"

    def unit_of_header(self, name: str) -> str:
        """Return the unit that the header names; if a note gives another unit, the answer to the question decides."""
        index = self.layout.fields.get(name)
        named = next((column.unit for column in self.layout.columns if column.index == index), "")
        noted = self.decisions.noted.get((self.layout.name, name))
        return self.decisions.units.get(name, named) if named and noted and noted != named else named

    def bare_unit(self, name: str) -> str:
        """Return the unit of a bare number: from an answer, the profile or a note of the table; empty without one."""
        return self.decisions.units.get(name) or self.decisions.noted.get((self.layout.name, name), "")

    def moment(self, row: Row, name: str) -> ParsedTime | None:
        """Return a time; None without one. Raise BadRow if it is no date."""
        index = self.layout.fields.get(name)
        return None if index is None else self.moment_at(row, name, index)

    def moment_at(self, row: Row, name: str, index: int) -> ParsedTime | None:
        cell = row.cells[index] if index < len(row.cells) else None
        if cell is None or cell == "":
            return None
        try:
            return parse_moment(cell, since_1904=self.layout.sheet.since_1904)
        except NotADate:
            raise BadRow(RowProblem.BAD_DATE, name, text_of(cell)) from None

    def day(self, row: Row, name: str) -> date | None:
        try:
            return parse_day(self.cell(row, name), since_1904=self.layout.sheet.since_1904)
        except NotADate:
            raise BadRow(RowProblem.BAD_DATE, name, text_of(self.cell(row, name))) from None

    @property
    def score_codes(self) -> Mapping[str, int] | None:
        """Return the meaning of bare numbers as ratings; None if it is not known."""
        return {"best_first": BEST_FIRST, "best_last": BEST_LAST}.get(self.decisions.ratings or "")


def picker(indices: Sequence[int]) -> Callable[[Sequence[Cell]], tuple[Cell, ...]]:
    """Return a function that picks the cells of the given columns from a row; cells beyond its end are None."""
    if not indices:
        return lambda _: ()
    width = max(indices) + 1
    take = itemgetter(*indices)

    def pick(cells: Sequence[Cell]) -> tuple[Cell, ...]:
        if len(cells) < width:
            return tuple(cells[index] if index < len(cells) else None for index in indices)
        found: Any = take(cells)
        return found if len(indices) > 1 else (found,)

    return pick


_NO_NAME = re.compile(
    "待定|待补充?|未知|不详|暂缺|(全?[省市县区]|各|相关|有关|其他|多个)+(部门|单位|乡镇|街道)+|见(附件|备注|说明)"
)
_SURE = frozenset((int, float, datetime, date, bool, None.__class__))
"""Types of cells that are surely values, or empty."""
_PROBLEM_OF_CODE: Mapping[type, RowProblem] = {
    SeveralCodes: RowProblem.SEVERAL_CODES,
    NoCode: RowProblem.NO_CODE,
}
_PROBLEM_OF: Mapping[type, RowProblem] = {
    Struck: RowProblem.STRUCK_PARTLY,
    Garbled: RowProblem.GARBLED,
    Torn: RowProblem.MERGED,
}
_BROKEN = {"too wide": RowProblem.TOO_WIDE, "cut off": RowProblem.CUT_OFF}


def limit_notes(row: Row, key: str, name: str, found: Limit | None, written: str) -> list[Note]:
    """Return a note for each conversion of a limit. key: the case id or item code; written: the text of the cell."""
    if found is None:
        return []
    became = "" if found.days is None else str(found.days)
    return [Note(row.line, key, name, what, written, became) for what in found.conversions]
