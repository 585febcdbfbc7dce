"""Marks: the findings that a figure gains from, each with the figure without them, for any indicator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .compression import COMPRESSION, ItemLimits, parts_of
from .figures import Figure
from .integrity import BY_ID, CHANGED_LIMIT

RAISED, NONE_LIKE = "statutory_raised", "limit_looks_like_none"
DOUBTED = (NONE_LIKE, RAISED)
"""Checks whose findings make the ratio look better."""


class Doubt(NamedTuple):
    """An effective item that makes the ratio look better than the service became.

    check: id of the integrity check; was, now: statutory days to compare with (None: without the item) and in force;
    shortened, statutory: working days that the doubt adds to the two parts of the ratio.
    """

    check: str
    item: ItemRef
    department: str
    was: int | None
    now: int
    shortened: int
    statutory: int


class ItemRef(NamedTuple):
    """An item of a county, and its name."""

    region: int
    item_code: str
    name: str


def doubt(check: str, item: ItemRef, limits: ItemLimits, was: int | None) -> Doubt:
    """Return a doubt about an item's limits.

    limits: in force; was: the statutory limit to compare with, None to compare with the catalogue without the item.
    """
    held, instead = limits.parts, parts_of(was or 0, limits)
    now = limits.statutory_days or 0
    return Doubt(check, item, limits.department, was, now, held[0] - instead[0], held[1] - instead[1])


@dataclass(frozen=True, slots=True)
class Mark:
    """The findings of one check that a figure gains from: the check's id, their number, the figure without them."""

    check: str
    findings: int
    without: Figure


def marks_of(figure: Figure, doubts: Iterable[Doubt], department: str | None = None) -> tuple[Mark, ...]:
    """Return one mark for each check that the figure gains from, in the order of the checks' ids.

    doubts: of the figure's region; department: if given, only its doubts are taken.
    """
    own = [one for one in doubts if department in (None, one.department)]
    found = (
        _mark(figure, check, [one for one in own if one.check == check]) for check in sorted({d.check for d in own})
    )
    return tuple(mark for mark in found if gains(figure, mark.without))


def without(figure: Figure, marks: Iterable[Mark]) -> Figure:
    """Return the figure without all marked findings."""
    parts = (
        (mark.without.numerator - figure.numerator, mark.without.denominator - figure.denominator) for mark in marks
    )
    return sum((Figure(*part) for part in parts), figure)


def _mark(figure: Figure, check: str, doubts: Sequence[Doubt]) -> Mark:
    shortened, statutory = sum(one.shortened for one in doubts), sum(one.statutory for one in doubts)
    return Mark(check, len(doubts), figure + Figure(-shortened, -statutory))


def gains(figure: Figure, without: Figure) -> bool:
    """Return whether a figure is better than the figure without some findings, or has a value only because of them."""
    return figure.value is not None and (without.value is None or figure.value > without.value)


class CaseDoubt(NamedTuple):
    """Cases of a department that a check found, and what they add to an indicator."""

    check: str
    indicator: str
    department: str
    cases: int
    numerator: int
    denominator: int


AnyDoubt = Doubt | CaseDoubt

QUESTIONING: Mapping[str, str] = {
    "rated_at_once": BY_ID["rated_at_once"].where or "",
    "suspended_on_eve": BY_ID["suspended_on_eve"].where or "",
    "limits_changed_after": CHANGED_LIMIT,
    "limit_looks_like_none": BY_ID["limit_looks_like_none"].where or "",
}
"""Check → the condition of its cases, for the checks whose findings make a figure of cases look better."""
TOUCHED: Mapping[str, tuple[str, ...]] = {
    "satisfaction": ("rated_at_once",),
    "rating_coverage": ("rated_at_once",),
    "promise_kept_rate": ("suspended_on_eve", "limits_changed_after"),
    "due_kept_rate": ("suspended_on_eve", "limits_changed_after"),
    "statutory_kept_rate": ("suspended_on_eve", "limit_looks_like_none"),
    "actual_compression": ("suspended_on_eve", "limit_looks_like_none"),
}
"""Indicator → the checks that question it."""


def marks_on(
    indicator: str, figure: Figure, doubts: Sequence[AnyDoubt], department: str | None = None
) -> tuple[Mark, ...]:
    """Return one mark for each check that the figure gains from, in the order of the checks' ids.

    doubts: of the figure's region and window; department: if given, only its doubts are taken.
    """
    if indicator == COMPRESSION:
        return marks_of(figure, [one for one in doubts if isinstance(one, Doubt)], department)
    own = [
        one
        for one in doubts
        if isinstance(one, CaseDoubt) and one.indicator == indicator and department in (None, one.department)
    ]
    found = (
        _case_mark(figure, check, [one for one in own if one.check == check])
        for check in sorted({d.check for d in own})
    )
    return tuple(mark for mark in found if gains(figure, mark.without))


def _case_mark(figure: Figure, check: str, doubts: Sequence[CaseDoubt]) -> Mark:
    above, below = sum(one.numerator for one in doubts), sum(one.denominator for one in doubts)
    return Mark(check, sum(one.cases for one in doubts), figure + Figure(-above, -below))
