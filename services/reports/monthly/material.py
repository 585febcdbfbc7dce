"""What a report is made of: figures of one moment, and the plan that they are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from hallpulse.domain.figures import FigureTable, Window
from hallpulse.domain.integrity import Check
from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.plan import Plan


class Coverage(Protocol):
    """How many halls there are, how many reported in the window, and its newest event (microseconds, UTC)."""

    @property
    def halls(self) -> int: ...

    @property
    def reporting(self) -> int: ...

    @property
    def newest(self) -> int | None: ...


class Found(Protocol):
    """What an integrity check found; rows: the first of its findings, by their names."""

    @property
    def check(self) -> Check: ...

    @property
    def count(self) -> int: ...

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Material:
    """All of it as the database held it at one moment.

    month: whole; window: its days up to `compiled_on`, of which the figures speak; compiled: microseconds since
    1970-01-01 UTC; tables: those that the plan's targets need on the window's last day and a month earlier; in_month,
    earlier: of the window, and of the last day before the month; percentiles: of the elapsed days in the window;
    open_cases: department → state → cases on the day of writing; coverage: of the window, and of the plan's period.
    """

    plan: Plan
    month: Window
    window: Window
    compiled: int
    compiled_on: date
    tables: Mapping[date, FigureTable]
    in_month: FigureTable
    earlier: FigureTable
    percentiles: Mapping[str, int | None]
    open_cases: Mapping[str, Mapping[str, int]]
    changes: Sequence[ItemChange]
    coverage: Coverage
    period_coverage: Coverage
    findings: Sequence[Found]
    provisional: Sequence[int]

    @property
    def before(self) -> date:
        return day_before(self.month)


def day_before(window: Window) -> date:
    return window.start - timedelta(days=1)
