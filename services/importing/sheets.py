"""Every kind of file as it is read: a book of sheets, each a run of rows that can be walked through again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .cells import Cell


class Span(NamedTuple):
    """Merged cells: first and last row and column, from 0, both included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def _no_merges() -> Sequence[Span]:
    return ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. rows: (line, cells), lines as the file's own program numbers them; it may be walked through again.

    height: about how many rows there are, for a progress bar; hidden_rows, hidden_columns, struck_rows
    (with a text that is struck through): from 0; computed: formulas
    whose stored result is read; separated: a text with separators, whose rows may lack some.
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
    """Facts of one sheet in the parts of a workbook, which the reader library does not tell.

    Rows and columns count from 0. cells: (row, column) → what stands there instead: errors and formulas without a
    result, which it gives as empty cells; patterns: (row, column) → number format, where that shows more than the
    number.
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
    """An open file. encoding: of a text file, else empty."""

    path: Path
    sheets: Sequence[Sheet]
    encoding: str = ""


BUILT_IN = {"9": "0%", "10": "0.00%", **dict.fromkeys(("17", "27", "36", "50", "52", "57"), "yyyy-mm")}
"""Number formats without a text in the file that show more than the number, or less than the date."""


def tells(pattern: str) -> bool:
    """Return whether what a number format shows matters: `0"个工作日"`, `0000`, `0%`, `yyyy-mm`."""
    if re.fullmatch(r"0{2,}", pattern) or "%" in re.sub(r'"[^"]*"', "", pattern) or shows_a_month(pattern):
        return True
    plain = re.sub(r"\[[^\]]*\]", "", pattern)
    return bool(re.search(r"[\u4e00-\u9fff]|\"[^\"]+\"", plain)) and not re.search(
        r"[ymdhsYMDHS]", re.sub(r'"[^"]*"', "", plain)
    )


def shows_a_month(pattern: str) -> bool:
    """Return whether a number format shows year and month of a date and no day: what was typed may have had none."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", pattern.split(";", maxsplit=1)[0])
    return set(bare.lower()) & set("ymdhs") == {"y", "m"}
