"""Recognition of a table's header: the rows in which it stands, and its columns.

A header has one to three rows and may stand below a title. A sheet may have several tables, one below the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

from hallpulse.contract.reasons import Sentence

from .cells import Cell, is_empty, text_of
from .fields import Found, Vocabulary, doubtful, needs, plain_header
from .layout import TITLE, Column, Layout, Passed, shown
from .limits import BOTH_LIMITS, UNIT_NAMES, unit_in, unit_named
from .problems import TableError
from .sheets import Book, Sheet, Span

HEADER_ROWS = 30
"""Number of rows at the top of a sheet in which a header may begin."""
_HEADER_HEIGHT = 3
_LEAST_OF_A_HEADER = 3
"""Least number of fields that a row below the header must name to count as the header of another table."""


@dataclass(frozen=True, slots=True)
class NotRead:
    """A sheet that is not read, and why. nearly: whether it looks like a table that lacks a required column."""

    sheet: Sheet
    why: Sentence
    nearly: bool = False


def lay_out(book: Book, vocabulary: Vocabulary) -> list[Layout | NotRead]:
    """Return the tables of each sheet that are of the vocabulary's kind, or the reason why a sheet is not read."""
    return [layout for sheet in book.sheets for layout in _tables_of(sheet, vocabulary)]


def _tables_of(sheet: Sheet, vocabulary: Vocabulary) -> Iterator[Layout | NotRead]:
    """Yield the tables of a sheet; each further header begins a new one, whose columns may mean something else."""
    first = layout_of(sheet, vocabulary)
    starts = _other_headers(first, vocabulary) if isinstance(first, Layout) else []
    if not starts:
        yield first
        return
    for begin, end in pairwise([0, *starts, None]):
        yield layout_of(replace(sheet, rows=partial(_between, sheet, begin or 0, end)), vocabulary)


def _between(sheet: Sheet, begin: int, end: int | None) -> Iterator[tuple[int, list[Cell]]]:
    return ((line, cells) for line, cells in sheet.rows() if begin <= line and (end is None or line < end))


def _other_headers(layout: Layout, vocabulary: Vocabulary) -> list[int]:
    """Return the lines below a table's header in which the header of another table begins."""
    usual = vocabulary.usual
    own = [text_of(column.header) for column in layout.columns]
    found: list[int] = []
    for line, cells in layout.sheet.rows():
        if line <= layout.header[-1] or usual.isdisjoint(cells):
            continue
        texts = [text_of(cell) for cell in cells]
        again = texts[: len(own)] == own[: len(texts)]
        if not again and vocabulary.score(cells) >= _LEAST_OF_A_HEADER and not any(map(_is_value, cells)):
            found.append(line)
    return found


def _is_value(cell: Cell) -> bool:
    return not (cell is None or isinstance(cell, str)) or (isinstance(cell, str) and cell[:1].isdigit())


def layout_of(sheet: Sheet, vocabulary: Vocabulary) -> Layout | NotRead:
    if not sheet.visible:
        return NotRead(sheet, Sentence("工作表是隐藏的", "the sheet is hidden"))
    top = list(islice(sheet.rows(), HEADER_ROWS + _HEADER_HEIGHT))
    if not any(not is_empty(cell) for _, cells in top for cell in cells):
        return NotRead(sheet, Sentence("工作表是空的", "the sheet is empty"))
    merges = sheet.merges()
    best: Layout | None = None
    for start in range(min(len(top), HEADER_ROWS)):
        if _is_label(top[start][1]):
            continue
        if vocabulary.score(top[start][1]) == 0 and not (
            start + 1 < len(top) and vocabulary.score(top[start + 1][1]) and _spans_from(merges, top[start][0] - 1)
        ):
            continue
        found = _header_at(sheet, vocabulary, top, start, merges)
        if best is None or (_fits(found, vocabulary), len(found.fields)) > (_fits(best, vocabulary), len(best.fields)):
            best = found
    return best if best is not None and _fits(best, vocabulary) else _lacking(sheet, vocabulary, best)


