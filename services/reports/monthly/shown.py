"""Figures, days and names as readers see them, as texts and as cells of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from fractions import Fraction
from urllib.parse import quote, urlencode

from hallpulse.contract.reasons import Sentence
from hallpulse.display import NOTHING, amount, difference
from hallpulse.domain.compression import CAUSE_NAMES, CauseShare
from hallpulse.domain.figures import Coverage, Figure, Window
from hallpulse.domain.indicators import COMPUTED, Mark
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Names, Plan
from hallpulse.domain.workdays import SHANGHAI
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Tone, Unit
from services.reports.monthly.periods import BEFORE
from services.reports.monthly.report import MonthlyReport, TargetLine

BLANK = Cell(NOTHING, tone=Tone.QUIET)


def filled(text: Sentence, zh: dict[str, object], en: dict[str, object] | None = None) -> Sentence:
    """Return the text with its placeholders filled. en: the values that differ in English."""
    return Sentence(text.zh.format(**zh), text.en.format(**(zh | (en or {}))))


def joined(parts: Iterable[Sentence], between: Sentence = texts.LIST) -> Sentence:
    listed = list(parts)
    return Sentence(between.zh.join(p.zh for p in listed), between.en.join(p.en for p in listed))


def sentence_of(*parts: Sentence) -> Sentence:
    """Return the sentences joined into one, without anything between them."""
    return Sentence("".join(p.zh for p in parts), "".join(p.en for p in parts))


def named(names: Names) -> Sentence:
    return Sentence(names.zh, names.en)


def day(on: date) -> Sentence:
    """Return a day in both languages: 2023年5月31日, 2023-05-31."""
    return Sentence(f"{on.year}年{on.month}月{on.day}日", on.isoformat())


def moment(time: int | None) -> Sentence:
    """Return a time to the minute, in Asia/Shanghai. time: microseconds since 1970-01-01 UTC; None if no event came."""
    if time is None:
        return texts.NO_EVENTS
    local = datetime.fromtimestamp(time // 1_000_000, SHANGHAI)
    return Sentence(f"{day(local.date()).zh}{local:%H:%M}", f"{local:%Y-%m-%d %H:%M}")


def value_text(value: Fraction | None, unit: str) -> str:
    """Return a value as text without blanks, as Chinese writes it: 31.94%, 2.75, 196."""
    return amount(value, unit).replace(" ", "")


def gap_text(value: Fraction | None, unit: str) -> Sentence:
    """Return the size of a gap, without its sign."""
    shown = difference(value, unit).lstrip("+−")
    return Sentence(f"{shown}个百分点", f"{shown} points") if unit == "share" else Sentence(shown, shown)


CHECK_NAMES = {check.id: Sentence(check.zh, check.en) for check in CHECKS}


def marked_text(mark: Mark, unit: str) -> Sentence:
    """Return a short text about a finding that a figure gains from."""
    check = CHECK_NAMES[mark.check]
    values: dict[str, object] = {"n": mark.findings, "value": value_text(mark.without.value, unit), "check": check.zh}
    return filled(texts.MARKED_ONE, values, {"check": check.en})


def causes_text(causes: Iterable[CauseShare]) -> Sentence:
    """Return the causes of the compression's change, in points: 压缩承诺时限 +5.21，提高法定时限 +1.80."""
    parts = ((CAUSE_NAMES[one.cause], f"{float(one.share) * 100:+.2f}".replace("-", "−")) for one in causes)
    return joined(Sentence(f"{zh} {points}", f"{en} {points}") for (zh, en), points in parts)


def parts_text(figure: Figure) -> str:
    return f"{figure.numerator}/{figure.denominator}"


def figure_cell(figure: Figure, unit: str, tone: Tone = Tone.PLAIN) -> Cell:
    """Return a cell with a figure, and below it numerator and denominator; a count has the count alone."""
    parts, known = (figure.numerator, figure.denominator), known_text(figure)
    if figure.value is None:
        return Cell(NOTHING, known, parts=parts, tone=Tone.QUIET)
    small = "" if unit == "count" else parts_text(figure)
    return Cell(
        value_text(figure.value, unit), " ".join(filter(None, (small, known))), figure.value, _unit(unit), parts, tone
    )


def known_text(figure: Figure) -> str:
    """Return the number of items whose flag or limit is known, as 已知1100/1200; empty if it is known for all."""
    if figure.known is None or figure.known.count == figure.known.items:
        return ""
    return texts.KNOWN.zh.format(n=figure.known.count, m=figure.known.items)


def forecast_text(line: TargetLine) -> Sentence:
    """Return a forecast as text. A count's forecast becomes "about" a whole number, on the same side of the goal."""
    result, unit = line.result, line.target.unit
    value = result.forecast.value if result.forecast else None
    if value is None or unit != "count" or value.denominator == 1:
        return Sentence(value_text(value, unit), value_text(value, unit))
    return filled(texts.ABOUT, {"n": _whole(value, line)})


