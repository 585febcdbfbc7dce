"""The common form of every kind of table file: a book of sheets, whose rows can be read repeatedly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .cells import Cell


class Span(NamedTuple):
    """A range of merged cells: its first and last row and column, counted from 0 and both included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def _no_merges() -> Sequence[Span]:
    return ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a book.

    rows: returns a new iterator over (line, cells), with lines numbered as in a spreadsheet program; height: about how
    many rows there are, for a progress bar; hidden_rows, hidden_columns, struck_rows: counted from 0, the last with a
    text that is struck through; since_1904: whether days count from 1904; computed: number of formulas whose stored
    result is read; separated: whether it is a text file with separators, whose rows may lack some.
    """

    name: str
    rows: Callable[[], Iterator[tuple[int, list[Cell]]]]
    height: int = 0
    visible: bool = True
    merges: Callable[[], Sequence[Span]] = field(default=_no_merges)
    hidden_rows: frozenset[int] = frozenset()
    struck_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    since_1904: bool = False
    computed: int = 0
    separated: bool = False


@dataclass(slots=True)
class Details:
    """Facts about a sheet that python-calamine does not tell and that are read from the parts of the workbook.

    Rows and columns count from 0. cells: (row, column) → the cell to use instead, for errors and formulas without a
    result, which python-calamine gives as empty cells; patterns: (row, column) → number format, if that shows more than
    the number; struck_rows: rows with a text that is struck through; computed: number of formulas with a stored result.
    """

    hidden_rows: set[int] = field(default_factory=set)
    struck_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    patterns: dict[tuple[int, int], str] = field(default_factory=dict)
    since_1904: bool = False
    computed: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """An open file. encoding: the encoding of a text file, otherwise empty."""

    path: Path
    sheets: Sequence[Sheet]
    encoding: str = ""


BUILT_IN = {"9": "0%", "10": "0.00%", **dict.fromkeys(("17", "27", "36", "50", "52", "57"), "yyyy-mm")}
"""Built-in number formats, which no file spells out, that show more than the number or less than the date."""


def tells(pattern: str) -> bool:
    """Return whether a number format changes what a cell means, as `0"个工作日"`, `0000`, `0%` and `yyyy-mm` do."""
    if re.fullmatch(r"0{2,}", pattern) or "%" in re.sub(r'"[^"]*"', "", pattern) or shows_a_month(pattern):
        return True
    plain = re.sub(r"\[[^\]]*\]", "", pattern)
    return bool(re.search(r"[\u4e00-\u9fff]|\"[^\"]+\"", plain)) and not re.search(
        r"[ymdhsYMDHS]", re.sub(r'"[^"]*"', "", plain)
    )


def shows_a_month(pattern: str) -> bool:
    """Return whether a number format shows only year and month of a date: perhaps no day was typed."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", pattern.split(";", maxsplit=1)[0])
    return set(bare.lower()) & set("ymdhs") == {"y", "m"}
