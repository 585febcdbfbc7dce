"""The section on the departments' monthly declarations: those in time, those late and those missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.reporting import DepartmentMonth, Timeliness, next_month
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import BLANK, count_cell, day, filled, joined, named, of_period, query_of, text_cell

PLACE = 8
HEAD = Sentence("申报与报送", "Declared figures and reporting")
COUNTED = Sentence(
    "截至{on}，应报送{due}个部门月，按时{on_time}个，迟报{late}个，未报{missing}个。",
    "By {on}, {due} monthly reports of departments were due: {on_time} in time, {late} late, {missing} missing.",
)
LATE_TABLE = Sentence("未按时报送的部门", "Departments that were not in time")
MONTHS, COUNT = Sentence("月份", "Months"), Sentence("月数", "How many")
STATE, DAYS = Sentence("情况", "State"), Sentence("最多迟报天数", "Days late, at most")
WHAT = Sentence("未按时的指标", "Indicators")
STATES = {Timeliness.LATE: Sentence("迟报", "late"), Timeliness.MISSING: Sentence("未报", "missing")}
_COLUMNS = (
    Column(texts.DEPARTMENT, 50, left=True),
    Column(MONTHS, 38, left=True),
    Column(COUNT, 14),
    Column(STATE, 16),
    Column(DAYS, 20),
    Column(WHAT, 66, left=True),
)


def section(report: MonthlyReport) -> Section | None:
    months = [one for one in report.reports.months if report.scope.department in (None, one.department)]
    if not months or report.scope.hall is not None:
        return None
    return Section(HEAD, tuple(_blocks(report, months)))


def _blocks(report: MonthlyReport, months: list[DepartmentMonth]) -> Iterator[Paragraph | Table]:
    on, kinds = day(report.on), [one.timeliness for one in months]
    counts: dict[str, object] = {kind.value: kinds.count(kind) for kind in Timeliness}
    yield Paragraph(filled(COUNTED, {**counts, "due": len(months), "on": on.zh}, {"on": on.en}))
    groups = _groups(months)
    if groups:
        rows = tuple(_row(group, report) for group in groups)
        query = query_of(report, "/v1/targets", on=str(report.on))
        yield Table(LATE_TABLE, of_period(report), _COLUMNS, rows, queries=(query,) * len(rows))


def _groups(months: list[DepartmentMonth]) -> list[list[DepartmentMonth]]:
    """Return the months that were not in time, grouped by department and state, the largest group first."""
    found: dict[tuple[str, Timeliness], list[DepartmentMonth]] = {}
    for one in months:
        if one.timeliness is not Timeliness.ON_TIME:
            found.setdefault((one.department, one.timeliness), []).append(one)
    return sorted(found.values(), key=len, reverse=True)


def _row(group: list[DepartmentMonth], report: MonthlyReport) -> tuple[Cell, ...]:
    ids = dict.fromkeys(id_ for one in group for id_ in (one.missing or one.late))
    days = [one.days for one in group if one.days is not None]
    return (
        text_cell(named(report.department(group[0].department))),
        text_cell(_spans(one.month for one in group)),
        count_cell(len(group)),
        text_cell(STATES[group[0].timeliness], Tone.BAD),
        count_cell(max(days), Tone.BAD) if days else BLANK,
        text_cell(joined(named(report.plan.indicator_names[id_]) for id_ in ids)),
    )


def _spans(months: Iterable[date]) -> Sentence:
    """Return months as text, consecutive ones as a range: 2026年1至3月、2026年5月."""
    ordered = sorted(months)
    starts = [one for one in ordered if not any(next_month(other) == one for other in ordered)]
    runs = (list(run) for _, run in groupby(ordered, key=lambda one: sum(start <= one for start in starts)))
    return joined(_span(run[0], run[-1]) for run in runs)


def _span(first: date, last: date) -> Sentence:
    """Return a range of months as text: 2026年1至3月, or across years 2025年11月至2026年2月."""
    zh, en = f"{first.year}年{first.month}月", f"{first:%Y-%m}"
    if first == last:
        return Sentence(zh, en)
    end = f"{first.year}年{first.month}至" if first.year == last.year else f"{zh}至{last.year}年"
    return Sentence(f"{end}{last.month}月", f"{en} to {last:%Y-%m}")
