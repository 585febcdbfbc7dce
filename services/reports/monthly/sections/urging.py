"""The section on supervision (督办): matters that were open in the window, and notices that were sent in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.ladder import RUNG_NAMES, STATE_NAMES, Deed, Matter, MatterState, standing_of
from hallpulse.domain.workdays import SHANGHAI
from services.reports.monthly import texts
from services.reports.monthly.document import Block, Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.material import Urging
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import BLANK, count_cell, filled, named, of_month, text_cell

PLACE = 9
HEAD = Sentence("督办", "Supervision")
MATTERS = Sentence(
    "本期发起督办{opened}项，升级{raised}项，办结{closed}项；期末未办结{open}项，其中逾期未答复{late}项。",
    "{opened} matters were opened, {raised} raised and {closed} closed; {open} are open at the end, {late} of them"
    " without the answer that was due.",
)
MATTERS_TABLE = Sentence("督办事项", "Matters of supervision")
RUNG, DEADLINE = Sentence("级别", "Step"), Sentence("答复期限", "Answer due")
TOLD = Sentence(
    "发出提醒{told}条，已有人认领{taken}条，已解除{ended}条。",
    "{told} notices were sent; {taken} were taken on by someone, {ended} are over.",
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


_MATTER_COLUMNS = (
    Column(texts.NUMBER, 12),
    Column(WHAT, 66, left=True),
    Column(texts.DEPARTMENT, 50, left=True),
    Column(RUNG, 24),
    Column(texts.STATE, 34),
    Column(DEADLINE, 26),
)


def section(report: MonthlyReport) -> Section | None:
    """Return the section; a department's report has its matters only, notices stand in the region's report."""
    blocks = (*_matters(report), *(_notices(report) if report.is_whole and report.urgings else ()))
    return Section(HEAD, blocks) if blocks else None


def _matters(report: MonthlyReport) -> Iterator[Block]:
    if not report.matters or report.scope.hall is not None:
        return
    window = report.window
    deeds = Counter(
        one.deed for matter in report.matters for one in matter.entries if window.start <= one.day <= window.end
    )
    states = [standing_of(matter.entries, report.on).state for matter in report.matters]
    yield Paragraph(
        filled(
            MATTERS,
            {
                "opened": deeds[Deed.OPENED],
                "raised": deeds[Deed.RAISED],
                "closed": deeds[Deed.CLOSED],
                "open": sum(state is not MatterState.CLOSED for state in states),
                "late": states.count(MatterState.LATE),
            },
        )
    )
    rows = tuple(_matter(one, report) for one in report.matters[:MOST_TOLD])
    yield Table(MATTERS_TABLE, of_month(report), _MATTER_COLUMNS, rows)
    if len(report.matters) > MOST_TOLD:
        yield Paragraph(filled(MORE, {"n": len(report.matters) - MOST_TOLD}), quiet=True)


def _matter(matter: Matter, report: MonthlyReport) -> tuple[Cell, ...]:
    now = standing_of(matter.entries, report.on)
    tone = Tone.BAD if now.state is MatterState.LATE else Tone.PLAIN
    return (
        Cell(str(matter.number)),
        Cell(matter.of.title.zh, en=matter.of.title.en),
        text_cell(named(report.department(matter.of.department))),
        text_cell(Sentence(*RUNG_NAMES[now.rung])),
        text_cell(Sentence(*STATE_NAMES[now.state]), tone),
        Cell(now.deadline.isoformat()),
    )


def _notices(report: MonthlyReport) -> Iterator[Block]:
    told = report.urgings
    counts = {"taken": sum(bool(one.taken_by) for one in told), "ended": sum(one.ended is not None for one in told)}
    yield Paragraph(filled(TOLD, {"told": len(told), **counts}))
    yield Table(TABLE, of_month(report), _COLUMNS, tuple(map(_row, told[:MOST_TOLD])))
    if len(told) > MOST_TOLD:
        yield Paragraph(filled(MORE, {"n": len(told) - MOST_TOLD}), quiet=True)


def _row(one: Urging) -> tuple[Cell, ...]:
    ended = BLANK if one.ended is None else Cell(f"{one.ended.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    return (
        Cell(f"{one.told.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"),
        Cell(one.summary),
        count_cell(one.times),
        Cell(one.taken_by) if one.taken_by else BLANK,
        ended if one.ended is not None else text_cell(texts.NOT_OVER, Tone.BAD),
    )