def _is_label(cells: Sequence[Cell]) -> bool:
    """Return whether a row is a single text with a colon, such as 单位：天 above a table; no header begins with one."""
    given = [text_of(cell) for cell in cells if not is_empty(cell)]
    return len(given) == 1 and bool(re.search("[:：]", given[0]))


def no_table(file: Path, layouts: Sequence[Layout | NotRead]) -> TableError:
    """Return the error of a file without a readable sheet; it says why each sheet cannot be read."""
    reasons = [layout for layout in layouts if isinstance(layout, NotRead)]
    if len(reasons) == 1:
        return TableError(file, reasons[0].why.zh, reasons[0].why.en)
    zh = "；".join(f"工作表“{one.sheet.name}”：{one.why.zh}" for one in reasons)
    return TableError(file, f"没有可读的工作表：{zh}", f"no header row with a table in any of {len(reasons)} sheets")


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
    """Return the header that begins at a row; it gets another row if that names more fields or units."""
    best = _built(sheet, vocabulary, top, start, 1, merges)
    for height in range(2, _HEADER_HEIGHT + 1):
        if start + height > len(top) or not _continues(top, start, height, best):
            break
        taller = _built(sheet, vocabulary, top, start, height, merges)
        names_units = len(taller.fields) == len(best.fields) and _units(taller) > _units(best)
        if len(taller.fields) > len(best.fields) or names_units or _spans_down(merges, top, start, height):
            best = taller
    return best


def _units(layout: Layout) -> int:
    return sum(bool(column.unit) for column in layout.columns if column.field in BOTH_LIMITS)


def _continues(top: Sequence[tuple[int, list[Cell]]], start: int, height: int, so_far: Layout) -> bool:
    """Return whether the next row could belong to the header: it has only texts, and none in an identifying column."""
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
    columns = _with_units_beside(columns)
    chosen, rivals = _chosen(columns)
    return Layout(
        sheet=sheet,
        header=lines,
        columns=columns,
        fields=chosen,
        rivals=rivals,
        titles=[Passed(line, TITLE, shown(cells)) for line, cells in top[:start] if shown(cells)],
        merges=_grouping_merges(merges, chosen, vocabulary, lines[-1]),
        torn=_torn(merges, chosen, vocabulary, lines[-1]),
        identity=sorted(chosen[name] for name in vocabulary.identity if name in chosen),
        twins=[[column.index for column in rivals[name]] for name in vocabulary.identity if name in rivals],
    )


def _spread(
    row: tuple[int, list[Cell]], merges: Sequence[Span], *, last: bool, below: Sequence[tuple[int, list[Cell]]], at: int
) -> list[str]:
    """Return the texts of a header row; the name of a group of columns is repeated in each of them.

    Merged cells tell the columns of a group; without any merge, the name is repeated to the right.
    """
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
    """Return a column with the field that its header names: the joined rows come first, then the last row alone.

    parts: the header's rows; one of them may be just a unit.
    """
    given = [part for position, part in enumerate(parts) if part and part not in parts[:position]]
    below = [unit for part in given[1:] if (unit := unit_named(part)) in UNIT_NAMES]
    words = [part for part in given if part in given[:1] or unit_named(part) not in UNIT_NAMES]
    header, joined = " ".join(given), "".join(words)
    for reading, group in _readings(words):
        found = vocabulary.field_of(reading) or _numbered(reading, vocabulary)
        if found is not None:
            unit = (unit_in("".join(given)) or "".join(below[:1])) if found.field.endswith("_days") else ""
            number = _NUMBERED.search(reading) if found.rank >= _AFTER_ALL else None
            doubts = (doubtful(joined), *(mark[0] for mark in (_OTHER.search(group), number) if mark))
            return Column(index, header, found.field, found.rank, unit, "、".join(filter(None, doubts)))
    return Column(index, header, None, unit=unit_in("".join(given)))


