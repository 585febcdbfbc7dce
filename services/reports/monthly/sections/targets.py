"""Part 2: every target of the plan, the other readings of "a further …", and why some cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.compression import COMPRESSION
from hallpulse.domain.plan import Plan, Target, TargetScope
from hallpulse.domain.reporting import DepartmentMonth, Timeliness
from hallpulse.domain.rules import Raised
from hallpulse.domain.targets import State, TargetResult
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MonthlyReport, TargetLine
from services.reports.monthly.shown import (
    BLANK,
    CHECK_NAMES,
    causes_text,
    count_cell,
    day,
    difference_cell,
    figure_cell,
    filled,
    joined,
    marked_text,
    named,
    of_period,
    parts_text,
    sentence_of,
    text_cell,
    value_cell,
    value_text,
)

PLACE = 2
MOST_NAMED = 10
MOST_LATE = 20
_TONES = {State.MET: Tone.GOOD, State.ON_PACE: Tone.GOOD, State.BEHIND: Tone.BAD, State.MISSED: Tone.BAD}
_COLUMNS = (
    Column(texts.NUMBER, 8),
    Column(texts.TARGET, 48, left=True),
    Column(texts.VALUE, 20, figure=True),
    Column(texts.BEFORE, 18, figure=True),
    Column(texts.REQUIRED, 16),
    Column(texts.GOAL, 16),
    Column(texts.GAP, 17),
    Column(texts.MET, 11),
    Column(texts.PACE, 11),
    Column(texts.STATE, 19),
    Column(texts.FORECAST, 17),
)
_READING_COLUMNS = (
    Column(texts.TARGET, 52, left=True),
    Column(texts.VALUE, 24, figure=True),
    *(Column(name, 40) for name in texts.READINGS.values()),
)


def section(report: MonthlyReport) -> Section:
    said = (*_explained(report), *_marked(report), *_short_departments(report))
    remarks: tuple[Paragraph | Table, ...] = (*_late_reports(report), *_unjudged(report), *_readings(report))
    return Section(texts.TARGETS, (_table(report), *said, *remarks))


def _table(report: MonthlyReport) -> Table:
    rows = tuple(_row(number, line, report) for number, line in enumerate(report.targets, start=1))
    return Table(texts.TARGETS_TABLE, of_period(report), _COLUMNS, rows)


def _row(number: int, line: TargetLine, report: MonthlyReport) -> tuple[Cell, ...]:
    result, unit, tone = line.result, line.target.unit, _TONES.get(line.result.state, Tone.QUIET)
    forecast = result.forecast.value if result.forecast else None
    points = texts.POINTS.zh if unit == "share" else ""
    return (
        count_cell(number),
        _name(line, report),
        figure_cell(result.figure, unit),
        figure_cell(line.before, unit) if line.before else BLANK,
        value_cell(result.required, unit),
        value_cell(result.goal, unit),
        difference_cell(result.gap, unit, texts.WORST.zh if result.bound > 1 else points, tone),
        _verdict(result.met),
        _verdict(result.on_pace),
        text_cell(texts.STATES[result.state], tone),
        value_cell(forecast, unit),
    )


def _name(line: TargetLine, report: MonthlyReport) -> Cell:
    """With its English name; who leads and which item of the plan it is stand in the same small letters."""
    target = line.target
    every = target.scope is TargetScope.EACH_DEPARTMENT
    lead = texts.EVERY_DEPARTMENT.zh if every else "、".join(report.department(id_).zh for id_ in target.lead)
    marks = (marked_text(mark, target.unit).zh for mark in line.result.marks)
    return Cell(target.names.zh, " · ".join(part for part in (target.names.en, _source(target), lead, *marks) if part))


def _source(target: Target) -> str:
    """Items of the plan are numbered; its parts are named."""
    numbers = "、".join(target.source)
    text = texts.ITEM_OF_PLAN if numbers[:1].isdecimal() else texts.PART_OF_PLAN
    return text.zh.format(source=numbers) if numbers else ""


def _verdict(keeps: bool | None) -> Cell:
    if keeps is None:
        return BLANK
    return text_cell(texts.YES, Tone.GOOD) if keeps else text_cell(texts.NO, Tone.BAD)


def _explained(report: MonthlyReport) -> Iterator[Paragraph]:
    """The change of the compression since the day before the plan's period, by cause."""
    for line in report.targets:
        if line.result.causes:
            said, names = causes_text(line.result.causes), line.target.names
            zh, en = {"name": names.zh, "causes": said.zh}, {"name": names.en, "causes": said.en}
            yield Paragraph(filled(texts.COMPRESSION_CAUSES, dict[str, object](zh), dict[str, object](en)))


def _marked(report: MonthlyReport) -> Iterator[Paragraph]:
    """Beside each figure that gains from a finding: from how many items, and its value without them."""
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


def _late_reports(report: MonthlyReport) -> Iterator[Paragraph]:
    """Name the departments that reported late or not at all: month, days, indicators; it stays so for the year."""
    late = [one for one in report.reports.months if one.timeliness is not Timeliness.ON_TIME]
    if late:
        told = joined((_late(one, report) for one in late[:MOST_LATE]), texts.CLAUSES)
        more = filled(texts.LATE_MORE, {"n": len(late) - MOST_LATE}) if len(late) > MOST_LATE else Sentence("", "")
        yield Paragraph(sentence_of(filled(texts.LATE_TITLE, {"n": len(late)}), told, more, texts.END))


def _late(one: DepartmentMonth, report: MonthlyReport) -> Sentence:
    department, missing = report.department(one.department), one.missing
    listed = [report.plan.indicator_names[id_] for id_ in (missing or one.late)]
    told: dict[str, object] = {"year": one.month.year, "month": one.month.month, "days": one.days}
    zh: dict[str, object] = {"department": department.zh, "indicators": "、".join(name.zh for name in listed)}
    en: dict[str, object] = {"department": department.en, "indicators": ", ".join(name.en for name in listed)}
    return filled(texts.REPORT_MISSING if missing else texts.REPORT_LATE, told | zh, en)


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
    """Why nothing can be said of a target; None where something can."""
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
        yield Table(texts.READINGS_TABLE, of_period(report), _READING_COLUMNS, rows)


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
