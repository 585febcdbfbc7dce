"""A first walk over the rows of a file, which finds what is questionable in its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hallpulse.domain.catalogue import Timeline
from services.importing.sheet_reader import SheetReader, picker

from .cells import Broken, Cell, SpoiltCode, code_of, folded, is_ditto, is_empty, says_nothing, text_of, word_of
from .fields import SURE_SCORES
from .layout import NOTE, Column, Layout, Passed, Row, says_void
from .limits import BadLimit, LimitProblem, parse_limit, unit_in
from .words import is_bare_score, is_other_scale

_LIMITS = ("statutory_days", "promised_days", "extended_days", "procedure_days")
_EXAMPLES = 3


@dataclass(slots=True)
class Survey:
    """The findings of a first walk over the rows; lists hold only a few examples.

    bare: (table, limit field) → numbers without a unit; scores: ratings that are numbers; beyond: ratings outside a
    scale of five; numbers: codes in number cells; days: number of rows without a first day; departments: (spelling,
    department of the item) → number of rows; subs: 实施编码 → its 业务办理项; noted: (table, limit field) → the unit
    that notes give, empty if they differ; rival_values: (table, field) → values in which the field's columns differ;
    passed: table → rows that are not data; short: lines of a text file with fewer cells than headers; struck: lines
    with a text that is struck through; nameless: cells in columns without a header; void: remarks that may say that
    their row is void; rows: number of rows of data; ids: case id → hash of its row; clashing: case ids with different
    rows; spelt: folded code → its first spelling; alike: folded code → codes that differ only in case or blanks.
    """

    bare: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    scores: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    days: int = 0
    departments: dict[tuple[str, str], int] = field(default_factory=dict)
    subs: dict[str, set[str]] = field(default_factory=dict)
    noted: dict[tuple[str, str], str] = field(default_factory=dict)
    rival_values: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    passed: dict[str, list[Passed]] = field(default_factory=dict)
    short: list[int] = field(default_factory=list)
    struck: list[int] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)
    void: list[str] = field(default_factory=list)
    rows: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    spelt: dict[str, str] = field(default_factory=dict)
    alike: dict[str, set[str]] = field(default_factory=dict)
    clashing: set[str] = field(default_factory=set)

    @property
    def several(self) -> bool:
        """Return whether an item has several 业务办理项; rows without 实施编码 belong to the item of the row above."""
        return any(len(subs) > 1 for subs in self.subs.values()) or (len(self.subs) > 1 and "" in self.subs)


def survey(
    layouts: Sequence[Layout],
    reader_of: Callable[[Layout], SheetReader],
    department_of: Callable[[str], str],
    known: Mapping[str, Timeline],
    progress: Callable[[int], None] = lambda _: None,
) -> Survey:
    """Walk over all rows once and return what is questionable.

    reader_of: returns the reader of a table; department_of: returns the department of an item by its code; known: the
    stored catalogue; progress: is called with the number of rows just done.
    """
    found = Survey()
    for layout in layouts:
        looks = list(_looks(layout, reader_of(layout), found, department_of, known))
        if layout.sheet.separated:
            looks.append(_short_look(layout, found))
        if layout.nameless:
            looks.append(_nameless_look(layout, found))
        looks += [_void_look(column, found) for column in layout.remarks]
        _read_note(found, layout.name, [passed.text for passed in layout.titles])
        for row in layout.rows():
            if isinstance(row, Passed):
                found.passed.setdefault(layout.name, []).append(row)
                if row.why is NOTE:
                    _read_note(found, layout.name, [row.text])
                continue
            found.rows += 1
            if row.line - 1 in layout.sheet.struck_rows and len(found.struck) < _EXAMPLES:
                found.struck.append(row.line)
            if found.rows % 1000 == 0:
                progress(1000)
            for look in looks:
                look(row)
    return found


def _read_note(found: Survey, table: str, texts: Sequence[str]) -> None:
    """Find units of limits in notes: `注：时限均为工作日` is for all limits, `承诺时限为自然日` for promised ones."""
    for text in texts:
        unit = unit_in(text) if "时限" in text or "期限" in text or "单位" in text else ""
        if not unit:
            continue
        both_named = "法定" in text and "承诺" in text
        names = [name for name, word in (("statutory_days", "法定"), ("promised_days", "承诺")) if word in text]
        for name in names if names and not both_named else ("statutory_days", "promised_days"):
            known = found.noted.setdefault((table, name), unit)
            found.noted[table, name] = unit if known == unit else ""


Look = Callable[[Row], None]


def _looks(
    layout: Layout,
    reader: SheetReader,
    found: Survey,
    department_of: Callable[[str], str],
    known: Mapping[str, Timeline],
) -> Iterator[Look]:
    """Yield the functions that look at each row, as the table's columns require."""
    if "item_code" in layout.fields:
        yield _number_look(layout.fields["item_code"], found, known)
    yield from (_bare_look(reader, name, found) for name in _LIMITS if _has_no_unit(reader, name))
    if "score" in layout.fields:
        yield _score_look(reader, found)
    if "department" in layout.fields and "department" not in reader.profile.joined:
        yield _department_look(reader, found, department_of)
    yield from _looks_of_kind(layout, reader, found, known)
    for name, rivals in layout.rivals.items():
        yield _rival_look(layout, name, rivals, found)