def _readings(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the ways to read a header of several rows, each with the group name that it leaves out."""
    yield "".join(words), ""
    if len(words) > 1:
        yield "".join((words[1], words[0], *words[2:])), ""
        yield "".join(reversed(words)), ""
        yield words[-1], "".join(words[:-1])


_OTHER = re.compile(
    "去年|上年|上[期月]|往年|同期|历史|旧|(改革|调整|压缩|变更|修改|优化)前|预计|计划|参考|示例|样例|国家|省级|市级|原(?![料材])"
)
"""Names of groups of columns that may be about something else, such as 去年 above 承诺时限."""
_NUMBERED = re.compile(r"(?<=[^\d.])[._（(]?([1-9])[)）]?$")


def _numbered(header: str, vocabulary: Vocabulary) -> Found | None:
    """Return the field of a repeated header that a program has numbered: 办结时间.1, 办结时间_2."""
    found = vocabulary.field_of(_NUMBERED.sub("", header)) if _NUMBERED.search(header) else None
    return None if found is None else Found(found.field, found.rank + _AFTER_ALL)


_AFTER_ALL = 1_000
"""Added to the rank of a numbered header, so that the header without a number comes first."""


def _with_units_beside(columns: Sequence[Column]) -> list[Column]:
    """Return the columns with each unit to the right of a limit assigned to that limit.

    A column such as 时限单位 stays the unit of both limits if it is the only unit and the other limit does not follow
    it. The header 单位, which elsewhere means a department, always means the unit here.
    """
    units = [column.index for column in columns if column.field == "limit_unit" or _is_unit(column)]
    fields = {column.index: column.field for column in columns}
    found = list(columns)
    for index in units:
        limit = fields.get(index - 1)
        own = len(units) > 1 or fields.get(index + 1) in BOTH_LIMITS or _is_unit(columns[index])
        if limit in BOTH_LIMITS and own:
            found[index] = replace(columns[index], field=str(limit).replace("_days", "_unit"))
    return found


def _is_unit(column: Column) -> bool:
    return plain_header(column.header) in ("单位", "计量单位")


def _chosen(columns: Sequence[Column]) -> tuple[dict[str, int], dict[str, list[Column]]]:
    """Return the column with the best name for each field, and all columns of each field that several of them name."""
    named: dict[str, list[Column]] = {}
    for column in columns:
        if column.field is not None:
            named.setdefault(column.field, []).append(column)
    chosen = {name: min(rivals, key=lambda column: (column.rank, column.index)).index for name, rivals in named.items()}
    return chosen, {name: rivals for name, rivals in named.items() if len(rivals) > 1}


def _grouping_merges(
    merges: Sequence[Span], fields: Mapping[str, int], vocabulary: Vocabulary, header: int
) -> dict[tuple[int, int], Span]:
    """Return the cells of vertical merges below the header, in columns where a merge groups rows."""
    grouping = {index for name, index in fields.items() if name in vocabulary.grouping}
    if "sub_code" in fields:
        grouping |= {fields[name] for name in ("item_code", "name") if name in fields}
    cells: dict[tuple[int, int], Span] = {}
    for span in merges:
        if span.first_row >= header and span.last_row > span.first_row and span.first_column in grouping:
            for row in range(span.first_row, span.last_row + 1):
                cells[row, span.first_column] = span
    return cells


def _torn(
    merges: Sequence[Span], fields: Mapping[str, int], vocabulary: Vocabulary, header: int
) -> frozenset[tuple[int, int]]:
    """Return the cells, other than a merge's first, in columns where a merge groups nothing: times, codes, statuses."""
    grouping = _grouping_merges(merges, fields, vocabulary, header)
    read = set(fields.values())
    return frozenset(
        (row, column)
        for span in merges
        if span.first_row >= header
        for row in range(span.first_row, span.last_row + 1)
        for column in range(span.first_column, span.last_column + 1)
        if (row, column) != span[:2] and column in read and (row, column) not in grouping
    )


def top_rows(book: Book) -> Iterator[Sequence[Cell]]:
    """Yield the top rows of each visible sheet, in which its header may stand."""
    for sheet in book.sheets:
        if sheet.visible:
            for _, cells in islice(sheet.rows(), HEADER_ROWS):
                yield cells