def _whole(value: Fraction, line: TargetLine) -> int:
    nearest, goal = round(value), line.result.goal
    if goal is None:
        return nearest
    keeps = line.target.rule.keeps(value, goal)
    sides = (nearest, math.floor(value), math.ceil(value))
    return next((one for one in sides if line.target.rule.keeps(Fraction(one), goal) == keeps), nearest)


def forecast_cell(line: TargetLine) -> Cell:
    """Return a cell with the text of `forecast_text`, and the exact number for a workbook."""
    forecast, said = line.result.forecast, forecast_text(line)
    if forecast is None:
        return BLANK
    if line.target.unit == "count" and forecast.value.denominator != 1:
        return Cell(said.zh, "", forecast.value, "about", en=said.en)
    return value_cell(forecast.value, line.target.unit)


def value_cell(value: Fraction | None, unit: str, tone: Tone = Tone.PLAIN) -> Cell:
    return BLANK if value is None else Cell(value_text(value, unit), "", value, _unit(unit), tone=tone)


def difference_cell(value: Fraction | None, unit: str, small: str = "", tone: Tone = Tone.PLAIN) -> Cell:
    """Return a cell with a signed difference; the difference of two shares is in percentage points."""
    if value is None:
        return BLANK
    kind: Unit = "points" if unit == "share" else _unit(unit)
    return Cell(difference(value, unit), small, value, kind, tone=tone)


def count_cell(count: int, tone: Tone = Tone.PLAIN) -> Cell:
    return Cell(str(count), "", Fraction(count), tone=tone if count else Tone.QUIET)


def number_cell(value: Fraction, small: str = "", tone: Tone = Tone.PLAIN) -> Cell:
    """Return a cell with a number without unit, such as points of a score; 0 is pale."""
    return Cell(value_text(value, "count"), small, value, tone=tone if value else Tone.QUIET)


def text_cell(text: Sentence, tone: Tone = Tone.PLAIN) -> Cell:
    return Cell(text.zh, tone=tone, en=text.en if text.en != text.zh else "")


def change_cells(now: Figure, before: Figure | None, unit: str) -> tuple[Cell, Cell]:
    """Return two cells: an earlier figure, and by how much the figure has changed since."""
    if before is None or before.value is None:
        return BLANK, BLANK
    change = None if now.value is None else now.value - before.value
    share = f"{difference(change / before.value, 'share')}%" if unit == "count" and change and before.value else ""
    return figure_cell(before, unit), difference_cell(change, unit, share)


def compared_columns(report: MonthlyReport) -> tuple[Column, ...]:
    before = BEFORE[report.asked.kind]
    return (
        Column(texts.INDICATOR, 48, left=True),
        Column(texts.NOW, 28, figure=True, key="value"),
        Column(before, 28, figure=True, key="before"),
        Column(texts.CHAIN, 20, key="chain", formula="value - before"),
        Column(texts.YEAR_AGO, 28, figure=True, key="year_ago"),
        Column(texts.ON_YEAR, 20, key="on_year", formula="value - year_ago"),
    )


def compared(report: MonthlyReport, indicators: Iterable[str]) -> tuple[tuple[tuple[Cell, ...], ...], tuple[str, ...]]:
    """Return the rows of a table and their queries: each indicator now, in the period before and a year before."""
    rows, nothing = [], Figure(0, 0)
    for id_ in indicators:
        unit, now = unit_of(id_, report.plan), report.figure(id_)
        before, year_ago = report.previous.get(id_, nothing), report.year_before.get(id_, nothing)
        rows.append((
            text_cell(named(report.plan.indicator_names[id_])),
            figure_cell(now, unit),
            *change_cells(now, before, unit),
            *change_cells(now, year_ago, unit),
        ))  # fmt: skip
    query = query_of(report, "/v1/indicators", **days_of(report.window))
    return tuple(rows), (query,) * len(rows)


def query_of(report: MonthlyReport, path: str, department: str | None = None, **asked: str) -> str:
    """Return the gateway's request that returns a figure, for the department or hall that the report is about."""
    scope = {"department": department or report.scope.department, "hall": report.scope.hall}
    if path in _OF_REGION:
        scope = {}
    given = {"region": str(report.plan.region), **asked, **{name: own for name, own in scope.items() if own}}
    return f"{path}?{urlencode(given)}"


_OF_REGION = ("/v1/targets", "/v1/scores", "/v1/departments")


def case_query(report: MonthlyReport, hall: str, case_id: str) -> str:
    return f"/v1/cases/{report.plan.region}/{quote(hall, safe='')}/{quote(case_id, safe='')}"


def days_of(window: Window) -> dict[str, str]:
    return {"from": str(window.start), "to": str(window.end)}


def unit_of(indicator: str, plan: Plan) -> str:
    computed = COMPUTED.get(indicator)
    if computed is not None:
        return computed.unit
    return next((declared.unit for declared in plan.indicators if declared.id == indicator), "share")


def _unit(unit: str) -> Unit:
    return "share" if unit == "share" else "days" if unit == "days" else "count"


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
