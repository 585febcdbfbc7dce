"""Part 4: the flow of the month, open cases by department and state as on its last day, and what fell due in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from hallpulse.domain.figures import Figure
from hallpulse.domain.flow import Flow
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MonthlyReport, OpenLine
from services.reports.monthly.shown import count_cell, figure_cell, filled, named, of_month, text_cell

PLACE = 4
_BAD = ("overdue", "unaccepted_late")
_COLUMNS = (
    Column(texts.DEPARTMENT, 50, left=True),
    Column(texts.OPEN_CASES, 14),
    *(Column(name, 16) for name in texts.OPEN_STATES.values()),
    Column(texts.LATE_IN_MONTH, 14),
    Column(texts.KEPT_IN_MONTH, 26, figure=True),
)


_FLOW_COLUMNS = (
    Column(texts.DEPARTMENT, 46, left=True),
    *(Column(name, 17) for name in texts.FLOW_COLUMNS.values()),
)


def section(report: MonthlyReport) -> Section:
    return Section(texts.OPEN, (*_flow(report), *_open(report)))


def _flow(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    if not report.flow_lines:
        return
    total = sum((flow for _, flow in report.flow_lines), Flow())
    counts: dict[str, object] = {**asdict(total), "decided": total.decided}
    yield Paragraph(filled(texts.BALANCED, counts))
    rows = [_flow_row(text_cell(named(report.department(id_))), flow) for id_, flow in report.flow_lines]
    rows.append(_flow_row(text_cell(texts.TOTAL), total))
    yield Table(texts.FLOW_TABLE, of_month(report), _FLOW_COLUMNS, tuple(rows), total=True)


def _flow_row(name: Cell, flow: Flow) -> tuple[Cell, ...]:
    tones = {"decided_late": Tone.BAD}
    counts = (count_cell(getattr(flow, part), tones.get(part, Tone.PLAIN)) for part in texts.FLOW_COLUMNS)
    return name, *counts


def _open(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    if not report.open_lines:
        yield Paragraph(texts.NOTHING_OPEN)
        return
    rows = [_row(text_cell(named(report.department(line.department))), line) for line in report.open_lines]
    rows.append(_row(text_cell(texts.TOTAL), _total(report)))
    caption = of_month(report, texts.AS_OF)
    yield Table(texts.OPEN_TABLE, caption, _COLUMNS, tuple(rows), total=True)


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
