"""Part 6: which items pulled the compression of promised limits down since the month before, and by how much."""

from __future__ import annotations

from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.compression import Lowering
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MOST_LOWERING, MonthlyReport
from services.reports.monthly.shown import (
    count_cell,
    difference_cell,
    filled,
    named,
    of_month,
    parts_text,
    text_cell,
    value_text,
)

PLACE = 6
_COLUMNS = (
    Column(texts.NUMBER, 10),
    Column(texts.ITEM, 62, left=True),
    Column(texts.DEPARTMENT, 38, left=True),
    Column(texts.DAYS_BEFORE, 22),
    Column(texts.DAYS_AFTER, 22),
    Column(texts.EFFECT, 16),
)


def section(report: MonthlyReport) -> Section:
    return Section(texts.LOWERING, tuple(_blocks(report)))


def _blocks(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    was, now = report.compression
    if was.value is None or now.value is None:
        yield Paragraph(texts.NOT_COMPARED)
        return
    values: dict[str, object] = {"was": value_text(was.value, "share"), "now": value_text(now.value, "share")}
    if not report.lowerings:
        yield Paragraph(filled(texts.NOT_LOWERED, values))
        return
    more: dict[str, object] = {"was_parts": parts_text(was), "now_parts": parts_text(now), "most": MOST_LOWERING}
    yield Paragraph(filled(texts.LOWERED, values | more))
    rows = tuple(_row(number, one, report) for number, one in enumerate(report.lowerings, start=1))
    yield Table(texts.LOWERING_TABLE, of_month(report), _COLUMNS, rows)


def _row(number: int, one: Lowering, report: MonthlyReport) -> tuple[Cell, ...]:
    change = one.change
    return (
        count_cell(number),
        text_cell(Sentence(change.name, change.item_code)),
        text_cell(named(report.department(change.department))),
        _days(change.before),
        _days(change.after),
        difference_cell(one.share, "share", tone=Tone.BAD),
    )


def _days(parts: tuple[int, int]) -> Cell:
    """Shortened days of statutory ones; an item that is not there has none."""
    return Cell(f"{parts[0]}/{parts[1]}", tone=Tone.PLAIN if any(parts) else Tone.QUIET)
