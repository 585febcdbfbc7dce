"""The layout of a sheet: where its table begins, its columns, and its rows that are no data: titles, totals, notes.

A header may stand below a title, in one, two or three rows. Merged cells are read as what they group. Every row that is
not taken for data is named with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from hallpulse.contract.reasons import Sentence

from .cells import Broken, Cell, Formula, folded, is_empty, text_of
from .fields import Vocabulary, doubtful, needs
from .limits import unit_in
from .sheets import Book, Sheet, Span

HEADER_ROWS = 30
"""A header may stand below a title, but not farther down than this."""
_HEADER_HEIGHT = 3
_TOTAL = re.compile(r"(合计|总计|小计|共计|总数|累计|汇总|本页小计|total|subtotal|sum)[:]?")
_NOTE = re.compile(
    r"(备?注|说明|填表说明|填报说明|填表人|填报人|制表人?|审核人?|负责人|单位负责人|填报单位|填报日期|"
    r"联系人|联系电话|日期|注意)[:\d、.]?.*"
)
_SURE_NOTE = re.compile(_NOTE.pattern.replace("[:\\d、.]?", "[:]"))
_WORDY = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet. header: its rows joined; doubt: what its brackets say that may matter."""

    index: int
    header: str
    field: str | None
    rank: int = 0
    unit: str = ""
    doubt: str = ""

    @property
    def letter(self) -> str:
        """As a spreadsheet names it: A, B, … AA."""
        name, number = "", self.index + 1
        while number:
            number, rest = divmod(number - 1, 26)
            name = chr(65 + rest) + name
        return name


class Passed(NamedTuple):
    """A row that is no data: why, and what stands in it."""

    line: int
    why: Sentence
    text: str


TITLE = Sentence("标题", "title")
TOTAL = Sentence("合计行", "total")
NOTE = Sentence("备注或小标题", "note or heading")
HEADER_AGAIN = Sentence("重复的表头", "header repeated")


class Row(NamedTuple):
    """A row of data. line: as the file's own program numbers it; cells: all of it, merged ones filled."""

    line: int
    cells: Sequence[Cell]

    def cell(self, index: int | None) -> Cell:
        return self.cells[index] if index is not None and index < len(self.cells) else None


@dataclass(frozen=True, slots=True)
class Layout:
    """A sheet whose header was found. header: lines; fields: field → the column that is read for it.

    rivals: field → columns that name it too; titles: what stood above the header.
    """

    sheet: Sheet
    header: Sequence[int]
    columns: Sequence[Column]
    fields: Mapping[str, int]
    rivals: Mapping[str, Sequence[Column]]
    titles: Sequence[Passed]
    merges: Mapping[tuple[int, int], Span] = field(default_factory=dict)
    identity: Sequence[int] = ()

    def column(self, name: str) -> Column | None:
        """The column that is read for a field."""
        index = self.fields.get(name)
        return None if index is None else next(column for column in self.columns if column.index == index)

    def reading(self, fields: Mapping[str, int]) -> Layout:
        """Return the layout with other columns read."""
        return replace(self, fields=fields)

    @property
    def unused(self) -> list[Column]:
        read = set(self.fields.values())
        return [column for column in self.columns if column.index not in read and column.header]

    def rows(self) -> Iterator[Row | Passed]:
        """Every row below the header that is not empty."""
        last = self.header[-1]
        width = len(self.columns)
        above: dict[int, Cell] = {}
        own = [text_of(column.header) for column in self.columns]
        for line, cells in self.sheet.rows():
            if line <= last:
                continue
            filled = self._filled(line, cells, above) if self.merges else cells
            if self.rivals:
                filled = self._joined(filled)
            passed = self._passed(line, cells, own)
            if passed is not None:
                yield passed
            elif any(cell is not None and cell != "" for cell in cells):
                extra = len(cells) > width and any(not is_empty(cell) for cell in cells[width:])
                yield Row(line, [Broken("too wide"), *filled] if extra else filled)

    def _filled(self, line: int, cells: list[Cell], above: dict[int, Cell]) -> Sequence[Cell]:
        """A row with merged cells below the first given its value; above: values of the merges that are open."""
        filled = cells
        for column in range(len(self.columns)):
            span = self.merges.get((line - 1, column))
            if span is None:
                continue
            if span.first_row == line - 1:
                above[column] = cells[column] if column < len(cells) else None
            elif column in above:
                if filled is cells:
                    filled = list(cells) + [None] * (len(self.columns) - len(cells))
                filled[column] = above[column]
        return filled

    def _joined(self, cells: Sequence[Cell]) -> Sequence[Cell]:
        """A row in which an empty cell is taken from another column of the same field."""
        joined = list(cells)
        for name, rivals in self.rivals.items():
            index = self.fields[name]
            if index < len(joined) and is_empty(joined[index]):
                others = (joined[column.index] for column in rivals if column.index < len(joined))
                joined[index] = next((cell for cell in others if not is_empty(cell)), None)
        return joined

    def _passed(self, line: int, cells: Sequence[Cell], own: Sequence[str]) -> Passed | None:
        first = next((cell for cell in cells if not is_empty(cell)), None)
        if isinstance(first, str) and len(first) < 20:
            if _is_total(first) and sum(not is_empty(cell) for cell in cells) > 1:
                return Passed(line, TOTAL, _shown(cells))
            if first in own and [text_of(cell) for cell in cells][: len(own)] == own[: len(cells)]:
                return Passed(line, HEADER_AGAIN, _shown(cells))
        if first is None or isinstance(first, Formula | Broken):
            return None
        identified = any(index < len(cells) and not is_empty(cells[index]) for index in self.identity)
        if identified and not _may_be_note(first):
            return None
        given = [cell for cell in cells if not is_empty(cell)]
        if len(given) == 1 and len(self.columns) > 1:
            return Passed(line, NOTE, _shown(cells))
        sure = _SURE_NOTE if identified else _NOTE
        return Passed(line, NOTE, _shown(cells)) if sure.fullmatch(folded(text_of(first))) else None


