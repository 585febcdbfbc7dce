"""Composition of a whole report into a document."""

from __future__ import annotations

import re

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Window
from hallpulse.domain.plan import Names

from . import texts
from .document import Document, Imprint, Language, Section, Table, evened, in_language
from .periods import KINDS
from .report import MonthlyReport
from .sections import sections
from .shown import day, filled, joined, moment, named

_NOT_IN_NAMES = re.compile(r"[^\w.-]")
_NUMERALS = "零一二三四五六七八九十"


def document_of(report: MonthlyReport, language: Language = "both") -> Document:
    """Return the report as a document, in Chinese with English or in Chinese alone."""
    period = report.asked.name
    zh: dict[str, object] = {"period": period.zh, "day": report.on.day}
    document = Document(
        title=_title(report),
        subtitle=filled(texts.SUBTITLE if report.finished else texts.SUBTITLE_RUNNING, zh, {"period": period.en}),
        facts=_facts(report),
        opening=_opening(report),
        sections=tuple(_numbered(number, one) for number, one in enumerate(sections(report), start=1)),
        imprint=_imprint(report, language),
        closing=texts.CLOSING,
    )
    return in_language(document, language)


def _numbered(number: int, section: Section) -> Section:
    tens, ones = divmod(number, 10)
    numeral = ("十" if tens else "") + (_NUMERALS[ones] if ones else "")
    blocks = tuple(evened(block) if isinstance(block, Table) else block for block in section.blocks)
    return Section(Sentence(f"{numeral}、{section.head.zh}", f"{number}. {section.head.en}"), blocks)


def _title(report: MonthlyReport) -> Sentence:
    kind = KINDS[report.asked.kind]
    if report.is_whole:
        names = report.plan.names
        return filled(texts.TITLE, {"plan": names.zh, "kind": kind.zh}, {"plan": names.en, "kind": kind.en})
    who = subject(report)
    return filled(texts.TITLE_OF_ONE, {"who": who.zh, "kind": kind.zh}, {"who": who.en, "kind": kind.en})


def subject(report: MonthlyReport) -> Sentence:
    """Return the name of the hall, department or region that the report is about."""
    if report.scope.hall is not None:
        hall = report.hall(report.scope.hall)
        return Sentence(hall, hall)
    if report.scope.department is not None:
        return named(report.department(report.scope.department))
    return _region(report)


def _region(report: MonthlyReport) -> Sentence:
    code = str(report.plan.region)
    return named(report.plan.region_names or Names(code, code))


def _opening(report: MonthlyReport) -> Sentence:
    who, period, document = subject(report), report.asked.name, report.plan.document
    zh: dict[str, object] = {"document": document, "who": who.zh, "period": period.zh}
    return filled(texts.OPENING, zh, {"who": who.en, "period": period.en})


def _imprint(report: MonthlyReport, language: Language) -> Imprint:
    letter, region, compiled = report.plan.letter, _region(report), report.compiled_on
    name = file_stem(report.plan.region, report.asked.text, report.scope.department or report.scope.hall, language)
    date_ = day(compiled)
    attached = filled(texts.ATTACHED, {"name": name})
    if letter is None:
        to = texts.TO_ALL
        issuer = filled(texts.ISSUER, {"region": region.zh}, {"region": region.en})
        return Imprint(to, issuer, Sentence("", ""), date_, Sentence("", ""), attached)
    signer = Sentence(letter.signer, letter.signer)
    return Imprint(
        named(letter.to), named(letter.issuer), signer, date_, joined(map(named, letter.copies), texts.COPIES), attached
    )


def file_stem(region: int, period: str, whose: str | None, language: str | None) -> str:
    """Return the name of a report's file without extension: the region's code and the period, as in 222424-2023-05.

    whose: the id of a department or a hall, appended if given; language: appended unless it is `zh`.
    """
    parts = (whose, language if language != "zh" else None)
    return "-".join((str(region), period, *(_NOT_IN_NAMES.sub("_", part) for part in parts if part)))


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
