"""The section on overdue cases and those due soon on the last day: by department and state, and one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Figure
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.material import ListedCase
from services.reports.monthly.report import MonthlyReport, OpenLine
from services.reports.monthly.shown import (
    BLANK,
    case_query,
    count_cell,
    day,
    figure_cell,
    filled,
    named,
    of_month,
    query_of,
    text_cell,
)

PLACE = 6
HEAD = Sentence("超期与临期", "Overdue and due soon")
LISTED_TABLE = Sentence("超期与临期办件", "Overdue cases and those due soon")
LISTED_OVER = Sentence("{on}日终的状态，超期久者在前", "As at the end of {on}, the latest first")
MORE = Sentence(
    "超期{overdue}件、临期{due_soon}件，上表列{listed}件，全部办件见附件所列查询。",
    "{overdue} overdue and {due_soon} due soon; the table has {listed} of them, the query in the workbook all.",
)
CASE, ITEM, HALL = Sentence("办件编号", "Case"), Sentence("事项", "Item"), Sentence("大厅", "Hall")
DUE_DAY = Sentence("到期日", "Due")
LATE = Sentence("超期（工作日）", "Days late")
SUSPENDED = Sentence("暂停（工作日）", "Days suspended")
_BAD = ("overdue", "unaccepted_late")
_COLUMNS = (
    Column(texts.DEPARTMENT, 46, left=True),
    Column(texts.OPEN_CASES, 13, key="open", formula=" + ".join(texts.OPEN_STATES)),
    *(Column(name, 15, key=state) for state, name in texts.OPEN_STATES.items()),
    Column(texts.LATE_IN_MONTH, 14),
    Column(texts.KEPT_IN_MONTH, 24, figure=True),
)
_CASE_COLUMNS = (
    Column(texts.NUMBER, 9),
    Column(CASE, 34, left=True),
    Column(ITEM, 40, left=True),
    Column(texts.DEPARTMENT, 34, left=True),
    Column(HALL, 28, left=True),
    Column(DUE_DAY, 28),
    Column(texts.STATE, 14),
    Column(LATE, 16),
    Column(SUSPENDED, 16),
)


def section(report: MonthlyReport) -> Section:
    return Section(HEAD, (*_by_department(report), *_listed(report)))


def _by_department(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    if not report.open_lines:
        yield Paragraph(texts.NOTHING_OPEN)
        return
    rows = [_row(text_cell(named(report.department(line.department))), line) for line in report.open_lines]
    queries = [
        query_of(report, "/v1/cases", line.department, state="open", on=str(report.on)) for line in report.open_lines
    ]
    rows.append(_row(text_cell(texts.TOTAL), _total(report)))
    queries.append(query_of(report, "/v1/cases", state="open", on=str(report.on)))
    caption = of_month(report, texts.AS_OF)
    yield Table(texts.OPEN_TABLE, caption, _COLUMNS, tuple(rows), total=True, queries=tuple(queries))


def _row(name: Cell, line: OpenLine) -> tuple[Cell, ...]:
    late = line.due.denominator - line.due.numerator
    states = [
        count_cell(line.states.get(state, 0), Tone.BAD if state in _BAD else Tone.PLAIN) for state in texts.OPEN_STATES
    ]
    return name, count_cell(line.open), *states, count_cell(late, Tone.BAD), figure_cell(line.due, "share")


def _total(report: MonthlyReport) -> OpenLine:
    states = Counter[str]()
    for line in report.open_lines:
        states.update(line.states)
    return OpenLine("", states, sum((line.due for line in report.open_lines), Figure(0, 0)))


def _listed(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    cases, counts = report.listed.cases, report.listed.counts
    if not cases:
        return
    on = day(report.on)
    caption = filled(LISTED_OVER, {"on": on.zh}, {"on": on.en})
    rows = tuple(_case(number, case, report) for number, case in enumerate(cases, start=1))
    queries = tuple(case_query(report, case.hall, case.case_id) for case in cases)
    yield Table(LISTED_TABLE, caption, _CASE_COLUMNS, rows, queries=queries)
    if sum(counts.values()) > len(cases):
        yield Paragraph(filled(MORE, {**counts, "listed": len(cases)}), quiet=True)


def _case(number: int, case: ListedCase, report: MonthlyReport) -> tuple[Cell, ...]:
    tone = Tone.BAD if case.state == "overdue" else Tone.PLAIN
    return (
        count_cell(number),
        Cell(case.case_id),
        Cell(case.item),
        text_cell(named(report.department(case.department))),
        Cell(report.hall(case.hall)),
        Cell(case.due.isoformat()) if case.due is not None else BLANK,
        text_cell(texts.OPEN_STATES[case.state], tone),
        count_cell(case.late, tone),
        count_cell(case.suspended),
    )
