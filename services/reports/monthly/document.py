"""A report as texts, tables and charts, the same for every file format."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Literal

from hallpulse.contract.reasons import Sentence
from hallpulse.display import difference

Unit = Literal["share", "points", "days", "count", "about"]
"""A number's unit: a share (0 to 1), the difference of two shares, days, a count, or a rounded count."""
Language = Literal["zh", "both"]
"""Chinese alone, or Chinese with English below it."""
LANGUAGES: tuple[Language, ...] = ("zh", "both")


MOST_UNPARTED = 6
"""Most rows of a table that is kept on one page: more would leave too much of the page before it blank."""


class Tone(enum.StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    text: what it shows; small: below it in small letters, the parts of a figure or a remark; number, unit: its value,
    for a workbook that calculates; parts: the figure's numerator and denominator; en: the text in English.
    """

    text: str
    small: str = ""
    number: Fraction | None = None
    unit: Unit = "count"
    parts: tuple[int, int] | None = None
    tone: Tone = Tone.PLAIN
    en: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column.

    width: relative to the widths of the table's other columns; figure: whether its cells have parts; left: whether it
    holds texts rather than numbers; key: its name in the table's formulas; formula: how a workbook computes its cells
    from others of the row, such as "value - goal".
    """

    head: Sentence
    width: int
    figure: bool = False
    left: bool = False
    key: str = ""
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report.

    caption: the days that it covers, the number of reporting halls and the newest event; total: whether the last row is
    the total; queries: for each row, the gateway's request that returns its figures, empty if no row has one.
    """

    title: Sentence
    caption: Sentence
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: bool = False
    queries: tuple[str, ...] = ()

    @property
    def short(self) -> bool:
        """Return whether the table is short enough to be kept on one page."""
        return len(self.rows) <= MOST_UNPARTED


def evened(table: Table) -> Table:
    """Return the table with the same number of decimals in all points of a column, since readers add them up."""
    cells = [[cell for cell in column if cell.unit == "points"] for column in zip(*table.rows, strict=True)]
    places = [max((places_of(cell) for cell in column), default=0) for column in cells]
    rows = (tuple(map(_with_places, row, places)) for row in table.rows)
    return replace(table, rows=tuple(rows)) if table.rows else table


def places_of(cell: Cell) -> int:
    """Return the number of decimals that a cell's text shows."""
    return len(cell.text.partition(".")[2])


def _with_places(cell: Cell, places: int) -> Cell:
    return replace(cell, text=difference(cell.number, "share", places)) if cell.unit == "points" else cell


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart. goal: the value at which the chart marks the goal."""

    label: Sentence
    value: Fraction
    goal: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of bars with one unit. value, goal: the names of the bars and of the marks in the key."""

    title: Sentence
    unit: Unit
    value: Sentence
    goal: Sentence
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the report. quiet: whether it is a remark, in smaller letters."""

    text: Sentence
    quiet: bool = False


Block = Paragraph | Table | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report. Sections without anything to say are left out before the others are numbered."""

    head: Sentence
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Imprint:
    """The imprint of an official document: addressee, issuer, signer, date, recipients of copies, attachment."""

    to: Sentence
    issuer: Sentence
    signer: Sentence
    date: Sentence
    copies: Sentence
    attached: Sentence


@dataclass(frozen=True, slots=True)
class Document:
    """A report in the parts of an official document. facts: its basis, as pairs of name and content."""

    title: Sentence
    subtitle: Sentence
    facts: tuple[tuple[Sentence, Sentence], ...]
    opening: Sentence
    sections: tuple[Section, ...]
    imprint: Imprint
    closing: Sentence
    language: Language = "both"


def in_language(document: Document, language: Language) -> Document:
    """Return the document in Chinese alone, or unchanged for both languages."""
    return document if language == "both" else replace(_chinese(document), language=language)


def _chinese(value: Any) -> Any:
    """Return the value with the English removed from every sentence in it."""
    if isinstance(value, Sentence):
        return Sentence(value.zh, "")
    if isinstance(value, Cell):
        return replace(value, en="")
    if isinstance(value, tuple):
        return tuple(map(_chinese, value))
    if isinstance(value, Document | Section | Imprint | Paragraph | Table | Column | Chart | Bar):
        return replace(value, **{field.name: _chinese(getattr(value, field.name)) for field in fields(value)})
    return value
