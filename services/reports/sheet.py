"""The sheet of supervision (督办单) of a matter: an official document, made of the same parts as reports. Pure."""

from __future__ import annotations

from datetime import date

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.ladder import (
    RUNG_NAMES,
    STATE_NAMES,
    Deed,
    Matter,
    MatterEntry,
    MatterStanding,
    Rung,
    standing_of,
)
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import SHANGHAI
from services.reports.monthly import (
    Block,
    Cell,
    Column,
    Document,
    Imprint,
    Language,
    Paragraph,
    Section,
    Table,
)
from services.reports.monthly import texts as report_texts
from services.reports.monthly.document import in_language
from services.reports.monthly.shown import day, filled, joined, named

TITLE = Sentence("{region}政务服务督办单", "{region}: sheet of supervision")
SUBTITLE = Sentence("（{rung}，第{number}号）", "{rung}, no. {number}")
MATTER, FIGURES = Sentence("一、督办事项", "1. Matter"), Sentence("所依据的数字", "Figures")
ANSWER, HISTORY = Sentence("二、部门答复", "2. Answer"), Sentence("三、办理过程", "3. History")
STEPS = Sentence("办理记录", "Entries")
ABOUT = Sentence("事由：{title}。", "Of: {title}.")
REMARK = Sentence("说明：{reason}", "Remark: {reason}")
CAUSE, MEASURES, DONE_BY = (
    Sentence("原因", "Cause"),
    Sentence("措施", "Measures"),
    Sentence("完成时限", "To be done by"),
)
BLANK_LINE = "＿" * 16
SAID_BY = Sentence("（{who}，{at}）", "({who}, {at})")
FACT, CONTENT = Sentence("项目", "Item"), Sentence("数字", "Figure")
WHEN, WHO, WHAT, DETAIL = (
    Sentence("时间", "When"),
    Sentence("经办", "Who"),
    Sentence("事项", "What"),
    Sentence("内容", "Detail"),
)
DEEDS = {
    Deed.OPENED: Sentence("发出{rung}", "{rung}"),
    Deed.ANSWERED: Sentence("部门答复", "answered"),
    Deed.RETURNED: Sentence("退回答复", "answer returned"),
    Deed.RAISED: Sentence("升级为{rung}", "raised: {rung}"),
    Deed.CLOSED: Sentence("办结", "closed"),
}
NUMBER, STATE, DEADLINE = Sentence("编号", "No."), Sentence("状态", "State"), Sentence("答复期限", "Answer due")
CLOSING = Sentence(
    "数字为发出当时由系统按已入库事件计算，每个数字均可追溯到办件。",
    "The figures are those of the moment of sending, computed from the events stored; each leads to its cases.",
)
NO_TEXT = Sentence("", "")


def sheet_of(matter: Matter, plan: Plan, on: date, language: Language = "zh") -> Document:
    """Return the sheet of a matter in its state on a day.

    plan: a plan of the matter's region, which gives the names and the parts of the letter.
    """
    now = standing_of(matter.entries, on)
    step = [one for one in matter.entries if one.rung is not None][-1]
    rung, region = RUNG_NAMES[now.rung], plan.region_names
    called = Sentence(region.zh, region.en) if region is not None else Sentence(str(plan.region), str(plan.region))
    numbered: dict[str, object] = {"rung": rung.zh, "number": matter.number}
    document = Document(
        title=filled(TITLE, {"region": called.zh}, {"region": called.en}),
        subtitle=filled(SUBTITLE, numbered, {"rung": rung.en}),
        facts=_facts(matter, now),
        opening=Sentence(*step.text),
        sections=(_matter(matter, step), _answers(matter), _history(matter)),
        imprint=_imprint(matter, plan, step, now.rung),
        closing=CLOSING,
    )
    return in_language(document, language)


def _facts(matter: Matter, now: MatterStanding) -> tuple[tuple[Sentence, Sentence], ...]:
    number, deadline = str(matter.number), now.deadline.isoformat()
    return (
        (NUMBER, Sentence(number, number)),
        (STATE, Sentence(*STATE_NAMES[now.state])),
        (DEADLINE, Sentence(deadline, deadline)),
    )


