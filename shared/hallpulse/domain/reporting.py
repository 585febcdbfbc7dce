"""Monthly reports: the figures that a plan asks of each department for a month, their last day, and their timeliness.

A department's month is on time if all its figures had arrived by the end of the last day (Asia/Shanghai), late if some
came later, and missing while any is missing. It is due once the last day has passed.
"""

from __future__ import annotations

import calendar
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from .figures import Figure, Window

MONTHLY_REPORT = "monthly_report"
"""The indicator that is measured if a plan asks for monthly reports."""
Arrivals = Mapping[tuple[str, str, date], date]
"""(indicator, department, first day of the month) → the day on which the first report that can be right arrived."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A report that departments owe for every month from `since` (a month's first day) on. Ids are the plan's."""

    departments: tuple[str, ...]
    indicators: tuple[str, ...]
    since: date


@dataclass(frozen=True, slots=True)
class LaterDay:
    """An exception: the reports of the months from `first` to `last` (their first days) are due on one day."""

    first: date
    last: date
    by: date


@dataclass(frozen=True, slots=True)
class Reporting:
    """The reports that a plan asks for. by: the day of the next month on which they are due, itself included."""

    asks: tuple[Ask, ...]
    by: int
    exceptions: tuple[LaterDay, ...] = ()

    def last_day(self, month: date) -> date:
        """Return the last day on which the report of a month (given by its first day) is in time."""
        for exception in self.exceptions:
            if exception.first <= month <= exception.last:
                return exception.by
        return next_month(month).replace(day=self.by)

    def asked(self, department: str, month: date) -> tuple[str, ...]:
        """Return the indicators that a department reports for a month."""
        asks = (ask for ask in self.asks if department in ask.departments and ask.since <= month)
        return tuple(dict.fromkeys(indicator for ask in asks for indicator in ask.indicators))


def next_month(month: date) -> date:
    return month + timedelta(days=calendar.monthrange(month.year, month.month)[1])


class Timeliness(enum.StrEnum):
    ON_TIME = "on_time"
    LATE = "late"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class DepartmentMonth:
    """One department's report of one month that is due.

    month: its first day; arrived: indicator → the day of arrival, None while it is missing; days: by how many days the
    last figure was late, 0 if all came in time, None while any is missing.
    """

    department: str
    month: date
    last_day: date
    arrived: Mapping[str, date | None]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(indicator for indicator, day in self.arrived.items() if day is None)

    @property
    def late(self) -> tuple[str, ...]:
        """The indicators that came after the last day."""
        return tuple(indicator for indicator, day in self.arrived.items() if day is not None and day > self.last_day)

    @property
    def days(self) -> int | None:
        days = [day for day in self.arrived.values() if day is not None]
        return None if len(days) < len(self.arrived) else max(0, (max(days) - self.last_day).days)

    @property
    def timeliness(self) -> Timeliness:
        if self.missing:
            return Timeliness.MISSING
        return Timeliness.LATE if self.late else Timeliness.ON_TIME


def months_of(period: Window) -> Iterator[date]:
    """Yield the first day of each month that has a day in the period."""
    month = period.start.replace(day=1)
    while month <= period.end:
        yield month
        month = next_month(month)


@dataclass(frozen=True, slots=True)
class Reports:
    """The reports of a period that are due on a day: department by department, each month by month."""

    months: tuple[DepartmentMonth, ...]

    def of(self, department: str) -> tuple[DepartmentMonth, ...]:
        return tuple(one for one in self.months if one.department == department)

    def figure(self, department: str | None = None) -> Figure:
        """Return the number of reports in time / of reports due, of one department or of all."""
        due = self.months if department is None else self.of(department)
        return Figure(sum(one.timeliness is Timeliness.ON_TIME for one in due), len(due))


def reports_on(
    reporting: Reporting, departments: tuple[str, ...], period: Window, arrivals: Arrivals, on: date
) -> Reports:
    """Return the reports that are due on a day, as known on that day: later arrivals count as missing."""
    found = []
    for department in departments:
        for month in months_of(period):
            last_day, asked = reporting.last_day(month), reporting.asked(department, month)
            if asked and last_day < on:
                days = {indicator: arrivals.get((indicator, department, month)) for indicator in asked}
                known = {name: day if day is not None and day <= on else None for name, day in days.items()}
                found.append(DepartmentMonth(department, month, last_day, known))
    return Reports(tuple(found))