def _looks_of_kind(layout: Layout, reader: SheetReader, found: Survey, known: Mapping[str, Timeline]) -> Iterator[Look]:
    """Yield the looks for the table's kind: case ids of cases, or codes and first days of items; none for figures."""
    if "case_id" in layout.fields:
        yield _twice_look(reader, found)
        yield _alike_look(layout.fields["case_id"], found)
        yield _number_look(layout.fields["case_id"], found, {})
    elif "numerator" not in layout.fields:
        if "item_code" in layout.fields:
            found.spelt.update((alike_key(code), code) for code in known)
            yield _alike_look(layout.fields["item_code"], found)
        if "sub_code" in layout.fields:
            yield _sub_look(reader, found)
        yield _day_look(reader, found)


def _has_no_unit(reader: SheetReader, name: str) -> bool:
    is_there = name in reader.layout.fields
    return is_there and not reader.unit_of_header(name) and name not in reader.decisions.units


def _short_look(layout: Layout, found: Survey) -> Look:
    width = layout.width

    def look(row: Row) -> None:
        if len(row.cells) < width and len(found.short) < _EXAMPLES and not isinstance(row.cells[0], Broken):
            found.short.append(row.line)

    return look


def _nameless_look(layout: Layout, found: Survey) -> Look:
    columns = layout.nameless

    def look(row: Row) -> None:
        for column in columns:
            if len(found.nameless) < _EXAMPLES and not is_empty(row.cell(column.index)):
                found.nameless.append(f"{column.letter}{row.line} {text_of(row.cell(column.index))[:20]}")

    return look


def _void_look(column: Column, found: Survey) -> Look:
    index = column.index
    seen: dict[Cell, bool] = {}

    def look(row: Row) -> None:
        cell = row.cell(index)
        if cell is None or len(found.void) >= _EXAMPLES:
            return
        void = seen.get(cell)
        if void is None:
            void = seen[cell] = says_void(column.header, text_of(cell))
        if void:
            found.void.append(f"第 {row.line} 行 {column.header}“{text_of(cell)[:20]}”")

    return look


def _bare_look(reader: SheetReader, name: str, found: Survey) -> Look:
    index, unit = reader.layout.fields[name], reader.layout.fields.get(reader.unit_field(name))
    seen: set[object] = set()
    key = (reader.layout.name, name)

    def look(row: Row) -> None:
        cell = row.cell(index)
        if cell is None or cell in seen or (unit is not None):
            return
        seen.add(cell)
        try:
            parse_limit(cell)
        except BadLimit as bad:
            if bad.problem is LimitProblem.NO_UNIT:
                examples = found.bare.setdefault(key, [])
                if len(examples) < _EXAMPLES:
                    examples.append(text_of(cell))

    return look


