"""The summary: sentences made from the figures, and the main figures beside those of earlier periods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.targets import State
from services.reports.monthly import texts
from services.reports.monthly.document import Paragraph, Section, Table
from services.reports.monthly.periods import BEFORE, THIS
from services.reports.monthly.report import MonthlyReport, TargetLine
from services.reports.monthly.shown import (
    compared,
    compared_columns,
    day,
    filled,
    forecast_text,
    gap_text,
    joined,
    named,
    of_month,
    parts_text,
    sentence_of,
    value_text,
)

PLACE = 1
_SHORT = (State.BEHIND, State.MISSED)
MAIN = (
    "acceptance_rate",
    "due_kept_rate",
    "promise_kept_rate",
    "mean_elapsed_days",
    "instant_case_share",
    "unified_acceptance_rate",
    "full_process_acceptance_rate",
    "actual_compression",
    "satisfaction",
)
"""Indicators that every report compares with earlier periods."""


def section(report: MonthlyReport) -> Section:
    running = () if report.finished else (Paragraph(_running(report), quiet=True),)
    judged = (_counted(report), _short(report), *_forecasts(report)) if report.targets else ()
    stated = (*judged, _cases(report), *_compression(report))
    standing = (_open(report), _reported(report))
    return Section(texts.SUMMARY, (*running, *map(Paragraph, (*stated, *standing)), _compared(report)))


def _compared(report: MonthlyReport) -> Table:
    rows, queries = compared(report, MAIN)
    return Table(texts.MAIN_TABLE, of_month(report), compared_columns(report), rows, queries=queries)


def _running(report: MonthlyReport) -> Sentence:
    on, this = day(report.on), THIS[report.asked.kind]
    return filled(texts.RUNNING, {"on": on.zh, "this": this.zh}, {"on": on.en, "this": this.en})


def _counted(report: MonthlyReport) -> Sentence:
    states = Counter(line.result.state for line in report.targets)
    values = {state.value: states[state] for state in (State.MET, State.ON_PACE, State.BEHIND, State.MISSED)}
    on, whole = day(report.on), len(report.targets)
    counts: dict[str, object] = {**values, "n": whole, "rest": whole - sum(values.values())}
    return filled(texts.COUNTED, {**counts, "on": on.zh}, {"on": on.en})


def _short(report: MonthlyReport) -> Sentence:
    short = [_short_one(line) for line in report.targets if line.result.state in _SHORT]
    if not short:
        return texts.NONE_SHORT if any(line.result.judged for line in report.targets) else texts.NONE_JUDGED
    return sentence_of(texts.SHORT, joined(short, texts.CLAUSES), texts.END)


def _short_one(line: TargetLine) -> Sentence:
    result, name, unit = line.result, named(line.target.names), line.target.unit
    if result.bound > 1:
        short = sum(one.met is False for one in line.departments)
        return filled(texts.SHORT_BOUND, {"name": name.zh, "n": short}, {"name": name.en})
    gap = gap_text(result.gap, unit)
    figures: dict[str, object] = {
        "value": value_text(result.value, unit),
        "parts": parts_text(result.figure),
        "required": value_text(result.required, unit),
        "goal": value_text(result.goal, unit),
    }
    return filled(texts.SHORT_ONE, {**figures, "name": name.zh, "gap": gap.zh}, {"name": name.en, "gap": gap.en})


def _forecasts(report: MonthlyReport) -> Iterator[Sentence]:
    """Yield which targets that are not met yet will be met by their forecasts, and which will not."""
    end = day(report.plan.period.end)
    sides: dict[bool, list[Sentence]] = {True: [], False: []}
    for line in report.targets:
        result = line.result
        if result.met is not False or result.forecast is None or result.goal is None or result.state is State.MISSED:
            continue
        keeps = line.target.rule.keeps(result.forecast.value, result.goal)
        name, value, goal = named(line.target.names), forecast_text(line), value_text(result.goal, line.target.unit)
        zh: dict[str, object] = {"name": name.zh, "value": value.zh, "goal": goal}
        sides[keeps].append(filled(texts.FORECAST_ONE, zh, {"name": name.en, "value": value.en}))
    for keeps, text in ((True, texts.FORECAST_MET), (False, texts.FORECAST_SHORT)):
        if sides[keeps]:
            names = joined(sides[keeps])
            yield filled(text, {"end": end.zh, "names": names.zh}, {"end": end.en, "names": names.en})


def _cases(report: MonthlyReport) -> Sentence:
    """Return a sentence on the period's cases from acceptance to rating; it also says what there was none of."""
    accepted, rate = report.figure("acceptance_rate"), report.figure
    this = THIS[report.asked.kind]
    counts: dict[str, object] = {
        "accepted": accepted.numerator,
        "rejected": accepted.denominator - accepted.numerator,
        "this": this.zh,
    }
    clauses = [filled(texts.ACCEPTED, counts, {"this": this.en}), *_decided(report), _due(report)]
    rated = rate("satisfaction")
    values: dict[str, object] = {"rated": rated.denominator, "rate": value_text(rated.value, "share")}
    clauses.append(filled(texts.RATED, values) if rated.denominator else texts.NOTHING_RATED)
    return sentence_of(joined(clauses, texts.CLAUSES), texts.END)


def _decided(report: MonthlyReport) -> Iterator[Sentence]:
    instant, mean = report.figure("instant_case_share"), report.figure("mean_elapsed_days")
    if not instant.denominator:
        yield texts.NOTHING_DECIDED
        return
    share = value_text(instant.value, "share")
    yield filled(texts.DECIDED, {"timed": instant.denominator, "instant": instant.numerator, "share": share})
    if mean.denominator:
        yield filled(texts.ELAPSED, {"mean": value_text(mean.value, "days"), "p90": report.percentiles["p90"]})


def _due(report: MonthlyReport) -> Sentence:
    due = report.figure("due_kept_rate")
    if not due.denominator:
        return texts.NOTHING_DUE
    values = {"due": due.denominator, "kept": due.numerator, "rate": value_text(due.value, "share")}
    return filled(texts.DUE, values)


def _compression(report: MonthlyReport) -> Iterator[Sentence]:
    was, now = (figure.value for figure in report.compression)
    if was is None or now is None:
        return
    text = texts.COMPRESSION_SAME
    if now != was:
        text = texts.COMPRESSION_ROSE if now > was else texts.COMPRESSION_FELL
    by = gap_text(now - was, "share").en.removesuffix(" points")
    before = BEFORE[report.asked.kind]
    values: dict[str, object] = {"now": value_text(now, "share"), "was": value_text(was, "share"), "by": by}
    yield filled(text, {**values, "before": before.zh}, {"before": before.en})


def _open(report: MonthlyReport) -> Sentence:
    counts = Counter[str]()
    for line in report.open_lines:
        counts.update(line.states)
    on = day(report.on)
    values: dict[str, object] = {state: counts[state] for state in texts.OPEN_STATES}
    return filled(texts.OPEN_NOW, {**values, "open": counts.total(), "on": on.zh}, {"on": on.en})


def _reported(report: MonthlyReport) -> Sentence:
    found = [one for one in report.findings if one.count]
    values: dict[str, object] = {
        "halls": report.coverage.halls,
        "reporting": report.coverage.reporting,
        "kinds": len(found),
        "count": sum(one.count for one in found),
        "this": THIS[report.asked.kind].zh,
    }
    return filled(
        texts.REPORTED if report.scope.hall is None else texts.FOUND, values, {"this": THIS[report.asked.kind].en}
    )
