"""Monthly reports: which department-months are due on a day, and whether they came in time."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import Figure, FigureTable, Window
from hallpulse.domain.plan import DeclaredIndicator, Department, Names, Plan, Target, TargetScope
from hallpulse.domain.reporting import Ask, LaterDay, Reporting, Timeliness
from hallpulse.domain.rules import AtLeast, Step
from hallpulse.domain.targets import State, evaluate, read_tables
from hallpulse.plans import PlanError, load_plan
from tests.moments import StatedStore

NAMES = Names("名", "name")
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
FIFTH = Reporting((Ask(("a", "b"), ("lost", "heads"), date(2026, 1, 1)), Ask(("b",), ("old",), date(2026, 9, 1))), 5)
SUMMER = replace(FIFTH, exceptions=(LaterDay(date(2026, 1, 1), date(2026, 7, 1), date(2026, 8, 5)),))
TARGET = Target("reports", NAMES, "monthly_report", "share", AtLeast(Fraction(1)), Step(), TargetScope.EACH_DEPARTMENT)
PLAN = Plan(
    "p", 222424, NAMES, "文", YEAR, (TARGET,),
    departments=tuple(Department(id_, NAMES) for id_ in "abc"),
    indicators=tuple(DeclaredIndicator(id_, NAMES, "share", ("month",)) for id_ in ("lost", "heads", "old")),
    reporting=SUMMER,
)  # fmt: skip
ROOT = Path(__file__).parents[2]


def month(number: int) -> date:
    return date(2026, number, 1)


def whole(*months: int, by: date | None = None, departments: str = "ab") -> dict[tuple[str, str, date], date]:
    """All that is asked for, on one day or on the third of the next month."""
    return {
        (indicator, department, month(number)): by or month(number) + timedelta(days=33)
        for department in departments
        for number in months
        for indicator in SUMMER.asked(department, month(number))
    }


def test_a_report_is_in_time_to_the_end_of_the_fifth_of_the_next_month() -> None:
    assert FIFTH.last_day(month(9)) == date(2026, 10, 5)
    assert FIFTH.last_day(month(12)) == date(2027, 1, 5)


def test_the_plan_names_months_that_are_reported_together() -> None:
    assert {SUMMER.last_day(month(number)) for number in range(1, 8)} == {date(2026, 8, 5)}
    assert SUMMER.last_day(month(8)) == date(2026, 9, 5)


def test_a_department_reports_what_is_asked_of_it_from_its_month_on() -> None:
    assert SUMMER.asked("a", month(9)) == ("lost", "heads")
    assert SUMMER.asked("b", month(8)) == ("lost", "heads")
    assert SUMMER.asked("b", month(9)) == ("lost", "heads", "old")
    assert SUMMER.asked("c", month(9)) == ()


def test_nothing_is_due_before_its_last_day_has_passed() -> None:
    assert PLAN.reports({}, date(2026, 8, 5)).months == ()
    assert len(PLAN.reports({}, date(2026, 8, 6)).months) == 14
    assert len(PLAN.reports({}, date(2027, 3, 1)).months) == 24


def test_one_day_late_is_late_for_good() -> None:
    arrivals = whole(1, 2, 3, 4, 5, 6, 7, by=date(2026, 8, 5)) | whole(8, by=date(2026, 9, 6))
    reports = PLAN.reports(arrivals, date(2026, 9, 30))
    assert (reports.figure(), reports.figure("a")) == (Figure(14, 16), Figure(7, 8))
    august = reports.of("a")[-1]
    assert (august.timeliness, august.days, august.late) == (Timeliness.LATE, 1, ("lost", "heads"))
    assert PLAN.reports(arrivals, date(2027, 3, 1)).of("a")[7].timeliness is Timeliness.LATE


def test_while_one_figure_is_missing_the_month_is_missing() -> None:
    arrivals = whole(9)
    del arrivals["old", "b", month(9)]
    september = PLAN.reports(arrivals, date(2026, 10, 6)).of("b")[-1]
    assert (september.timeliness, september.missing, september.days) == (Timeliness.MISSING, ("old",), None)


def test_what_arrives_after_the_day_asked_is_not_known_on_it() -> None:
    arrivals = whole(8, by=date(2026, 9, 20))
    assert PLAN.reports(arrivals, date(2026, 9, 10)).of("a")[-1].timeliness is Timeliness.MISSING
    assert PLAN.reports(arrivals, date(2026, 9, 20)).of("a")[-1].days == 15


@given(
    arrived=st.dictionaries(
        st.tuples(st.sampled_from(("lost", "heads", "old")), st.sampled_from("abc"), st.integers(1, 12).map(month)),
        st.dates(date(2026, 1, 20), date(2027, 2, 1)),
    ),
    on=st.dates(date(2026, 1, 1), date(2027, 2, 28)),
)
def test_the_share_is_the_rule_as_it_reads(arrived: dict[tuple[str, str, date], date], on: date) -> None:
    in_time = due = 0
    for department in "abc":
        for number in range(1, 13):
            wanted = [] if department == "c" else ["lost", "heads"]
            if department == "b" and number >= 9:
                wanted.append("old")
            end = date(2026, number, monthrange(2026, number)[1])
            deadline = date(2026, 8, 5) if number <= 7 else end + timedelta(days=5)
            if not wanted or on <= deadline:
                continue
            due += 1
            days = [arrived.get((indicator, department, month(number)), date.max) for indicator in wanted]
            in_time += all(day <= deadline for day in days)
    assert PLAN.reports(arrived, on).figure() == Figure(in_time, due)


def judged(arrivals: dict[tuple[str, str, date], date], on: date) -> list[tuple[State, Figure]]:
    with StatedStore(arrivals=arrivals).read() as moment:
        tables = read_tables(PLAN, on, moment)
    return [(result.state, result.figure) for result in evaluate(PLAN, on, tables)]


def test_the_target_is_met_by_reports_in_time_and_short_by_one_that_is_missing() -> None:
    first = whole(*range(1, 8), by=date(2026, 8, 1))
    met, short = (State.MET, Figure(14, 14)), (State.BEHIND, Figure(14, 16))
    assert judged(first, date(2026, 8, 31))[:2] == [met, (State.MET, Figure(7, 7))]
    assert judged(first, date(2026, 9, 6))[:2] == [short, (State.BEHIND, Figure(7, 8))]


def test_a_department_of_which_nothing_is_asked_keeps_nobody_from_a_verdict() -> None:
    assert judged(whole(*range(1, 8), by=date(2026, 8, 1)), date(2026, 8, 31))[3] == (State.NOT_MEASURED, Figure(0, 0))


def test_the_reports_of_the_last_months_still_count_when_the_period_is_over() -> None:
    arrivals = whole(*range(1, 8), by=date(2026, 8, 1)) | whole(8, 9, 10, 11)
    assert judged(arrivals, date(2026, 12, 31))[0] == (State.MET, Figure(22, 22))
    assert judged(arrivals, date(2027, 1, 6))[0] == (State.MISSED, Figure(22, 24))
    assert judged(arrivals | whole(12), date(2027, 1, 6))[0] == (State.MET, Figure(24, 24))


def test_without_reporting_the_figure_is_declared_as_before() -> None:
    declared = replace(PLAN, reporting=None)
    table = FigureTable(222424, YEAR, {"monthly_report": Figure(1, 2)})
    results = evaluate(declared, YEAR.end, {YEAR.end: table})
    assert results[0].figure == Figure(1, 2)
    assert declared.is_declared("monthly_report")
    assert not PLAN.is_declared("monthly_report")


def test_the_shipped_plan_asks_every_department_for_a_report() -> None:
    plan = load_plan(ROOT / "plans" / "222424-2026.yaml")
    assert plan.reporting is not None
    months = plan.reports({}, date(2027, 3, 1)).months
    assert len(months) == 12 * len(plan.departments)
    assert plan.reporting.last_day(month(3)) == date(2026, 8, 5)
    assert plan.indicator_names["monthly_report"].zh


FORM = """
region: 222424
names: {zh: 名, en: name}
document: 文
period: {from: 2026-01-01, to: 2026-12-31}
departments: [{id: a, names: {zh: 名, en: name}}]
indicators:
  - {id: lost, names: {zh: 名, en: name}, periods: month}
  - {id: yearly, names: {zh: 名, en: name}, unit: count, periods: year}