@lru_cache(maxsize=4096)
def _may_be_note(first: Cell) -> bool:
    """Whether a text that stands where a row's code would could begin a note or a heading: no code is written so."""
    return isinstance(first, str) and _WORDY.search(first) is not None


@lru_cache(maxsize=4096)
def _is_total(text: str) -> bool:
    return _TOTAL.fullmatch(folded(text)) is not None


@dataclass(frozen=True, slots=True)
class NotRead:
    """A sheet that is not read, and why; nearly: a table that lacks only a required column."""

    sheet: Sheet
    why: Sentence
    nearly: bool = False


def lay_out(book: Book, vocabulary: Vocabulary) -> list[Layout | NotRead]:
    """Each sheet as a table of the vocabulary's kind, or why it is none."""
    return [layout_of(sheet, vocabulary) for sheet in book.sheets]


def layout_of(sheet: Sheet, vocabulary: Vocabulary) -> Layout | NotRead:
    if not sheet.visible:
        return NotRead(sheet, Sentence("工作表是隐藏的", "the sheet is hidden"))
    top = list(islice(sheet.rows(), HEADER_ROWS + _HEADER_HEIGHT))
    if not any(not is_empty(cell) for _, cells in top for cell in cells):
        return NotRead(sheet, Sentence("工作表是空的", "the sheet is empty"))
    merges = sheet.merges()
    best: Layout | None = None
    for start in range(min(len(top), HEADER_ROWS)):
        if vocabulary.score(top[start][1]) == 0 and not (
            start + 1 < len(top) and vocabulary.score(top[start + 1][1]) and _spans_from(merges, top[start][0] - 1)
        ):
            continue
        found = _header_at(sheet, vocabulary, top, start, merges)
        if best is None or (_fits(found, vocabulary), len(found.fields)) > (_fits(best, vocabulary), len(best.fields)):
            best = found
    return best if best is not None and _fits(best, vocabulary) else _lacking(sheet, vocabulary, best)


def _fits(found: Layout, vocabulary: Vocabulary) -> bool:
    return len(found.fields) > 1 and not needs(vocabulary, set(found.fields))


def _spans_from(merges: Sequence[Span], row: int) -> bool:
    return any(span.first_row <= row <= span.last_row for span in merges)


def _lacking(sheet: Sheet, vocabulary: Vocabulary, best: Layout | None) -> NotRead:
    missing = needs(vocabulary, set(best.fields) if best else set())
    listed = "、".join(missing)
    seen = "、".join(column.header for column in best.columns if column.header)[:200] if best else ""
    nearly = best is not None and len(best.fields) >= 3
    where = f"；第 {best.header[-1]} 行的列名是：{seen}" if best is not None and seen else ""
    return NotRead(
        sheet, Sentence(f"没有找到表头：缺少 {listed}{where}", f"no header row with {listed}"), nearly=nearly
    )


def _header_at(
    sheet: Sheet, vocabulary: Vocabulary, top: Sequence[tuple[int, list[Cell]]], start: int, merges: Sequence[Span]
) -> Layout:
    """The header that begins at a row: as many rows of it as name more fields than fewer would."""
    best = _built(sheet, vocabulary, top, start, 1, merges)
    for height in range(2, _HEADER_HEIGHT + 1):
        if start + height > len(top) or not _continues(top, start, height, best):
            break
        taller = _built(sheet, vocabulary, top, start, height, merges)
        if len(taller.fields) > len(best.fields) or _spans_down(merges, top, start, height):
            best = taller
    return best


