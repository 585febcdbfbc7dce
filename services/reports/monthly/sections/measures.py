"""The section on causes and measures (原因与措施) that departments gave when they answered matters of supervision."""

from __future__ import annotations

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.ladder import Deed, Matter, MatterEntry, MatterState, standing_of
from services.reports.monthly import texts
from services.reports.monthly.document import Cell, Column, Paragraph, Section, Table, Tone
from services.reports.monthly.report import MonthlyReport
from services.reports.monthly.shown import filled, named, of_month, text_cell

PLACE = 11
HEAD = Sentence("原因与措施", "Causes and measures")
SAID = Sentence(
    "本期部门答复督办{answered}项；按答复应已完成而未办结{unfinished}项；另有{missing}项尚未答复。",
    "Departments answered {answered} matters; {unfinished} were to be done by now and are not closed; {missing} wait"
    " for an answer.",
)
TABLE = Sentence("部门答复", "Answers of departments")
WHAT, CAUSE, MEASURES = Sentence("事由", "Of"), Sentence("原因", "Cause"), Sentence("措施", "Measures")
DONE_BY, JUDGED = Sentence("完成时限", "Done by"), Sentence("审核", "Decided")
RETURNED, CLOSED, WAITING = (
    Sentence("已退回", "returned"),
    Sentence("已办结", "closed"),
    Sentence("待审核", "to be decided"),
)
RAISED = Sentence("未采纳，已升级", "not accepted, raised")
UNFINISHED = Sentence("超过完成时限", "not done in time")
MORE = Sentence("另有{n}项答复未列。", "{n} more answers are not listed.")
MOST_ANSWERS = 60
_COLUMNS = (
    Column(WHAT, 38, left=True),
    Column(texts.DEPARTMENT, 34, left=True),
    Column(CAUSE, 50, left=True),
    Column(MEASURES, 56, left=True),
    Column(DONE_BY, 24),
    Column(JUDGED, 22),
)


def section(report: MonthlyReport) -> Section | None:
    """Return the section with each matter's last answer in the window; None for a hall, or without any answer."""
    if report.scope.hall is not None:
        return None
    answered = [one for one in report.matters if _answer_in(one, report) is not None]
    if not answered:
        return None
    now = [standing_of(one.entries, report.on) for one in report.matters]
    waiting = (MatterState.WAITING, MatterState.LATE, MatterState.RETURNED)
    counts: dict[str, object] = {
        "answered": len(answered),
        "unfinished": sum(one.unfinished for one in now),
        "missing": sum(one.state in waiting for one in now),
    }
    rows = tuple(_row(one, report) for one in answered[:MOST_ANSWERS])
    table = Table(TABLE, of_month(report), _COLUMNS, rows)
    left = len(answered) - MOST_ANSWERS
    more = (Paragraph(filled(MORE, {"n": left}), quiet=True),) if left > 0 else ()
    return Section(HEAD, (Paragraph(filled(SAID, counts)), table, *more))


def _answer_in(matter: Matter, report: MonthlyReport) -> MatterEntry | None:
    """Return the entry of the last answer that came in the window; None without one."""
    came = (one for one in reversed(matter.entries) if one.answer is not None and one.day >= report.window.start)
    return next(came, None)


def _row(matter: Matter, report: MonthlyReport) -> tuple[Cell, ...]:
    entry = _answer_in(matter, report)
    assert entry is not None
    assert entry.answer is not None
    title, answer = matter.of.title, entry.answer
    judged = _judged(matter, entry, report)
    return (
        Cell(title.zh, en=title.en),
        text_cell(named(report.department(matter.of.department))),
        Cell(answer.cause),
        Cell(answer.measures),
        Cell(answer.done_by.isoformat()),
        text_cell(judged, Tone.BAD if judged is UNFINISHED else Tone.PLAIN),
    )


def _judged(matter: Matter, answer: MatterEntry, report: MonthlyReport) -> Sentence:
    """Return the bureau's decision on the answer, or that it waits for one or was not carried out in time."""
    later = matter.entries[matter.entries.index(answer) + 1 :]
    if later:
        return {Deed.RETURNED: RETURNED, Deed.RAISED: RAISED}.get(later[0].deed, CLOSED)
    return UNFINISHED if standing_of(matter.entries, report.on).unfinished else WAITING
