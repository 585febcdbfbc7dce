"""Monthly reports of the departments: how many came in time, who was late, what did not come."""

from __future__ import annotations

from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.reporting import DepartmentMonth, Timeliness
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import BLANK, count_cell, day, filled, named, of_period, query_of, text_cell

PLACE = 8
HEAD = Sentence("申报与报送", "Declared figures and reporting")
COUNTED = Sentence(
    "截至{on}，应报送{due}个部门月，按时{on_time}个，迟报{late}个，未报{missing}个。",
    "By {on}, {due} monthly reports of departments were due: {on_time} in time, {late} late, {missing} missing.",
)
LATE_TABLE = Sentence("未按时报送的部门", "Departments that were not in time")
MONTH, BY = Sentence("月份", "Month"), Sentence("截止日", "Last day")
STATE, DAYS = Sentence("情况", "State"), Sentence("迟报天数", "Days late")
WHAT = Sentence("未按时的指标", "Indicators")
STATES = {Timeliness.LATE: Sentence("迟报", "late"), Timeliness.MISSING: Sentence("未报", "missing")}
MOST_LATE = 40
_COLUMNS = (
    Column(texts.DEPARTMENT, 50, left=True),
    Column(MONTH, 22),
    Column(BY, 26),
    Column(STATE, 16),
    Column(DAYS, 18),
    Column(WHAT, 68, left=True),
)


def section(report: MonthlyReport) -> Section | None:
    months = [one for one in report.reports.months if report.scope.department in (None, one.department)]
    if not months or report.scope.hall is not None:
        return None
    return Section(HEAD, tuple(_blocks(report, months)))


def _blocks(report: MonthlyReport, months: list[DepartmentMonth]) -> Iterator[Paragraph | Table]:
    late = sorted(
        (one for one in months if one.timeliness is not Timeliness.ON_TIME), key=lambda one: one.month, reverse=True
    )
    on, kinds = day(report.on), [one.timeliness for one in months]
    counts: dict[str, object] = {kind.value: kinds.count(kind) for kind in Timeliness}
    yield Paragraph(filled(COUNTED, {**counts, "due": len(months), "on": on.zh}, {"on": on.en}))
    if late:
        rows = tuple(_row(one, report) for one in late[:MOST_LATE])
        query = query_of(report, "/v1/targets", on=str(report.on))
        yield Table(LATE_TABLE, of_period(report), _COLUMNS, rows, queries=(query,) * len(rows))
    if len(late) > MOST_LATE:
        yield Paragraph(filled(texts.LATE_MORE, {"n": len(late) - MOST_LATE}), quiet=True)


def _row(one: DepartmentMonth, report: MonthlyReport) -> tuple[Cell, ...]:
    listed = [named(report.plan.indicator_names[id_]) for id_ in (one.missing or one.late)]
    names = Sentence("、".join(name.zh for name in listed), ", ".join(name.en for name in listed))
    return (
        text_cell(named(report.department(one.department))),
        Cell(f"{one.month:%Y-%m}"),
        Cell(one.last_day.isoformat()),
        text_cell(STATES[one.timeliness], Tone.BAD),
        count_cell(one.days, Tone.BAD) if one.days is not None else BLANK,
        text_cell(names),
    )
