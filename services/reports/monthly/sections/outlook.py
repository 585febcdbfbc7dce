"""The section on the next period: cases that fall due in it, values required by its end, forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.targets import Unforeseen
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.periods import NEXT
from services.reports.monthly.report import MonthlyReport, TargetLine
from services.reports.monthly.shown import (
    day,
    figure_cell,
    filled,
    forecast_cell,
    joined,
    named,
    of_period,
    query_of,
    text_cell,
    value_cell,
)

PLACE = 12
HEAD = Sentence("{next}预计", "Outlook on {next}")
DUE = Sentence(
    "{next}有{days}个工作日；已知到期的办件{due}件，其中最多的部门：{names}。",
    "{next} has {days} working days; {due} cases are known to fall due in it, most of them of: {names}.",
)
DUE_OF_ONE = Sentence(
    "{next}有{days}个工作日；已知到期的办件{due}件。",
    "{next} has {days} working days; {due} cases are known to fall due in it.",
)
OF_DEPARTMENT = Sentence("{name}（{n}件）", "{name} ({n})")
TABLE = Sentence("尚未达标的目标", "Targets that are not met yet")
REQUIRED_BY = Sentence("{on}应达", "Required by {on}")
AT_THE_END = Sentence("{end}预测", "Forecast for {end}")
WHY: dict[Unforeseen, Sentence] = {
    Unforeseen.TOO_SHORT: Sentence("时间太短", "too short a time"),
    Unforeseen.NO_PAST: Sentence("没有以往数字", "no figures of before"),
    Unforeseen.STEP: Sentence("一次性变动，不成趋势", "a step, no trend"),
    Unforeseen.CORRECTED: Sentence("以往数字有更正", "earlier figures were taken back"),
    Unforeseen.OUTSIDE: Sentence("数字超出可能范围", "outside what is possible"),
}
MOST_TOLD = 5


def section(report: MonthlyReport) -> Section | None:
    """Return the section if the report's period is over, otherwise None."""
    if not report.finished:
        return None
    next_ = NEXT[report.asked.kind]
    head = filled(HEAD, {"next": next_.zh}, {"next": next_.en})
    return Section(head, tuple(_blocks(report)))


def _blocks(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    due, next_ = report.due_next, NEXT[report.asked.kind]
    busiest = sorted((id_ for id_ in due if id_ and due[id_]), key=lambda id_: (-due[id_], id_))[:MOST_TOLD]
    told = []
    for id_ in busiest:
        names = report.department(id_)
        told.append(filled(OF_DEPARTMENT, {"name": names.zh, "n": due[id_]}, {"name": names.en}))
    listed = joined(told)
    zh: dict[str, object] = {"next": next_.zh, "days": report.working_days_next, "due": due.get("", 0)}
    text = DUE if report.is_whole and told else DUE_OF_ONE
    yield Paragraph(filled(text, {**zh, "names": listed.zh}, {"next": next_.en, "names": listed.en}))
    lines = [line for line in report.targets if line.result.met is False]
    if lines:
        yield _table(report, lines)


def _table(report: MonthlyReport, lines: list[TargetLine]) -> Table:
    on = min(report.asked.next.window.end, report.plan.period.end)
    by, end = day(on), day(report.plan.period.end)
    columns = (
        Column(texts.TARGET, 58, left=True),
        Column(texts.VALUE, 26, figure=True),
        Column(filled(REQUIRED_BY, {"on": by.zh}, {"on": by.en}), 26),
        Column(texts.GOAL, 22),
        Column(filled(AT_THE_END, {"end": end.zh}, {"end": end.en}), 32),
    )
    rows = tuple(
        (
            text_cell(named(line.target.names)),
            figure_cell(line.result.figure, line.target.unit),
            value_cell(report.plan.required(line.target, on, _reference(line)), line.target.unit),
            value_cell(line.result.goal, line.target.unit),
            _forecast(line),
        )
        for line in lines
    )
    queries = (query_of(report, "/v1/targets", on=str(report.on)),) * len(rows)
    return Table(TABLE, of_period(report), columns, rows, queries=queries)


def _reference(line: TargetLine) -> Fraction | None:
    """Return the reference value of a target that is compared with a declared figure: that figure is its goal."""
    return line.result.goal if line.target.reference_indicator is not None else None


def _forecast(line: TargetLine) -> Cell:
    result = line.result
    if result.forecast is not None:
        return forecast_cell(line)
    return Cell("—", WHY[result.unforeseen].zh if result.unforeseen else "", tone=Tone.QUIET)
