"""Notices of what goes wrong in these days: who took it on, and whether it is over (督办)."""

from __future__ import annotations

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.workdays import SHANGHAI
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.material import Urging
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import BLANK, count_cell, filled, of_month, text_cell

PLACE = 9
HEAD = Sentence("督办", "What people were told of")
TOLD = Sentence(
    "发出提醒{told}条，已有人认领{taken}条，已解除{ended}条。",
    "{told} notices were sent; {taken} were taken on by somebody, {ended} are over.",
)
TABLE = Sentence("督办情况", "Notices")
WHEN, WHAT = Sentence("时间", "Told"), Sentence("事由", "Of")
TIMES, TAKEN, ENDED = Sentence("次数", "Times"), Sentence("认领", "Taken on"), Sentence("解除", "Over")
MORE = Sentence("另有{n}条未列。", "{n} more are not listed.")
MOST_TOLD = 40
_COLUMNS = (
    Column(WHEN, 30),
    Column(WHAT, 96, left=True),
    Column(TIMES, 14),
    Column(TAKEN, 26),
    Column(ENDED, 30),
)


def section(report: MonthlyReport) -> Section | None:
    """Notices are the region's."""
    told = report.urgings
    if not told or not report.is_whole:
        return None
    counts = {"taken": sum(bool(one.taken_by) for one in told), "ended": sum(one.ended is not None for one in told)}
    table = Table(TABLE, of_month(report), _COLUMNS, tuple(map(_row, told[:MOST_TOLD])))
    more = (Paragraph(filled(MORE, {"n": len(told) - MOST_TOLD}), quiet=True),) if len(told) > MOST_TOLD else ()
    return Section(HEAD, (Paragraph(filled(TOLD, {"told": len(told), **counts})), table, *more))


def _row(one: Urging) -> tuple[Cell, ...]:
    ended = BLANK if one.ended is None else Cell(f"{one.ended.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    return (
        Cell(f"{one.told.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"),
        Cell(one.summary),
        count_cell(one.times),
        Cell(one.taken_by) if one.taken_by else BLANK,
        ended if one.ended is not None else text_cell(texts.NOT_OVER, Tone.BAD),
    )
