"""The section on targets: each with its goal and earlier values, other readings, and targets that cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.compression import COMPRESSION
from hallpulse.domain.plan import Plan, Target, TargetScope
from hallpulse.domain.rules import Raised
from hallpulse.domain.targets import State, TargetResult
from services.reports.monthly import texts
from services.reports.monthly.document import Bar, Cell, Chart, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.periods import BEFORE
from services.reports.monthly.report import MonthlyReport, TargetLine
from services.reports.monthly.shown import (
    CHECK_NAMES,
    causes_text,
    change_cells,
    count_cell,
    day,
    difference_cell,
    figure_cell,
    filled,
    forecast_cell,
    joined,
    marked_text,
    named,
    of_period,
    parts_text,
    query_of,
    sentence_of,
    text_cell,
    value_cell,
    value_text,
)

PLACE = 2
MOST_NAMED = 10
_TONES = {State.MET: Tone.GOOD, State.ON_PACE: Tone.GOOD, State.BEHIND: Tone.BAD, State.MISSED: Tone.BAD}
_COLUMNS = (
    Column(texts.NUMBER, 9),
    Column(texts.TARGET, 54, left=True),
    Column(texts.VALUE, 24, figure=True, key="value"),
    Column(texts.REQUIRED, 17, key="required"),
    Column(texts.GOAL, 17, key="goal"),
    Column(texts.GAP, 19, key="gap", formula="value - goal"),
    Column(texts.STATE, 17),
    Column(texts.FORECAST, 18),
)
_CHANGE = ("value - before", "value - year_ago")
_READING_COLUMNS = (
    Column(texts.TARGET, 52, left=True),
    Column(texts.VALUE, 24, figure=True),
    *(Column(name, 40) for name in texts.READINGS.values()),
)


def section(report: MonthlyReport) -> Section | None:
    if not report.targets:
        return None
    said = (*_explained(report), *_marked(report), *_short_departments(report), *_unjudged(report))
    return Section(texts.TARGETS, (_table(report), *_chart(report), *said, *_changes(report), *_readings(report)))


def _chart(report: MonthlyReport) -> Iterator[Chart]:
    """Yield the chart of the targets that are shares and have a value and a goal."""
    bars = [
        Bar(named(line.target.names), line.result.value, line.result.goal)
        for line in report.targets
        if line.target.unit == "share" and line.result.value is not None and line.result.goal is not None
    ]
    if len(bars) > 1:
        yield Chart(texts.TARGETS_CHART, "share", texts.VALUE, texts.GOAL, tuple(bars))


def _changes(report: MonthlyReport) -> Iterator[Table]:
    """Yield the table of the targets' values beside those at the end of the period before and a year before."""
    lines = [line for line in report.targets if line.result.value is not None]
    if not any(line.before or line.year_ago for line in lines):
        return
    before = BEFORE[report.asked.kind]
    head = Sentence(f"{before.zh}末", f"at the end of {before.en}")
    columns = (
        Column(texts.TARGET, 60, left=True),
        Column(texts.VALUE, 26, figure=True, key="value"),
        Column(head, 26, figure=True, key="before"),
        Column(texts.CHAIN, 19, key="chain", formula=_CHANGE[0]),
        Column(texts.YEAR_AGO, 26, figure=True, key="year_ago"),
        Column(texts.ON_YEAR, 19, key="on_year", formula=_CHANGE[1]),
    )
    rows = tuple(_change_row(line) for line in lines)
    queries = tuple(_query(report) for _ in lines)
    yield Table(texts.CHANGES_TABLE, of_period(report), columns, rows, queries=queries)


def _change_row(line: TargetLine) -> tuple[Cell, ...]:
    unit, now = line.target.unit, line.result.figure
    return (
        text_cell(named(line.target.names)),
        figure_cell(now, unit),
        *change_cells(now, line.before, unit),
        *change_cells(now, line.year_ago, unit),
    )


def _query(report: MonthlyReport) -> str:
    return query_of(report, "/v1/targets", on=str(report.on))


def _table(report: MonthlyReport) -> Table:
    rows = tuple(_row(number, line, report) for number, line in enumerate(report.targets, start=1))
    queries = tuple(_query(report) for _ in rows)
    return Table(texts.TARGETS_TABLE, of_period(report), _COLUMNS, rows, queries=queries)


def _row(number: int, line: TargetLine, report: MonthlyReport) -> tuple[Cell, ...]:
    result, unit, tone = line.result, line.target.unit, _TONES.get(line.result.state, Tone.QUIET)
    points = texts.POINTS.zh if unit == "share" else ""
    return (
        count_cell(number),
        _name(line, report),
        figure_cell(result.figure, unit),
        value_cell(result.required, unit),
        value_cell(result.goal, unit),
        difference_cell(result.gap, unit, texts.WORST.zh if result.bound > 1 else points, tone),
        text_cell(texts.STATES[result.state], tone),
        forecast_cell(line),
    )


def _name(line: TargetLine, report: MonthlyReport) -> Cell:
    """Return the cell with the target's name, and below it its item of the plan, its leads and its marks."""
    target = line.target
    every = target.scope is TargetScope.EACH_DEPARTMENT
    lead = texts.EVERY_DEPARTMENT.zh if every else "、".join(report.department(id_).zh for id_ in target.lead)
    marks = (marked_text(mark, target.unit).zh for mark in line.result.marks)
    small = " · ".join(part for part in (_source(target), lead, *marks) if part)
    return Cell(target.names.zh, small, en=target.names.en)


