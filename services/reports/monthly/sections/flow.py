"""The section on the flow of cases: carried over, received, ended in each way, still open; its numbers balance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.flow import Flow
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import NO_FLOW, MonthlyReport
from services.reports.monthly.shown import count_cell, filled, named, of_month, query_of, text_cell

PLACE = 3
HEAD = Sentence("办件流量", "Flow of cases")
_WAYS_OUT = tuple(name for name in texts.FLOW_COLUMNS if name not in ("carried", "received", "open"))
_COLUMNS = (
    Column(texts.DEPARTMENT, 44, left=True),
    *(
        Column(name, 17, key=part, formula=f"carried + received - {' - '.join(_WAYS_OUT)}" if part == "open" else "")
        for part, name in texts.FLOW_COLUMNS.items()
    ),
)


def section(report: MonthlyReport) -> Section | None:
    return Section(HEAD, tuple(_blocks(report))) if report.balance != NO_FLOW else None


def _blocks(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    total = report.balance
    counts: dict[str, object] = {**asdict(total), "decided": total.decided}
    yield Paragraph(filled(texts.BALANCED, counts))
    then = sum(line.open for line in report.open_lines)
    if then != total.open:
        yield Paragraph(filled(texts.OPEN_DIFFERS, {"open": total.open, "then": then}), quiet=True)
    if report.tallied:
        yield Paragraph(texts.TALLIED, quiet=True)
    if not report.is_whole:
        row = _row(text_cell(texts.TOTAL), total)
        yield Table(texts.FLOW_TABLE, of_month(report), _COLUMNS, (row,), queries=(_query(report),))
        return
    rows = [_row(text_cell(named(report.department(id_))), flow) for id_, flow in report.flow_lines]
    rows.append(_row(text_cell(texts.TOTAL), total))
    queries = [_query(report, id_) for id_, _ in report.flow_lines]
    yield Table(
        texts.FLOW_TABLE, of_month(report), _COLUMNS, tuple(rows), total=True, queries=(*queries, _query(report))
    )


def _query(report: MonthlyReport, department: str | None = None) -> str:
    """Return the query of a month's flow; empty for a quarter or a year, for which the gateway has no query."""
    if report.asked.kind != "month":
        return ""
    return query_of(report, "/v1/flow", department, month=report.asked.text)


def _row(name: Cell, flow: Flow) -> tuple[Cell, ...]:
    tones = {"decided_late": Tone.BAD}
    counts = (count_cell(getattr(flow, part), tones.get(part, Tone.PLAIN)) for part in texts.FLOW_COLUMNS)
    return name, *counts
