"""A report in words, tables and charts, of which every format shows the same."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Literal

from hallpulse.contract.reasons import Sentence
from hallpulse.display import difference

Unit = Literal["share", "points", "days", "count", "about"]
"""How a number is counted: a part of 1, the difference of two such parts, days, pieces, or pieces in round numbers."""
Language = Literal["zh", "both"]
"""Chinese alone, or with English below it."""
LANGUAGES: tuple[Language, ...] = ("zh", "both")


MOST_UNPARTED = 6
"""Rows of a table that stay on one page: more would leave too much of the page before blank."""


class Tone(enum.StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Cell:
    """text, below it in small letters what a figure is made of, or a remark; en: its English.

    number and unit: for a reader that counts with it; parts: the figure's numerator and denominator.
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

    width: relative to the table's others; figure: its cells have parts; left: texts rather than numbers; key: its name
    in formulas of the same table; formula: how a workbook computes its cells from others of the row, such as
    "value - goal".
    """

    head: Sentence
    width: int
    figure: bool = False
    left: bool = False
    key: str = ""
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report. caption: over which days, by how many halls, how fresh; total: the last row sums up.

    queries: of each row the request that gives its figures again, none where it has none.
    """

    title: Sentence
    caption: Sentence
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: bool = False
    queries: tuple[str, ...] = ()

    @property
    def short(self) -> bool:
        """Whether it is so short that a page's end is not to part it."""
        return len(self.rows) <= MOST_UNPARTED


def evened(table: Table) -> Table:
    """The table with each column's points to as many decimals as the one that needs most: they are read as a sum."""
    cells = [[cell for cell in column if cell.unit == "points"] for column in zip(*table.rows, strict=True)]
    places = [max((places_of(cell) for cell in column), default=0) for column in cells]
    rows = (tuple(map(_with_places, row, places)) for row in table.rows)
    return replace(table, rows=tuple(rows)) if table.rows else table


def places_of(cell: Cell) -> int:
    """The decimals of a number as its text has them."""
    return len(cell.text.partition(".")[2])


def _with_places(cell: Cell, places: int) -> Cell:
    return replace(cell, text=difference(cell.number, "share", places)) if cell.unit == "points" else cell


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart. goal: the mark that it is held against."""

    label: Sentence
    value: Fraction
    goal: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of one unit. value, goal: what the bars and the marks are."""

    title: Sentence
    unit: Unit
    value: Sentence
    goal: Sentence
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the report. quiet: a remark rather than a statement."""

    text: Sentence
    quiet: bool = False


Block = Paragraph | Table | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report; it is numbered by its place among those that have anything to say."""

    head: Sentence
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Imprint:
    """The sender, the addressee, the signer and those who get copies; attached: what goes with it."""

    to: Sentence
    issuer: Sentence
    signer: Sentence
    date: Sentence
    copies: Sentence
    attached: Sentence


@dataclass(frozen=True, slots=True)
class Document:
    """A report in the parts of an official document. facts: name and content of what it rests on."""

    title: Sentence
    subtitle: Sentence
    facts: tuple[tuple[Sentence, Sentence], ...]
    opening: Sentence
    sections: tuple[Section, ...]
    imprint: Imprint
    closing: Sentence
    language: Language = "both"


def in_language(document: Document, language: Language) -> Document:
    """The document in Chinese alone, or as it is."""
    return document if language == "both" else replace(_chinese(document), language=language)


def _chinese(value: Any) -> Any:
    """Every sentence without its English, whatever holds it."""
    if isinstance(value, Sentence):
        return Sentence(value.zh, "")
    if isinstance(value, Cell):
        return replace(value, en="")
    if isinstance(value, tuple):
        return tuple(map(_chinese, value))
    if isinstance(value, Document | Section | Imprint | Paragraph | Table | Column | Chart | Bar):
        return replace(value, **{field.name: _chinese(getattr(value, field.name)) for field in fields(value)})
    return value