def _continues(top: Sequence[tuple[int, list[Cell]]], start: int, height: int, so_far: Layout) -> bool:
    """Whether the next row could belong to the header: texts only, and nothing below what identifies a row."""
    cells = top[start + height - 1][1]
    below = [cells[index] for index in so_far.identity if index < len(cells)]
    given = [cell for cell in cells if not is_empty(cell)]
    texts = all(isinstance(cell, str) and not re.search(r"\d", cell) for cell in given)
    return bool(given) and texts and all(is_empty(cell) for cell in below)


def _spans_down(merges: Sequence[Span], top: Sequence[tuple[int, list[Cell]]], start: int, height: int) -> bool:
    first, last = top[start][0] - 1, top[start + height - 1][0] - 1
    return any(span.first_row == first and span.last_row == last for span in merges)


def _built(  # noqa: PLR0917 - the header's place and what surrounds it
    sheet: Sheet,
    vocabulary: Vocabulary,
    top: Sequence[tuple[int, list[Cell]]],
    start: int,
    height: int,
    merges: Sequence[Span],
) -> Layout:
    lines = [top[start + step][0] for step in range(height)]
    rows = [
        _spread(top[start + step], merges, last=step + 1 == height, below=top, at=start + step)
        for step in range(height)
    ]
    width = max(map(len, rows))
    columns = [_column(index, [row[index] for row in rows if index < len(row)], vocabulary) for index in range(width)]
    chosen, rivals = _chosen(columns)
    return Layout(
        sheet=sheet,
        header=lines,
        columns=columns,
        fields=chosen,
        rivals=rivals,
        titles=[Passed(line, TITLE, _shown(cells)) for line, cells in top[:start] if _shown(cells)],
        merges=_grouping_merges(merges, chosen, vocabulary, lines[-1]),
        identity=[chosen[name] for name in vocabulary.identity if name in chosen],
    )


def _spread(
    row: tuple[int, list[Cell]], merges: Sequence[Span], *, last: bool, below: Sequence[tuple[int, list[Cell]]], at: int
) -> list[str]:
    """Texts of a header row; a group's name is spread over its columns by the merge, or to the right where none is."""
    line, cells = row
    texts = [text_of(cell) for cell in cells]
    for span in merges:
        if span.first_row <= line - 1 <= span.last_row and span.first_column < len(texts):
            value = texts[span.first_column] if span.first_row == line - 1 else ""
            end = min(span.last_column, len(texts) - 1)
            texts[span.first_column : end + 1] = [value] * (end + 1 - span.first_column)
    if not last and not merges:
        under = [text_of(cell) for cell in below[at + 1][1]]
        for index in range(1, len(texts)):
            if not texts[index] and index < len(under) and under[index] and under[index - 1]:
                texts[index] = texts[index - 1]
    return texts


def _column(index: int, parts: Sequence[str], vocabulary: Vocabulary) -> Column:
    """A column by its header: its rows joined name the field better than the last alone."""
    given = [part for position, part in enumerate(parts) if part and part not in parts[:position]]
    joined = "".join(given)
    readings = [joined, *([given[-1], "".join(reversed(given))] if len(given) > 1 else [])]
    for reading in readings:
        found = vocabulary.field_of(reading)
        if found is not None:
            unit = unit_in(joined) if found.field.endswith("_days") else ""
            return Column(index, " ".join(given), found.field, found.rank, unit, doubtful(joined))
    return Column(index, " ".join(given), None)


def _chosen(columns: Sequence[Column]) -> tuple[dict[str, int], dict[str, list[Column]]]:
    """field → the column with the best name; and all columns of the fields that several name."""
    named: dict[str, list[Column]] = {}
    for column in columns:
        if column.field is not None:
            named.setdefault(column.field, []).append(column)
    chosen = {name: min(rivals, key=lambda column: (column.rank, column.index)).index for name, rivals in named.items()}
    return chosen, {name: rivals for name, rivals in named.items() if len(rivals) > 1}


def _grouping_merges(
    merges: Sequence[Span], fields: Mapping[str, int], vocabulary: Vocabulary, header: int
) -> dict[tuple[int, int], Span]:
    """Cells of vertical merges below the header, in columns where a merge groups rows."""
    grouping = {index for name, index in fields.items() if name in vocabulary.grouping}
    if "sub_code" in fields:
        grouping |= {fields[name] for name in ("item_code", "name") if name in fields}
    cells: dict[tuple[int, int], Span] = {}
    for span in merges:
        if span.first_row >= header and span.last_row > span.first_row and span.first_column in grouping:
            for row in range(span.first_row, span.last_row + 1):
                cells[row, span.first_column] = span
    return cells


def _shown(cells: Sequence[Cell]) -> str:
    return " ".join(text for cell in cells if (text := text_of(cell)))[:120]