def _source(target: Target) -> str:
    """Return the place of a target in the plan: a numbered item or a named part."""
    numbers = "、".join(target.source)
    text = texts.ITEM_OF_PLAN if numbers[:1].isdecimal() else texts.PART_OF_PLAN
    return text.zh.format(source=numbers) if numbers else ""


def _explained(report: MonthlyReport) -> Iterator[Paragraph]:
    """Yield the change of the compression by cause since the day before the plan's period."""
    for line in report.targets:
        if line.result.causes:
            said, names = causes_text(line.result.causes), line.target.names
            zh, en = {"name": names.zh, "causes": said.zh}, {"name": names.en, "causes": said.en}
            yield Paragraph(filled(texts.COMPRESSION_CAUSES, dict[str, object](zh), dict[str, object](en)))


def _marked(report: MonthlyReport) -> Iterator[Paragraph]:
    """Yield, for each figure that gains from a finding, the number of cases or items and the value without them."""
    for line in report.targets:
        for mark in line.result.marks:
            check, value = CHECK_NAMES[mark.check], value_text(mark.without.value, line.target.unit)
            values: dict[str, object] = {"n": mark.findings, "value": value, "parts": parts_text(mark.without)}
            zh = {"name": line.target.names.zh, "check": check.zh}
            text = texts.MARKED if line.target.indicator == COMPRESSION else texts.MARKED_CASES
            yield Paragraph(filled(text, values | zh, {"name": line.target.names.en, "check": check.en}))


def _short_departments(report: MonthlyReport) -> Iterator[Paragraph]:
    for line in report.targets:
        short = [report.department(one.department or "") for one in line.departments if one.met is False]
        if short:
            names = joined(named(one) for one in short[:MOST_NAMED])
            if len(short) > MOST_NAMED:
                more = filled(texts.AND_MORE, {"n": len(short)})
                names = Sentence(names.zh + more.zh, f"{names.en}, {more.en}")
            zh: dict[str, object] = {"name": line.target.names.zh, "names": names.zh}
            yield Paragraph(filled(texts.BOUND_SHORT, zh, {"name": line.target.names.en, "names": names.en}))


def _unjudged(report: MonthlyReport) -> Iterator[Paragraph]:
    values = [
        filled(
            texts.WHY_ONE, {"name": line.target.names.zh, "why": why.zh}, {"name": line.target.names.en, "why": why.en}
        )
        for line in report.targets
        if (why := _why(line, report)) is not None
    ]
    if values:
        yield Paragraph(sentence_of(texts.WHY_TITLE, joined(values, texts.CLAUSES), texts.END))


def _why(line: TargetLine, report: MonthlyReport) -> Sentence | None:
    """Return the reason why a target cannot be judged; None if it can."""
    result, on = line.result, day(report.on)
    if result.state is State.NOT_STARTED:
        start = day(report.plan.period.start)
        return filled(texts.WHY_NOT_STARTED, {"start": start.zh}, {"start": start.en})
    if result.state is State.BELOW_MIN_DENOMINATOR:
        return filled(texts.WHY_FEW, {"n": result.figure.denominator, "least": report.plan.least_for(line.target)})
    if result.state is not State.NOT_MEASURED:
        return None
    missing = sum(one.state is State.NOT_MEASURED for one in line.departments)
    if missing and result.value is not None:
        return filled(texts.WHY_MISSING, {"n": result.bound, "missing": missing})
    if result.value is not None and result.goal is None:
        return _no_reference(result, report)
    return _unmeasured(line, on, report.plan)


def _unmeasured(line: TargetLine, on: Sentence, plan: Plan) -> Sentence:
    known = line.result.figure.known
    if known is not None and known.items:
        return filled(texts.WHY_UNKNOWN, {"m": known.items})
    text = texts.WHY_DECLARED if plan.is_declared(line.target.indicator) else texts.WHY_COUNTED
    return filled(text, {"on": on.zh}, {"on": on.en})


def _no_reference(result: TargetResult, report: MonthlyReport) -> Sentence:
    name = report.plan.indicator_names[result.target.reference_indicator or ""]
    return filled(texts.WHY_REFERENCE, {"name": name.zh}, {"name": name.en})


def _readings(report: MonthlyReport) -> Iterator[Table]:
    rows = tuple(_reading_row(line) for line in report.targets if line.result.readings)
    if rows:
        yield Table(
            texts.READINGS_TABLE, of_period(report), _READING_COLUMNS, rows, queries=(_query(report),) * len(rows)
        )


def _reading_row(line: TargetLine) -> tuple[Cell, ...]:
    result, unit = line.result, line.target.unit
    cells = [text_cell(named(line.target.names)), figure_cell(result.figure, unit)]
    for name in texts.READINGS:
        goal = result.readings[name]
        said = []
        if isinstance(line.target.rule, Raised) and line.target.rule.reading.value == name:
            said.append(texts.ADOPTED.zh)
        reached = None if result.value is None else result.value >= goal
        if reached is not None:
            said.append((texts.REACHED if reached else texts.NOT_REACHED).zh)
        tone = Tone.PLAIN if reached is None else Tone.GOOD if reached else Tone.BAD
        cells.append(Cell(value_text(goal, unit), " · ".join(said), goal, "share", tone=tone))
    return tuple(cells)
