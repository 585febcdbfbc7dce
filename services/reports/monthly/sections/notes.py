"""The section of notes: the figures' definitions, their basis in plan and law, provisional calendars."""

from __future__ import annotations

from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.plan import TREND_DAYS, Names
from services.reports.monthly import definitions, texts
from services.reports.monthly.document import Column, Paragraph, Section, Table
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.sections.summary import MAIN
from services.reports.monthly.shown import day, filled, joined, named, text_cell

PLACE = 14


_COLUMNS = (
    Column(texts.INDICATOR, 46, left=True),
    Column(texts.NUMERATOR, 58, left=True),
    Column(texts.DENOMINATOR, 70, left=True),
)


def section(report: MonthlyReport) -> Section:
    written = (*_basis(report), *definitions.LAW, *_declared(report))
    remarks = tuple(Paragraph(text, quiet=True) for text in written)
    return Section(texts.NOTES, (*remarks, _definitions(report)))


def _basis(report: MonthlyReport) -> Iterator[Sentence]:
    plan, note = report.plan, report.plan.note or Names("", "")
    zh: dict[str, object] = {"document": plan.document, "name": plan.names.zh, "id": plan.id, "note": note.zh}
    whole = filled(texts.RECORDED_PLAN, zh, {"name": plan.names.en, "note": note.en})
    yield Sentence(whole.zh.strip(), whole.en.strip())
    on, end = day(report.on), day(plan.period.end)
    yield filled(texts.PATH, {"on": on.zh, "end": end.zh, "days": TREND_DAYS}, {"on": on.en, "end": end.en})
    if plan.min_denominator > 1:
        yield filled(texts.SMALL, {"least": plan.min_denominator})
    for one in report.successions:
        words = {"code": one.region, "successor": one.successor, "document": one.document, "reason": one.reason}
        start = day(one.day)
        text = texts.CODE_ENDED if one.ends else texts.CODE_SPLIT
        yield filled(text, {**words, "day": start.zh}, {**words, "day": start.en})
    if report.provisional:
        yield filled(texts.PROVISIONAL, {"years": "、".join(map(str, report.provisional))})


def _definitions(report: MonthlyReport) -> Table:
    """Return the table of definitions of every computed indicator that the report shows."""
    shown = {line.target.indicator for line in report.targets} | {*MAIN, "rating_coverage"}
    shown |= {indicator for ranking in report.rankings for indicator in ranking.indicators}
    rows = tuple(
        (text_cell(Sentence(indicator.zh, indicator.en)), *map(text_cell, definitions.PARTS[indicator.id]))
        for indicator in COMPUTED.values()
        if indicator.id in shown and indicator.id in definitions.PARTS
    )
    on = day(report.on)
    return Table(texts.DEFINITIONS_TABLE, filled(texts.DEFINED_ON, {"on": on.zh}, {"on": on.en}), _COLUMNS, rows)


def _declared(report: MonthlyReport) -> Iterator[Sentence]:
    """Yield a sentence that names the declared indicators, which the suite does not compute."""
    used = [line.target.indicator for line in report.targets]
    used += [line.target.reference_indicator for line in report.targets if line.target.reference_indicator is not None]
    listed = [report.plan.indicator_names[id_] for id_ in dict.fromkeys(used) if report.plan.is_declared(id_)]
    if listed:
        names = joined(named(one) for one in listed)
        yield filled(texts.DECLARED, {"names": names.zh}, {"names": names.en})