reporting:
  by: 5
  exceptions:
    - {months: {from: 2026-01, to: 2026-07}, by: 2026-08-05}
  asks:
    - {departments: all, indicators: lost, from: 2026-02}
targets:
  - {id: r, names: {zh: 名, en: name}, indicator: monthly_report, scope: each department, rule: {at_least: 100 %}}
"""


def loaded(tmp_path: Path, old: str = "", new: str = "") -> Plan:
    assert old in FORM
    path = tmp_path / "p.yaml"
    path.write_text(FORM.replace(old, new, 1) if old else FORM, encoding="utf-8")
    return load_plan(path)


def test_a_plan_file_says_who_reports_what_from_when(tmp_path: Path) -> None:
    assert loaded(tmp_path).reporting == Reporting(
        (Ask(("a",), ("lost",), date(2026, 2, 1)),), 5, (LaterDay(month(1), month(7), date(2026, 8, 5)),)
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "expected"),
    [
        ("by: 5", "by: 31", "reporting.by", "a day that every month has"),
        ("by: 5", "by: 0", "reporting.by", "1 or more"),
        ("  by: 5\n", "", "reporting", "by is missing"),
        ("departments: all", "departments: b", "reporting.asks[1].departments", "not listed under departments"),
        (
            "indicators: lost, from",
            "indicators: [lsot], from",
            "reporting.asks[1].indicators[1]",
            "did you mean 'lost'",
        ),
        ("indicators: lost, from", "indicators: yearly, from", "reporting.asks[1].indicators", "periods: month"),
        ("from: 2026-02}", "from: 2025-12}", "reporting.asks[1].from", "outside the period"),
        ("from: 2026-02}", "from: 2026-13}", "reporting.asks[1].from", "a month YYYY-MM"),
        ("from: 2026-02}", "since: 2026-02}", "reporting.asks[1].since", "unknown key"),
        ("to: 2026-07}", "to: 2025-12}", "reporting.exceptions[1].months.to", "outside the period"),
        ("{from: 2026-01, to: 2026-07}", "{from: 2026-07, to: 2026-01}", "reporting.exceptions[1].months.to", "before"),
        ("by: 2026-08-05", "by: 2026-07-01", "reporting.exceptions[1].by", "a day after"),
        ("id: yearly", "id: monthly_report", "indicators.monthly_report.id", "measured"),
        ("reporting:", "repotring:", "repotring", "did you mean 'reporting'"),
    ],
)
def test_what_is_wrong_in_it_is_named_with_line_field_and_what_was_expected(
    tmp_path: Path, old: str, new: str, field: str, expected: str
) -> None:
    with pytest.raises(PlanError) as raised:
        loaded(tmp_path, old, new)
    problem = next(one for one in raised.value.problems if one.field == field)
    assert expected in problem.message
    assert problem.line > 1


def test_a_target_may_not_use_the_measure_without_reporting(tmp_path: Path) -> None:
    start, end = FORM.index("reporting:"), FORM.index("targets:")
    path = tmp_path / "p.yaml"
    path.write_text(FORM[:start] + FORM[end:], encoding="utf-8")
    with pytest.raises(PlanError, match="neither computed nor listed"):
        load_plan(path)
