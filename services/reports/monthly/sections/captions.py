"""What stands under a table's title: the days it is over, how many halls reported in them, and how fresh it is."""

from __future__ import annotations

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Window
from services.reports.monthly import texts
from services.reports.monthly.material import Coverage
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import day, filled, moment


def of_month(report: MonthlyReport, text: Sentence = texts.OVER) -> Sentence:
    return over(text, report.window, report.coverage, report.compiled)


def of_period(report: MonthlyReport) -> Sentence:
    return over(texts.OVER, report.period or report.window, report.period_coverage, report.compiled)


def over(text: Sentence, window: Window, coverage: Coverage, compiled: int) -> Sentence:
    start, end, newest, made = day(window.start), day(window.end), moment(coverage.newest), moment(compiled)
    counts: dict[str, object] = {"reporting": coverage.reporting, "halls": coverage.halls}
    zh = {"start": start.zh, "end": end.zh, "newest": newest.zh, "compiled": made.zh}
    en = {"start": start.en, "end": end.en, "newest": newest.en, "compiled": made.en}
    return filled(text, {**counts, **zh}, {**en})