def _matter(matter: Matter, step: MatterEntry) -> Section:
    title = matter.of.title
    said: list[Block] = [Paragraph(filled(ABOUT, {"title": title.zh}, {"title": title.en}))]
    if step.reason and step.deed is Deed.OPENED:
        said.append(Paragraph(filled(REMARK, {"reason": step.reason})))
    rows = tuple((Cell(name.zh, en=name.en), Cell(content.zh, en=_other(content))) for name, content in step.facts)
    if rows:
        columns = (Column(FACT, 40, left=True), Column(CONTENT, 80, left=True))
        said.append(Table(FIGURES, day(step.day), columns, rows))
    return Section(MATTER, tuple(said))


def _other(content: tuple[str, str]) -> str:
    """Return the English text if it differs from the Chinese one, otherwise an empty text."""
    return content[1] if content[1] != content[0] else ""


def _answers(matter: Matter) -> Section:
    """Return the section of answers, the newest first; without any answer, it has blank lines to write one on."""
    answered = [one for one in reversed(matter.entries) if one.answer is not None]
    said: list[Block] = []
    for entry in answered:
        answer = entry.answer
        assert answer is not None
        done_by = day(answer.done_by)
        said += [
            _line(CAUSE, Sentence(answer.cause, answer.cause)),
            _line(MEASURES, Sentence(answer.measures, answer.measures)),
        ]
        said.append(_line(DONE_BY, done_by))
        said.append(Paragraph(filled(SAID_BY, {"who": entry.by, "at": _time(entry)}), quiet=True))
    if not answered:
        blank = Sentence(BLANK_LINE, "")
        said = [_line(name, blank) for name in (CAUSE, MEASURES, DONE_BY)]
    return Section(ANSWER, tuple(said))


def _line(name: Sentence, content: Sentence) -> Paragraph:
    return Paragraph(Sentence(f"{name.zh}：{content.zh}", f"{name.en}: {content.en}"))


def _history(matter: Matter) -> Section:
    columns = (Column(WHEN, 30), Column(WHO, 34, left=True), Column(WHAT, 28, left=True), Column(DETAIL, 60, left=True))
    rows = tuple(map(_row, matter.entries))
    return Section(HISTORY, (Table(STEPS, NO_TEXT, columns, rows),))


def _row(entry: MatterEntry) -> tuple[Cell, ...]:
    rung = RUNG_NAMES[entry.rung] if entry.rung is not None else ("", "")
    what = filled(DEEDS[entry.deed], {"rung": rung[0]}, {"rung": rung[1]})
    parts = [entry.reason]
    if entry.deadline is not None:
        parts.append(f"{DEADLINE.zh}：{entry.deadline}")
    if entry.answer is not None:
        parts.append(f"{DONE_BY.zh}：{entry.answer.done_by}")
    detail = "；".join(part for part in parts if part)
    return Cell(_time(entry)), Cell(entry.by), Cell(what.zh, en=what.en), Cell(detail)


def _time(entry: MatterEntry) -> str:
    return f"{entry.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def _imprint(matter: Matter, plan: Plan, step: MatterEntry, rung: Rung) -> Imprint:
    """Return the imprint: to the department, from the issuer of the plan's reports.

    Only public criticism has copies, which go to the recipients that the plan's letter names.
    """
    names = next((one.names for one in plan.departments if one.id == matter.of.department), None)
    to = named(names) if names is not None else Sentence(matter.of.department, matter.of.department)
    letter = plan.letter
    if letter is None:
        region = plan.region_names
        who: dict[str, object] = {"region": region.zh if region is not None else plan.region}
        return Imprint(to, filled(report_texts.ISSUER, who), NO_TEXT, day(step.day), NO_TEXT, NO_TEXT)
    copies = joined(map(named, letter.copies), report_texts.COPIES) if rung is Rung.CRITICISM else NO_TEXT
    signer = Sentence(letter.signer, letter.signer)
    return Imprint(to, named(letter.issuer), signer, day(step.day), copies, NO_TEXT)
