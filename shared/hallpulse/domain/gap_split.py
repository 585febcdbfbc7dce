"""Split the gap of a target exactly into the parts that make up its figure, such as departments or items.

A figure n/D lies Σ(n_i − g·d_i)/D above the goal g, over all its parts n_i/d_i: the share of each part is what it adds
to the gap. A count has no denominator: a part adds its number, and the goal is a row at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from .figures import Figure
from .plan import Target

RowKind = Literal["part", "rest", "goal"]


class PartKey(NamedTuple):
    """A department, or an item in a department; empty for what belongs to none."""

    department: str = ""
    item_code: str = ""


NO_PART = PartKey()


class PartFigure(NamedTuple):
    """A part of a figure. name: of an item, as its catalogue has it."""

    key: PartKey
    figure: Figure
    name: str = ""


@dataclass(frozen=True, slots=True)
class GapRow:
    """A row of a split. share: what it adds to the gap, negative if it lowers the result; None without a gap.

    kind: `part`; `rest` for what is listed nowhere else: `parts` parts too many to list, and what belongs to no part;
    `goal` for the goal of a count, which no part carries.
    """

    kind: RowKind
    figure: Figure
    share: Fraction | None
    key: PartKey = NO_PART
    name: str = ""
    parts: int = 0


@dataclass(frozen=True, slots=True)
class GapSplit:
    """A figure, its goal, its gap, and the rows whose shares add up to the gap exactly; the worst rows first."""

    whole: Figure
    goal: Fraction | None
    gap: Fraction | None
    rows: Sequence[GapRow]


def split_gap(target: Target, whole: Figure, goal: Fraction | None, parts: Sequence[PartFigure], most: int) -> GapSplit:
    """Return the split of the whole figure's gap. most: the most parts that are listed; the others are in the rest."""
    split = _Split(whole, goal, count=target.unit == "count", sign=-1 if target.rule.less_is_better else 1)
    rows = [GapRow("part", one.figure, split.share(one.figure), one.key, one.name) for one in parts]
    rows.sort(key=lambda row: (-abs(split.weight(row.figure)), row.key))
    listed, cut = rows[:most], rows[most:]
    listed.sort(key=lambda row: (split.weight(row.figure), row.key))
    left = whole
    for row in listed:
        left = Figure(left.numerator - row.figure.numerator, left.denominator - row.figure.denominator)
    left = Figure(left.numerator, 0) if split.count else left
    if cut or left.numerator or left.denominator:
        listed.append(GapRow("rest", left, split.share(left), parts=len(cut)))
    if split.count and split.gap is not None and goal is not None:
        listed.append(GapRow("goal", Figure(0, 0), -goal * split.sign))
    return GapSplit(whole, goal, split.gap, listed)


@dataclass(frozen=True, slots=True)
class _Split:
    whole: Figure
    goal: Fraction | None
    count: bool
    sign: int

    @property
    def gap(self) -> Fraction | None:
        value = self.whole.value
        return None if value is None or self.goal is None else self.sign * (value - self.goal)

    def share(self, part: Figure) -> Fraction | None:
        return None if self.gap is None else self.weight(part)

    def weight(self, part: Figure) -> Fraction:
        """Return the part's share; without a gap, its size, by which parts are put in order."""
        if self.gap is None or self.goal is None:
            return Fraction(part.numerator + part.denominator)
        if self.count:
            return Fraction(self.sign * part.numerator)
        return self.sign * (part.numerator - self.goal * part.denominator) / Fraction(self.whole.denominator)


def department_parts(figures: Mapping[str, Figure]) -> list[PartFigure]:
    """Return the parts of departments that have anything to count. figures: by department."""
    return [PartFigure(PartKey(name), one) for name, one in figures.items() if one.numerator or one.denominator]
