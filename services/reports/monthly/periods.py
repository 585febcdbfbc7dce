"""The period of a report: a month, a quarter or a year, and the periods with which it is compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Window, days_of

_YEAR = r"(199[0-9]|2[01][0-9]{2}|22[0-4][0-9]|2250)"
_MONTH, _QUARTER, _WHOLE_YEAR = (re.compile(_YEAR + rest).fullmatch for rest in (r"-(0[1-9]|1[0-2])", r"-Q([1-4])", ""))
Kind = Literal["month", "quarter", "year"]
KINDS = {
    "month": Sentence("月报", "monthly report"),
    "quarter": Sentence("季报", "quarterly report"),
    "year": Sentence("年报", "annual report"),
}
THIS = {"month": Sentence("当月", "the month"), "quarter": Sentence("当季", "the quarter"),
        "year": Sentence("全年", "the year")}  # fmt: skip
BEFORE = {"month": Sentence("上月", "the month before"), "quarter": Sentence("上季", "the quarter before"),
          "year": Sentence("上年", "the year before")}  # fmt: skip
NEXT = {"month": Sentence("下月", "the next month"), "quarter": Sentence("下季", "the next quarter"),
        "year": Sentence("下年", "the next year")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """A whole month, quarter or year. text: 2026-05, 2026-Q2 or 2026."""

    text: str
    kind: Kind
    window: Window

    @property
    def name(self) -> Sentence:
        start = self.window.start
        if self.kind == "month":
            return Sentence(f"{start.year}年{start.month}月", self.text)
        if self.kind == "quarter":
            return Sentence(f"{start.year}年第{_quarter(start)}季度", self.text)
        return Sentence(f"{start.year}年", self.text)

    @property
    def previous(self) -> Period:
        """Return the month, quarter or year right before this one."""
        return period_on(self.kind, self.window.start - timedelta(days=1))

    @property
    def next(self) -> Period:
        return period_on(self.kind, self.window.end + timedelta(days=1))

    @property
    def year_before(self) -> Period:
        return period_on(self.kind, self.window.start.replace(year=self.window.start.year - 1))


def period_on(kind: Kind, day: date) -> Period:
    """Return the month, quarter or year that contains a day."""
    text = f"{day:%Y-%m}" if kind == "month" else f"{day.year}-Q{_quarter(day)}" if kind == "quarter" else str(day.year)
    return period_of(text)


def period_of(text: str) -> Period:
    """Return the period that a text names. Raise ValueError if it is neither YYYY-MM nor YYYY-Qn nor YYYY."""
    forms: tuple[tuple[Kind, Callable[[str], object]], ...] = (
        ("month", _MONTH), ("quarter", _QUARTER), ("year", _WHOLE_YEAR)
    )  # fmt: skip
    for kind, fits in forms:
        if fits(text):
            return Period(text, kind, days_of(text))
    raise ValueError(f"month: expected YYYY-MM such as 2023-05, a quarter such as 2023-Q2 or a year, got {text!r}")


def _quarter(day: date) -> int:
    return (day.month + 2) // 3


def a_year_earlier(day: date) -> date:
    """Return the same day a year before; for 29 February, return 28 February."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
