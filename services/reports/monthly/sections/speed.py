"""The section on the compression of promised limits: its change by cause, and the items that lowered it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.compression import CAUSE_NAMES, Lowering
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.material import day_before
from services.reports.monthly.report import MOST_LOWERING, MonthlyReport
from services.reports.monthly.shown import (
    count_cell,
    difference_cell,
    filled,
    named,
    of_month,
    parts_text,
    query_of,
    text_cell,
    value_text,
)

PLACE = 4
CAUSES_TABLE = Sentence("压缩比变动的构成", "The change of the compression by cause")
CAUSE, ITEMS = Sentence("原因", "Cause"), Sentence("事项数", "Items")
CHANGED_BY = Sentence("变动（百分点）", "Change, points")
ACTUAL = Sentence(
    "实际提速{value}（{parts}），即按计时办结件实际用时计算的压缩比。",
    "The actual compression, by the days that decided cases really took, is {value} ({parts}).",
)
_CAUSE_COLUMNS = (Column(CAUSE, 70, left=True), Column(ITEMS, 30), Column(CHANGED_BY, 40))
_COLUMNS = (
    Column(texts.NUMBER, 10),
    Column(texts.ITEM, 62, left=True),
    Column(texts.DEPARTMENT, 38, left=True),
    Column(texts.DAYS_BEFORE, 22),
    Column(texts.DAYS_AFTER, 22),
    Column(texts.EFFECT, 16),
)


def section(report: MonthlyReport) -> Section | None:
    if report.scope.hall is not None or all(figure.value is None for figure in report.compression):
        return None
    return Section(texts.LOWERING, tuple(_blocks(report)))


def _blocks(report: MonthlyReport) -> Iterator[Paragraph | Table]:
    actual = report.figure("actual_compression")
    if actual.value is not None:
        yield Paragraph(filled(ACTUAL, {"value": value_text(actual.value, "share"), "parts": parts_text(actual)}))
    was, now = report.compression
    if was.value is None or now.value is None:
        yield Paragraph(texts.NOT_COMPARED)
        return
    yield from _causes(report)
    values: dict[str, object] = {"was": value_text(was.value, "share"), "now": value_text(now.value, "share")}
    if not report.lowerings:
        yield Paragraph(filled(texts.NOT_LOWERED, values))
        return
    more: dict[str, object] = {"was_parts": parts_text(was), "now_parts": parts_text(now), "most": MOST_LOWERING}
    yield Paragraph(filled(texts.LOWERED, values | more))
    rows = tuple(_row(number, one, report) for number, one in enumerate(report.lowerings, start=1))
    yield Table(texts.LOWERING_TABLE, of_month(report), _COLUMNS, rows, queries=(_query(report),) * len(rows))


def _causes(report: MonthlyReport) -> Iterator[Table]:
    """Yield the table of causes with their numbers of items; the last row is the whole change."""
    if not report.causes:
        return
    was, now = report.compression
    assert was.value is not None
    assert now.value is not None
    rows = []
    for cause, name in CAUSE_NAMES.items():
        parts = [part for part in report.causes if part.cause is cause]
        share = sum((part.share for part in parts), Fraction(0))
        rows.append(
            (text_cell(Sentence(*name)), count_cell(len(parts)), difference_cell(share, "share", tone=_tone(share)))
        )
    total = difference_cell(now.value - was.value, "share", tone=_tone(now.value - was.value))
    rows.append((text_cell(texts.TOTAL), count_cell(len(report.causes)), total))
    queries = (_query(report),) * len(rows)
    yield Table(CAUSES_TABLE, of_month(report), _CAUSE_COLUMNS, tuple(rows), total=True, queries=queries)


def _tone(share: Fraction) -> Tone:
    return Tone.BAD if share < 0 else Tone.PLAIN if share else Tone.QUIET


def _query(report: MonthlyReport) -> str:
    before = day_before(report.month)
    return query_of(report, "/v1/compression", **{"from": str(before), "to": str(report.on)})


def _row(number: int, one: Lowering, report: MonthlyReport) -> tuple[Cell, ...]:
    change = one.change
    return (
        count_cell(number),
        Cell(change.name, change.item_code),
        text_cell(named(report.department(change.department))),
        _days(change.before),
        _days(change.after),
        difference_cell(one.share, "share", tone=Tone.BAD),
    )


def _days(parts: tuple[int, int]) -> Cell:
    """Return a cell with the shortened days and the statutory days, 0/0 if the item is not in the catalogue."""
    return Cell(f"{parts[0]}/{parts[1]}", tone=Tone.PLAIN if any(parts) else Tone.QUIET)
