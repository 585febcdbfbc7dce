"""Everything that a report needs, read from the store in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from hallpulse.domain.figures import FigureTable, Scope, Window
from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import read_tables
from hallpulse.domain.workdays import Workdays, date_of, local_day

from .monthly import Material
from .monthly.material import Coverage, Found, day_before


class Moment(Protocol):
    """What the store held at one moment."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def percentiles(self, scope: Scope, window: Window) -> Mapping[str, int | None]: ...

    def coverage(self, scope: Scope, window: Window) -> Coverage: ...

    def open_cases_by_department(self, region: int, today: date) -> Mapping[str, Mapping[str, int]]: ...

    def item_changes(self, region: int, before: date, after: date) -> Sequence[ItemChange]: ...

    def integrity(self, scope: Scope, window: Window, today: date) -> Sequence[Found]: ...

    def workdays(self, region: int) -> Workdays: ...


class Snapshots(Protocol):
    """Raises Unavailable when the database cannot be reached."""

    def snapshot(self) -> AbstractContextManager[Moment]: ...


def read_material(store: Snapshots, plan: Plan, month: Window, now: int) -> Material:
    """now: microseconds since 1970-01-01 UTC, not before the month."""
    today = date_of(local_day(now))
    window = Window(month.start, min(month.end, today))
    before, scope = day_before(month), Scope(plan.region)
    with store.snapshot() as moment:
        tables = {
            **read_tables(plan, before, moment.figure_table),
            **read_tables(plan, window.end, moment.figure_table),
        }
        period = plan.window(window.end) or window
        return Material(
            plan=plan,
            month=month,
            window=window,
            compiled=now,
            compiled_on=today,
            tables=tables,
            in_month=moment.figure_table(plan.region, window),
            earlier=moment.figure_table(plan.region, Window(before, before)),
            percentiles=moment.percentiles(scope, window),
            open_cases=moment.open_cases_by_department(plan.region, today),
            changes=moment.item_changes(plan.region, before, window.end),
            coverage=moment.coverage(scope, window),
            period_coverage=moment.coverage(scope, period),
            findings=moment.integrity(scope, window, today),
            provisional=moment.workdays(plan.region).provisional_in(min(period.start, window.start), window.end),
        )
