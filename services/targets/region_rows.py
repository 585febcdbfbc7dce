"""Rows that describe a region on /metrics: its plan, names, and what lowers its figures or makes them doubtful."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta

from hallpulse import metrics as names
from hallpulse.domain.compression import CAUSE_NAMES, COMPRESSION
from hallpulse.domain.flow import PARTS
from hallpulse.domain.indicators import COMPUTED, marks_on
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.reporting import MONTHLY_REPORT
from hallpulse.domain.sources import Grade
from hallpulse.domain.targets import figure_of
from hallpulse.domain.workdays import SHANGHAI
from services.targets.readings import RegionView

Row = tuple[tuple[str, ...], float]
"""A row's labels without the region, and its value."""


def _region(view: RegionView) -> Iterator[Row]:
    if view.plan is not None and view.plan.region_names is not None:
        yield (view.plan.region_names.zh, view.plan.region_names.en), 1


def _plan(view: RegionView) -> Iterator[Row]:
    if view.plan is not None:
        yield (view.plan.id, view.plan.names.zh, view.plan.names.en, view.plan.document), 1


def _plan_start(view: RegionView) -> Iterator[Row]:
    if view.plan is not None:
        yield (view.plan.id,), _midnight(view.plan, 0)


def _plan_end(view: RegionView) -> Iterator[Row]:
    if view.plan is not None:
        yield (view.plan.id,), _midnight(view.plan, 1)


def _midnight(plan: Plan, after: int) -> float:
    """Return midnight before the period's first day, or after its last day if `after`, as seconds since the epoch."""
    day = plan.period.end + timedelta(days=1) if after else plan.period.start
    return datetime.combine(day, time(), SHANGHAI).timestamp()


def _target_names(view: RegionView) -> Iterator[Row]:
    for target in view.plan.targets if view.plan else ():
        leads, sources = ",".join(target.lead), ",".join(target.source)
        called = target.id, target.indicator, target.unit, target.names.zh, target.names.en
        yield (*called, leads, sources, target.severity.value), 1


def _readings(view: RegionView) -> Iterator[Row]:
    for target in view.plan.targets if view.plan else ():
        for reading, goal in target.readings().items():
            yield (target.id, target.indicator, reading), float(goal)


def _indicator_names(view: RegionView) -> Iterator[Row]:
    called = view.plan.indicator_names if view.plan else {i.id: Names(i.zh, i.en) for i in COMPUTED.values()}
    units = {i.id: i.unit for i in COMPUTED.values()}
    units |= {i.id: i.unit for i in view.plan.indicators} if view.plan else {}
    units.setdefault(MONTHLY_REPORT, "share")
    for indicator, name in called.items():
        yield (indicator, name.zh, name.en, units[indicator]), 1


def _departments(view: RegionView) -> Iterator[Row]:
    called = {d.id: d.names for d in view.plan.departments} if view.plan else {}
    called.setdefault(names.OTHER, Names("其他", "other"))
    for department in sorted({*view.departments, names.OTHER}):
        name = called.get(department, Names(department, department))
        yield (department, name.zh, name.en), 1


def _ago(view: RegionView) -> Iterator[Row]:
    shown = view.plan.indicator_names if view.plan else COMPUTED
    for days, table in view.background.before.items():
        for indicator in shown:
            value = figure_of(table, indicator).value
            if value is not None:
                yield (indicator, str(days)), float(value)


def _lowered(view: RegionView) -> Iterator[Row]:
    for lowering in view.lowerings:
        change = lowering.change
        department = change.department if change.department in view.departments else names.OTHER
        yield (department, change.item_code, change.name), float(lowering.share)


def _provisional(view: RegionView) -> Iterator[Row]:
    yield (), float(view.background.provisional)


def _findings(view: RegionView) -> Iterator[Row]:
    for check, count in view.findings.items():
        yield (check,), count


def _flow(view: RegionView) -> Iterator[Row]:
    for part in PARTS:
        yield (part,), getattr(view.flow, part)


def _marked(view: RegionView) -> Iterator[Row]:
    for result in view.results:
        if result.department is None:
            yield from (((result.target.id, mark.check), 1) for mark in result.marks)


def _department_marked(view: RegionView) -> Iterator[Row]:
    """Yield the departments with a marked figure.

    These are the marks of targets that bind each department, and, for a region's target of compression, the marks on
    each department's part of the figure.
    """
    for result in view.results:
        if result.department is not None:
            yield from (((result.department, result.target.id, mark.check), 1) for mark in result.marks)
        elif result.target.indicator == COMPRESSION and not view.plan_binds(result.target):
            for department in sorted(view.departments):
                own = view.table.figure(COMPRESSION, department)
                marks = marks_on(COMPRESSION, own, view.doubts, department)
                yield from (((department, result.target.id, mark.check), 1) for mark in marks)


def _gains(view: RegionView) -> Iterator[Row]:
    found = {result.target.id: result.causes for result in view.results if result.department is None}
    for target in view.plan.targets if view.plan else ():
        if target.indicator == COMPRESSION:
            for one in found.get(target.id) or view.background.causes:
                yield (target.id, one.cause.value, *CAUSE_NAMES[one.cause]), float(one.share)


def _without(view: RegionView) -> Iterator[Row]:
    for result in view.results:
        if result.department is None:
            for mark in result.marks:
                if mark.without.value is not None:
                    yield (result.target.id, mark.check), float(mark.without.value)


def _department_without(view: RegionView) -> Iterator[Row]:
    for department in sorted(view.departments):
        for mark in marks_on(COMPRESSION, view.table.figure(COMPRESSION, department), view.doubts, department):
            if mark.without.value is not None:
                yield (department, COMPRESSION, mark.check), float(mark.without.value)


def _source_grades(view: RegionView) -> Iterator[Row]:
    for card in view.sources:
        if card.grade in GRADE_NUMBERS:
            yield (card.counts.hall,), GRADE_NUMBERS[card.grade]


def _source_shares(view: RegionView) -> Iterator[Row]:
    for card in view.sources:
        for aspect in card.aspects:
            if aspect.figure.value is not None:
                yield (card.counts.hall, aspect.kind.id), float(aspect.figure.value)


GRADE_NUMBERS = {Grade.A: 1, Grade.B: 2, Grade.C: 3, Grade.D: 4}


def _working(view: RegionView) -> Iterator[Row]:
    yield (), float(view.background.working)


OF_REGION: dict[names.MetricFamily, Callable[[RegionView], Iterator[Row]]] = {
    names.REGION_INFO: _region,
    names.PLAN_INFO: _plan,
    names.PLAN_START: _plan_start,
    names.PLAN_END: _plan_end,
    names.TARGET_INFO: _target_names,
    names.TARGET_READING: _readings,
    names.INDICATOR_INFO: _indicator_names,
    names.DEPARTMENT_INFO: _departments,
    names.INDICATOR_AGO: _ago,
    names.ITEM_DROP: _lowered,
    names.PROVISIONAL: _provisional,
    names.WORKING_DAY: _working,
    names.INTEGRITY_FINDINGS: _findings,
    names.FLOW_CASES: _flow,
    names.SOURCE_GRADE: _source_grades,
    names.SOURCE_SHARE: _source_shares,
    names.TARGET_MARKED: _marked,
    names.DEPARTMENT_TARGET_MARKED: _department_marked,
    names.TARGET_GAIN: _gains,
    names.TARGET_WITHOUT: _without,
    names.DEPARTMENT_WITHOUT: _department_without,
}
