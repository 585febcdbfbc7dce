"""Marks: the findings that a figure gains from, each with the figure without them, for any indicator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .compression import COMPRESSION, Doubt, Mark, gains, marks_of
from .figures import Figure
from .integrity import BY_ID, CHANGED_LIMIT


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
"""Check → the condition of its cases, of the checks whose findings make a figure of cases look better."""
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
    """One mark a check that the figure gains from, in order of the checks' ids.

    doubts: of the figure's region and window; department: to take those of that department alone.
    """
    if indicator == COMPRESSION:
        return marks_of(figure, [one for one in doubts if isinstance(one, Doubt)], department)
    own = [
        one
        for one in doubts
        if isinstance(one, CaseDoubt) and one.indicator == indicator and department in (None, one.department)
    ]
    found = (
        _mark(figure, check, [one for one in own if one.check == check]) for check in sorted({d.check for d in own})
    )
    return tuple(mark for mark in found if gains(figure, mark.without))


def _mark(figure: Figure, check: str, doubts: Sequence[CaseDoubt]) -> Mark:
    above, below = sum(one.numerator for one in doubts), sum(one.denominator for one in doubts)
    return Mark(check, sum(one.cases for one in doubts), figure + Figure(-above, -below))
