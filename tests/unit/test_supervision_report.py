"""The report's 督办 and 原因与措施, and the 督办单, as they stand on the report's last day."""

from __future__ import annotations

from datetime import date, datetime

from hallpulse.domain.figures import Scope, period_window
from hallpulse.domain.ladder import (
    Deed,
    DepartmentAnswer,
    Fact,
    Matter,
    MatterEntry,
    NewMatter,
    Rung,
    Wording,
)
from hallpulse.domain.workdays import SHANGHAI
from services.reports.monthly import Document, Paragraph, Table, document_of, monthly_report
from services.reports.reading import _in_window
from services.reports.renderers import FORMATS, rendered
from services.reports.sheet import sheet_of
from tests.reporting import PLAN, material, said, tables

MAY = period_window("2023-05")
TEXT = Wording("截至2023年5月2日，“进驻率”为90%。", "By 2023-05-02 it is 90 %.")


def at(month: int, day: int) -> datetime:
    return datetime(2023, month, day, 10, tzinfo=SHANGHAI)


def matter(number: int, *more: MatterEntry, opened: datetime | None = None, department: str = "health") -> Matter:
    opening = MatterEntry(
        opened or at(5, 2), "王", Deed.OPENED, Rung.REMINDER, date(2023, 5, 5), TEXT,
        (Fact(Wording("完成值", "value"), Wording("90%", "90%")),), "请重视",
    )  # fmt: skip
    title = Wording(f"事由{number}", f"matter {number}")
    return Matter(number, NewMatter(222424, "target", "settled_items", department, title), (opening, *more))


def answered(on: datetime, done_by: date = date(2023, 5, 20)) -> MatterEntry:
    return MatterEntry(on, "李", Deed.ANSWERED, answer=DepartmentAnswer("人手不足", "增设窗口", done_by))


def decided(on: datetime, deed: Deed) -> MatterEntry:
    rung = Rung.RECTIFICATION if deed is Deed.RAISED else None
    deadline = None if deed is Deed.CLOSED else date(2023, 6, 9)
    return MatterEntry(on, "王", deed, rung, deadline, TEXT if rung else Wording("", ""), reason="不实")


MATTERS = [
    matter(1),
    matter(2, answered(at(5, 4))),
    matter(3, answered(at(5, 4)), decided(at(5, 6), Deed.CLOSED), department="water"),
    matter(4, answered(at(5, 4)), decided(at(5, 8), Deed.RAISED), department="water"),
    matter(5, answered(at(6, 2))),
    matter(6, decided(at(4, 20), Deed.CLOSED), opened=at(4, 18)),
    matter(7, opened=at(6, 1)),
]


def document(scope: Scope | None = None) -> Document:
    own = [one for one in MATTERS if scope is None or scope.department in (None, one.of.department)]
    more = {"scope": scope} if scope is not None else {}
    given = material(matters=tuple(_in_window(own, MAY)), **more)
    return document_of(monthly_report(given))


def table(found: Document, title: str) -> Table:
    return next(one for one in tables(found) if one.title.zh == title)


def test_the_matters_are_those_open_in_the_window_by_what_was_entered_by_its_end() -> None:
    found = document()
    assert "本期发起督办5项，升级1项，办结1项；期末未办结4项，其中逾期未答复2项。" in said(found)
    rows = [tuple(cell.text for cell in row) for row in table(found, "督办事项").rows]
    assert [(row[0], row[3], row[4]) for row in rows] == [
        ("1", "提醒", "逾期未答复"),
        ("2", "提醒", "已答复，待审核"),
        ("3", "提醒", "已办结"),
        ("4", "督促整改", "待答复"),
        ("5", "提醒", "逾期未答复"),
    ]


def test_the_answers_of_the_window_fill_causes_and_measures() -> None:
    found = document()
    assert "本期部门答复督办3项；按答复应已完成而未办结1项；另有3项尚未答复。" in said(found)
    rows = [tuple(cell.text for cell in row) for row in table(found, "部门答复").rows]
    assert [(row[0], row[2], row[3], row[5]) for row in rows] == [
        ("事由2", "人手不足", "增设窗口", "超过完成时限"),
        ("事由3", "人手不足", "增设窗口", "已办结"),
        ("事由4", "人手不足", "增设窗口", "未采纳，已升级"),
    ]
    heads = [section.head.zh.partition("、")[2] for section in found.sections]
    assert heads.index("督办") < heads.index("原因与措施")


def test_a_departments_report_has_its_own_matters_a_halls_none_and_without_any_the_sections_are_left_out() -> None:
    own = document(Scope(222424, "water"))
    assert [row[0].text for row in table(own, "督办事项").rows] == ["3", "4"]
    hall = document_of(monthly_report(material(matters=tuple(MATTERS[:2]), scope=Scope(222424, hall="main"))))
    none = document_of(monthly_report(material()))
    for one in (hall, none):
        assert not {"督办", "原因与措施"} & {section.head.zh.partition("、")[2] for section in one.sections}


def paragraphs(found: Document) -> list[str]:
    return [block.text.zh for section in found.sections for block in section.blocks if isinstance(block, Paragraph)]


def test_the_sheet_has_the_last_steps_text_its_figures_answers_and_lines_to_write_on() -> None:
    blank = sheet_of(MATTERS[0], PLAN, date(2023, 5, 3))
    assert (blank.title.zh, blank.subtitle.zh) == ("汪清县政务服务督办单", "（提醒，第1号）")
    assert blank.opening.zh == TEXT.zh
    assert blank.imprint.to.zh == "县卫生健康局"
    assert blank.imprint.issuer.zh == "汪清县政务服务和数字化建设管理局"
    assert blank.imprint.copies.zh == "", "a reminder goes to the department alone"
    assert [text[:3] for text in paragraphs(blank) if "＿" in text] == ["原因：", "措施：", "完成时"]
    assert [row[0].text for row in tables(blank)[0].rows] == ["完成值"]
    full = sheet_of(MATTERS[3], PLAN, date(2023, 5, 9))
    assert full.subtitle.zh == "（督促整改，第4号）"
    assert "原因：人手不足" in paragraphs(full)
    assert [row[2].text for row in tables(full)[-1].rows] == ["发出提醒", "部门答复", "升级为督促整改"]


def test_public_criticism_goes_to_those_who_get_copies() -> None:
    up = MatterEntry(at(6, 12), "王", Deed.RAISED, Rung.CRITICISM, date(2023, 6, 20), TEXT)
    found = Matter(4, MATTERS[3].of, (*MATTERS[3].entries, up))
    assert "县纪委监委" in sheet_of(found, PLAN, date(2023, 6, 12)).imprint.copies.zh


def test_the_sheet_is_had_in_every_form_in_chinese_or_with_english() -> None:
    for form in FORMATS:
        assert len(rendered(sheet_of(MATTERS[3], PLAN, date(2023, 5, 9), "both"), form)) > 1_000
    chinese = rendered(sheet_of(MATTERS[3], PLAN, date(2023, 5, 9)), "html").decode()
    assert "sheet of supervision" not in chinese
    assert "附件" not in chinese
