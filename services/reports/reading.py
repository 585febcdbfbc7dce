"""Everything that a report needs, of one moment."""

from __future__ import annotations

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import read_tables
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.store import Readable

from .monthly import Material
from .monthly.material import day_before


def read_material(store: Readable, plan: Plan, month: Window, now: int) -> Material:
    """now: microseconds since 1970-01-01 UTC, not before the month."""
    today = date_of(local_day(now))
    window = Window(month.start, min(month.end, today))
    before, scope = day_before(month), Scope(plan.region)
    with store.read() as moment:
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
