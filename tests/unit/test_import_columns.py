"""Odd columns and cells of a table, made here: of two for one thing, units, ratings, statuses, names for codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hallpulse.contract.events import Rated
from services.importing.case_import import HallOfCases
from tests.shelf import Shelf, take
from tests.unit.test_import_kinds import (
    CASE,
    CASE_HEAD,
    DAY,
    ITEM_HEAD,
    ROW,
    cases,
    departments,
    items,
    limits,
    workbook,
)


@pytest.mark.parametrize(
    ("head", "row", "asked"),
    [
        (("承诺时限（去年）",), (15,), ["header.D", "unit.promised_days"]),
        (("承诺时限（工作日）", "承诺时限（工作日）"), (15, 5), ["column.promised_days"]),
        (("实施主体",), ("县林业局",), ["column.department"]),
    ],
)
def test_columns_that_are_not_sure_are_asked_about(
    tmp_path: Path, head: tuple[str, ...], row: tuple[Any, ...], asked: list[str]
) -> None:
    done = items(
        workbook(tmp_path / "a.xlsx", ("实施编码", "事项名称", "部门", *head), ("a-1", "甲", "县公安局", *row))
    )
    assert (done.asked, done.published) == (asked, [])


def test_two_columns_for_one_field_that_agree_are_one(tmp_path: Path) -> None:
    head, row = ("实施编码", "事项名称", "部门", "实施主体"), ("a-1", "甲", None, "县林业局")
    assert departments(items(workbook(tmp_path / "a.xlsx", head, row))) == ["县林业局"]


@pytest.mark.parametrize(
    ("unit", "outcome"), [("工作日", (20, None)), ("天", (15, None)), ("1", "limit-unknown-unit"), ("", (None, None))]
)
def test_a_unit_column_says_the_unit_and_codes_need_a_profile(tmp_path: Path, unit: str, outcome: object) -> None:
    head, row = ("实施编码", "事项名称", "部门", "法定办结时限", "法定办结时限单位"), ("a-1", "甲", "局", 20, unit)
    done = items(workbook(tmp_path / "a.xlsx", head, row))
    assert (done.reasons.get(2) or limits(done)["a-1"]) == outcome


@pytest.mark.parametrize(
    ("written", "score"),
    [
        ("非常满意", 5),
        ("5星", 5),
        ("2分", 2),
        ("不满意", 2),
        ("未评价", None),
        ("-", None),
        ("默认好评", 5),
        ("系统默认好评", 5),
    ],
)
def test_ratings_in_words_say_themselves_and_those_by_default_are_marked(
    tmp_path: Path, written: str, score: int | None
) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, "满意度"), (*CASE, written)))
    assert (done.asked, done.rejected) == ([], [])
    ratings = [event.data for event in done.published if isinstance(event.data, Rated)]
    assert [(rating.score, bool(rating.automatic)) for rating in ratings] == (
        [(score, "默认" in written)] if score else []
    )


@pytest.mark.parametrize(("header", "scores"), [("评价得分", [4]), ("满意度", None)])
def test_ratings_in_numbers_are_sure_only_where_the_header_says_so(
    tmp_path: Path, header: str, scores: list[int] | None
) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, header), (*CASE, 4)))
    assert done.asked == ([] if scores else ["ratings"])
    assert [event.data.score for event in done.published if isinstance(event.data, Rated)] == (scores or [])


@pytest.mark.parametrize(
    ("status", "ended", "kinds"),
    [
        ("正常办结", True, "received accepted decided"),
        ("不予受理", True, "received rejected"),
        ("撤销申请", True, "received accepted withdrawn"),
        ("异常终止", True, "received accepted withdrawn"),
        ("办理中", False, "received accepted"),
        ("办理中", True, "dated-but-open"),
        ("办结", False, "ended-without-date"),
        ("不知所云", True, "bad-word"),
    ],
)
def test_the_status_decides_before_the_dates(tmp_path: Path, status: str, ended: bool, kinds: str) -> None:
    row = (*CASE[:5], CASE[5] if ended else "-", status)
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, "办件状态"), row))
    said = " ".join(event.type.name.removeprefix("CASE_").lower() for event in done.published)
    assert (done.reasons.get(2) or said) == kinds


def test_a_prolonged_review_is_an_extension_and_no_suspension(tmp_path: Path) -> None:
    head = (*CASE_HEAD, "特别程序开始时间", "特别程序种类", "特别程序结束时间", "延长审批天数（工作日）")
    row = (*CASE, "2026-03-03", "延长审批", "2026-03-05", 10)
    done = cases(workbook(tmp_path / "a.xlsx", head, row))
    assert [event.type.name for event in done.published] == [
        "CASE_RECEIVED", "CASE_ACCEPTED", "CASE_EXTENDED", "CASE_DECIDED",
    ]  # fmt: skip
    without = cases(workbook(tmp_path / "b.xlsx", head, (*row[:-1], None)))
    assert without.reasons == {2: "extended-without-days"}


def test_an_item_that_is_out_of_use_is_not_taken_in(tmp_path: Path) -> None:
    rows = [(*ROW, "在用"), ("a-2", *ROW[1:], "停用")]
    done = items(workbook(tmp_path / "a.xlsx", (*ITEM_HEAD, "事项状态"), *rows))
    assert (sorted(limits(done)), done.reasons) == (["a-1"], {3: "not-in-force"})


def test_cases_without_a_code_are_found_by_the_name_that_one_item_has(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    rows = [ROW, ("a-2", "乙", *ROW[2:]), ("a-3", "乙", *ROW[2:])]
    take(workbook(tmp_path / "a.xlsx", ITEM_HEAD, *rows), "catalogue", shelf, effective_from=DAY)
    head = ("办件编号", "事项名称", *CASE_HEAD[2:])
    done = cases(workbook(tmp_path / "b.xlsx", head, ("c-1", "甲", *CASE[2:]), ("c-2", "乙", *CASE[2:])), shelf)
    assert (done.reasons, done.notes("found_by_name")) == ({3: "unknown-item"}, 1)


def test_sheets_named_after_departments_are_asked_about(tmp_path: Path) -> None:
    def more(sheet: Any) -> None:
        other = sheet.parent.create_sheet("县林业局")
        other.append(("实施编码", "事项名称", "承诺时限（工作日）"))
        other.append(("a-2", "乙", 5))

    path = workbook(
        tmp_path / "a.xlsx",
        ("实施编码", "事项名称", "承诺时限（工作日）"),
        ("a-1", "甲", 5),
        change=more,
        title="县公安局",
    )
    assert items(path).asked == ["department_from_sheet"]
    done = items(path, answers={"department_from_sheet": "yes"})
    assert departments(done) == ["县公安局", "县林业局"]
