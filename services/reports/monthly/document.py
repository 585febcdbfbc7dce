"""A report in words and tables, of which every format shows the same."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from hallpulse.contract.reasons import Sentence

Unit = Literal["share", "points", "days", "count"]
"""How a number is counted: a part of 1, the difference of two such parts, days, or pieces."""


class Tone(enum.StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Cell:
    """text, and below it in small letters its English, or what a figure is made of.

    number and unit: for a reader that counts with it; parts: the figure's numerator and denominator.
    """

    text: str
    small: str = ""
    number: Fraction | None = None
    unit: Unit = "count"
    parts: tuple[int, int] | None = None
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column.

    width: relative to the table's others; figure: its cells have parts; left: texts rather than numbers.
    """

    head: Sentence
    width: int
    figure: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report. caption: over which days, by how many halls, how fresh; total: the last row sums up."""

    title: Sentence
    caption: Sentence
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the report. quiet: a remark rather than a statement."""

    text: Sentence
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    head: Sentence
    blocks: tuple[Paragraph | Table, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report as words and tables. facts: name and content of what stands at the head."""

    title: Sentence
    subtitle: Sentence
    facts: tuple[tuple[Sentence, Sentence], ...]
    sections: tuple[Section, ...]
    closing: Sentence
