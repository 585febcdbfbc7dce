"""The whole report as a document."""

from __future__ import annotations

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Window

from . import texts
from .document import Document
from .report import MonthlyReport
from .sections import sections
from .shown import day, filled, moment, named


def document_of(report: MonthlyReport) -> Document:
    names, month = report.plan.names, report.month.start
    values: dict[str, object] = {"year": month.year, "month": month.month, "day": report.on.day}
    return Document(
        title=filled(texts.TITLE, {"plan": names.zh}, {"plan": names.en}),
        subtitle=filled(texts.SUBTITLE if report.finished else texts.SUBTITLE_RUNNING, values),
        facts=_facts(report),
        sections=sections(report),
        closing=texts.CLOSING,
    )


def _facts(report: MonthlyReport) -> tuple[tuple[Sentence, Sentence], ...]:
    plan = report.plan
    phase = plan.phase_on(report.on)
    return (
        (texts.BASIS, Sentence(plan.document, plan.document)),
        (texts.REGION, Sentence(str(plan.region), str(plan.region))),
        (texts.PERIOD, _span(report.period or plan.period)),
        (texts.MONTH, _span(report.window)),
        (texts.PHASE, named(phase.names) if phase else texts.NO_PHASE),
        (texts.FRESHNESS, moment(report.coverage.newest)),
        (texts.COMPILED, moment(report.compiled)),
    )


def _span(window: Window) -> Sentence:
    start, end = day(window.start), day(window.end)
    return filled(texts.SPAN, {"start": start.zh, "end": end.zh}, {"start": start.en, "end": end.en})
