"""The section on data quality: coverage, silent halls, integrity findings, the halls' grades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.figures import Coverage, Window
from hallpulse.domain.integrity import FindingGroup, Findings
from hallpulse.domain.sources import Grade, Scorecard
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.periods import THIS
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import (
    count_cell,
    day,
    days_of,
    filled,
    joined,
    moment,
    of_month,
    query_of,
    text_cell,
    value_text,
)

PLACE = 10
MOST_EXAMPLES = 3
_COVERAGE_COLUMNS = (
    Column(texts.COVERED, 76, left=True),
    Column(texts.HALLS, 22),
    Column(texts.REPORTING, 26),
    Column(texts.NEWEST, 46, left=True),
)
_FINDING_COLUMNS = (
    Column(texts.CHECK, 58, left=True),
    Column(texts.CONCERNS, 18),
    Column(texts.COUNT, 18),
    Column(texts.EXAMPLES, 76, left=True),
)
_SOURCE_COLUMNS = (
    Column(texts.SOURCE, 44, left=True),
    Column(texts.GRADE, 18),
    Column(texts.TO_MEND, 108, left=True),
)


def section(report: MonthlyReport) -> Section:
    blocks = [_coverage(report), *_silent(report), *_findings(report), *_sources(report)]
    return Section(texts.QUALITY, tuple(blocks))


def _coverage(report: MonthlyReport) -> Table:
    rows = [_covered(THIS[report.asked.kind], report.window, report.coverage)]
    if report.period is not None:
        rows.append(_covered(texts.OF_PERIOD, report.period, report.period_coverage))
    windows = [report.window, *([report.period] if report.period is not None else [])]
    queries = tuple(query_of(report, "/v1/indicators", **days_of(window)) for window in windows)
    return Table(texts.COVERAGE_TABLE, of_month(report), _COVERAGE_COLUMNS, tuple(rows), queries=queries)


def _covered(name: Sentence, window: Window, coverage: Coverage) -> tuple[Cell, ...]:
    start, end = day(window.start), day(window.end)
    span = filled(texts.SPAN, {"start": start.zh, "end": end.zh}, {"start": start.en, "end": end.en})
    window_cell = Cell(f"{name.zh}：{span.zh}", en=f"{name.en}: {span.en}")
    tone = Tone.BAD if coverage.reporting < coverage.halls else Tone.PLAIN
    newest = Cell(moment(coverage.newest).zh)
    return window_cell, count_cell(coverage.halls), count_cell(coverage.reporting, tone), newest


def _silent(report: MonthlyReport) -> Iterator[Paragraph]:
    silent = report.coverage.halls - report.coverage.reporting
    if silent:
        this = THIS[report.asked.kind]
        yield Paragraph(filled(texts.SILENT, {"n": silent, "this": this.zh}, {"this": this.en}))


def _findings(report: MonthlyReport) -> Iterator[Table | Paragraph]:
    found = sorted((one for one in report.findings if one.count), key=lambda one: -one.count)
    clean = [Sentence(one.check.zh, one.check.en) for one in report.findings if not one.count]
    if found:
        rows, query = (
            tuple(_found(one, report) for one in found),
            query_of(report, "/v1/integrity", **days_of(report.window)),
        )
        yield Table(texts.FINDINGS_TABLE, of_month(report), _FINDING_COLUMNS, rows, queries=(query,) * len(rows))
    names = joined(clean)
    values: dict[str, object] = {"n": len(clean), "names": names.zh}
    if clean:
        yield Paragraph(filled(texts.CLEAN if found else texts.ALL_CLEAN, values, {"names": names.en}))


def _found(one: Findings, report: MonthlyReport) -> tuple[Cell, ...]:
    examples = "、".join(_owned(group, report) for group in _owners(one)[:MOST_EXAMPLES])
    examples = examples or "、".join(_named(row, report) for row in one.rows[:MOST_EXAMPLES])
    check = text_cell(Sentence(one.check.zh, one.check.en))
    return check, text_cell(texts.OF_WHAT[one.check.of]), count_cell(one.count, Tone.BAD), Cell(examples)


def _sources(report: MonthlyReport) -> Iterator[Table]:
    """Yield the table of the halls' grades, the worst first, with what to mend; not in the report of a department."""
    graded = [card for card in report.sources if card.grade is not Grade.NONE]
    if graded and report.scope.department is None:
        cards = sorted(graded, key=lambda card: (-ord(card.grade.value[0]), card.counts.hall))
        asked = tuple(query_of(report, "/v1/sources", **days_of(report.window)) for _ in cards)
        rows = tuple(_source(card, report) for card in cards)
        yield Table(texts.SOURCES_TABLE, of_month(report), _SOURCE_COLUMNS, rows, queries=asked)


def _source(card: Scorecard, report: MonthlyReport) -> tuple[Cell, ...]:
    tone = {Grade.A: Tone.GOOD, Grade.B: Tone.PLAIN}.get(card.grade, Tone.BAD)
    parts = (f"{one.kind.mend_zh}（{one.kind.zh}{value_text(one.figure.value, 'share')}）" for one in card.to_mend)
    mend = "；".join(parts) or texts.NOTHING_TO_MEND.zh
    return Cell(report.hall(card.counts.hall)), Cell(card.grade.value, tone=tone), Cell(mend)


def _owners(one: Findings) -> Sequence[FindingGroup]:
    """Return the findings grouped by department, or by hall if they name no department."""
    return one.by("department") or one.by("hall")


def _owned(group: FindingGroup, report: MonthlyReport) -> str:
    """Return a group's name with its number of findings and their share of what was checked: 住建局 12（31.6%）."""
    name = report.department(group.id).zh if group.by == "department" else report.hall(group.id)
    return f"{name} {group.count}" + (f"（{value_text(group.share, 'share')}）" if group.share is not None else "")


def _named(row: Mapping[str, Any], report: MonthlyReport) -> str:
    """Return the text that identifies a finding: its case, item, declared figure or hall."""
    if "indicator" in row:
        names = report.plan.indicator_names
        indicator = names[row["indicator"]].zh if row["indicator"] in names else row["indicator"]
        department = report.department(row["department"]).zh if row["department"] else ""
        below = "" if row["denominator"] is None else f"/{row['denominator']}"
        return " ".join(
            str(part) for part in (indicator, department, row["period"], f"{row['numerator']}{below}") if part
        )
    if row.get("case_id") or row.get("name") or row.get("item_code"):
        return str(row.get("case_id") or row.get("name") or row.get("item_code"))
    return report.hall(str(row.get("hall") or ""))
