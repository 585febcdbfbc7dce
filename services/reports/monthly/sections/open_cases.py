"""Part 4: open cases by department and state when this was compiled, and what fell due in the month."""

from __future__ import annotations

from collections import Counter

from hallpulse.domain.figures import Figure
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MonthlyReport, OpenLine
from services.reports.monthly.shown import count_cell, figure_cell, named, of_month, text_cell

PLACE = 4
_BAD = ("overdue", "unaccepted_late")
_COLUMNS = (
    Column(texts.DEPARTMENT, 50, left=True),
    Column(texts.OPEN_CASES, 14),
    *(Column(name, 16) for name in texts.OPEN_STATES.values()),
    Column(texts.LATE_IN_MONTH, 14),
    Column(texts.KEPT_IN_MONTH, 26, figure=True),
)


def section(report: MonthlyReport) -> Section:
    if not report.open_lines:
        return Section(texts.OPEN, (Paragraph(texts.NOTHING_OPEN),))
    rows = [_row(text_cell(named(report.department(line.department))), line) for line in report.open_lines]
    rows.append(_row(text_cell(texts.TOTAL), _total(report)))
    caption = of_month(report, texts.AS_OF)
    return Section(texts.OPEN, (Table(texts.OPEN_TABLE, caption, _COLUMNS, tuple(rows), total=True),))


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