def _score_look(reader: SheetReader, found: Survey) -> Look:
    index = reader.layout.fields["score"]
    sure = SURE_SCORES.search(reader.column("score").header) if reader.column("score") else None  # type: ignore[union-attr]
    asked = not sure and reader.decisions.ratings is None
    own = reader.words.get("score", {})
    seen: set[Cell] = set()

    def look(row: Row) -> None:
        cell = row.cell(index)
        if cell is None or cell in seen:
            return
        seen.add(cell)
        word = word_of(cell)
        if word in own or not word:
            return
        if is_bare_score(word):
            if asked and len(found.scores) < _EXAMPLES:
                found.scores.append(word)
        elif word[0].isdigit() and len(found.beyond) < _EXAMPLES and is_other_scale(word):
            found.beyond.append(word)

    return look


def _department_look(reader: SheetReader, found: Survey, department_of: Callable[[str], str]) -> Look:
    index, item = reader.layout.fields["department"], reader.layout.fields.get("item_code")

    seen: dict[tuple[Cell, Cell], tuple[str, str] | None] = {}

    def understood(cell: Cell, of_item: Cell) -> tuple[str, str] | None:
        written = text_of(cell)
        if not written or says_nothing(word_of(written)) or is_ditto(written):
            return None
        return written, department_of(text_of(of_item)) if item is not None else ""

    def look(row: Row) -> None:
        cells = (row.cell(index), row.cell(item))
        if cells not in seen:
            seen[cells] = understood(*cells)
        key = seen[cells]
        if key is not None:
            found.departments[key] = found.departments.get(key, 0) + 1

    return look


def _number_look(index: int, found: Survey, known: Mapping[str, Timeline]) -> Look:
    whole = {code.lstrip("0") for code in known}

    def look(row: Row) -> None:
        cell = row.cell(index)
        if isinstance(cell, str):
            return
        if isinstance(cell, int | float) and not isinstance(cell, bool) and cell == int(cell) and 0 <= cell < 1e15:
            code = text_of(cell)
            if code not in whole and len(found.numbers) < _EXAMPLES:
                found.numbers.append(code)

    return look


def _sub_look(reader: SheetReader, found: Survey) -> Look:
    item, sub = reader.layout.fields.get("item_code"), reader.layout.fields["sub_code"]

    def look(row: Row) -> None:
        code = text_of(row.cell(sub))
        if code:
            found.subs.setdefault(text_of(row.cell(item)), set()).add(code)

    return look


def _twice_look(reader: SheetReader, found: Survey) -> Look:
    index = reader.layout.fields["case_id"]
    read = picker([at for at in reader.read if at != index])

    def look(row: Row) -> None:
        try:
            key = code_of(row.cell(index))
        except SpoiltCode:
            return
        content = hash(read(row.cells))
        if key and found.ids.setdefault(key, content) != content:
            found.clashing.add(key)

    return look


def _alike_look(index: int, found: Survey) -> Look:
    def look(row: Row) -> None:
        cell = row.cell(index)
        if cell is None or isinstance(cell, Broken):
            return
        try:
            code = code_of(cell)
        except SpoiltCode:
            return
        key = alike_key(code)
        if found.spelt.setdefault(key, code) != code:
            found.alike.setdefault(key, {found.spelt[key]}).add(code)

    return look


def alike_key(code: str) -> str:
    """Return a code without differences that may be mere misspellings: case, blanks and kinds of dashes."""
    return code.lower() if code.isascii() and " " not in code else _DASHES.sub("-", folded(code))


_DASHES = re.compile("[‐‑‒–—―−]+")


def _day_look(reader: SheetReader, found: Survey) -> Look:
    index = reader.layout.fields.get("effective_from")

    def look(row: Row) -> None:
        if is_empty(row.cell(index)):
            found.days += 1

    return look


def _rival_look(layout: Layout, name: str, rivals: Sequence[Column], found: Survey) -> Look:
    key = (layout.name, name)

    def look(row: Row) -> None:
        texts = {text for column in rivals if (text := text_of(row.cell(column.index)))}
        if len(texts) > 1 and key not in found.rival_values:
            found.rival_values[key] = [text_of(row.cell(column.index)) for column in rivals]

    return look
