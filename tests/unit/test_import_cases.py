"""Steps, columns and names that contradict each other or say nothing: refused, asked about, or named before."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.importing.case_import import HallOfCases
from services.importing.problems import told
from services.importing.profiles import save_profile
from services.importing.understanding import saved_profile
from tests.shelf import Shelf, take
from tests.unit.test_import_kinds import CASE, CASE_HEAD, DAY, cases, items, limits, workbook

HEAD = ("实施编码", "事项名称", "部门", "法定时限（工作日）", "承诺时限（工作日）")


@pytest.mark.parametrize(
    ("more", "values", "note"),
    [
        (("特别程序结束时间",), ("2026-03-04",), "step_alone"),
        (("特别程序种类",), ("听证",), "step_alone"),
        (("特别程序开始时间", "特别程序结束时间"), ("2026-03-04", "2026-03-03"), "steps_reversed"),
        (("补正告知时间", "补正时间"), ("2026-03-04", "2026-03-03"), "steps_reversed"),
        (("撤件时间",), ("2026-03-05",), "two_endings"),
        (("不予受理时间",), ("2026-03-05",), "two_endings"),
    ],
)
def test_steps_that_do_not_go_together_are_named(
    tmp_path: Path, more: tuple[str, ...], values: tuple[str, ...], note: str
) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, *more), (*CASE, *values)))
    assert (done.notes(note), done.rejected) == (1, [])


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ((*CASE[:3], "2026-03-03 09:00", *CASE[4:]), "steps_reversed"),
        ((*CASE[:4], None, CASE[5]), "acceptance_assumed"),
        (CASE, ""),
    ],
)
def test_an_acceptance_that_is_missing_or_too_early_is_named(tmp_path: Path, row: tuple[Any, ...], note: str) -> None:
    told_of = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, row)).told
    assert [one["what"] for one in told_of.notes if one["what"] != "unknown_item"] == ([note] if note else [])


def test_a_case_that_was_delivered_but_not_decided_is_named(tmp_path: Path) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, "送达时间"), (*CASE[:5], None, "2026-03-08")))
    assert done.notes("undecided") == 1


@pytest.mark.parametrize("status", ["已办结", "准予", "不予许可"])
def test_a_decided_case_that_was_withdrawn_before_is_refused(tmp_path: Path, status: str) -> None:
    head = (*CASE_HEAD, "撤件时间", "办件状态")
    assert cases(workbook(tmp_path / "a.xlsx", head, (*CASE, "2026-03-05", status))).reasons == {2: "ending-disagrees"}


def test_a_prolonged_review_without_a_beginning_is_an_extension_all_the_same(tmp_path: Path) -> None:
    head = (*CASE_HEAD, "特别程序种类", "特别程序期限（工作日）")
    done = cases(workbook(tmp_path / "a.xlsx", head, (*CASE, "延长审批", 10)))
    (extended,) = [event.data for event in done.published if event.type.name == "CASE_EXTENDED"]
    assert extended.days == 10  # type: ignore[attr-defined]
    undated = workbook(tmp_path / "b.xlsx", head, (*CASE[:4], None, None, "延长审批", 10))
    assert cases(undated).reasons == {2: "extended-without-date"}


def test_a_name_that_the_catalogue_has_for_another_code_is_named(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    catalogue = workbook(tmp_path / "a.xlsx", HEAD, ("a-1", "食品经营许可", "县公安局", 20, 5))
    take(catalogue, "catalogue", shelf, effective_from=DAY)
    head = (*CASE_HEAD[:2], "事项名称", *CASE_HEAD[2:])
    rows = [("c-1", "a-1", "食品经营许可（新办）", *CASE[2:]), ("c-2", "a-1", "户口登记", *CASE[2:])]
    done = cases(workbook(tmp_path / "b.xlsx", head, *rows), shelf)
    (note,) = [one for one in done.told.notes if one["what"] == "name_other"]
    assert [one["key"] for one in note["examples"]] == ["c-2"]


def test_items_whose_code_stands_in_the_first_row_alone_are_known_by_their_own_codes(tmp_path: Path) -> None:
    head = ("实施编码", "事项名称", "业务办理项编码", "业务办理项名称", "部门", "承诺时限（工作日）")
    rows = [("a-1", "甲", "a-1-01", "甲一", "县公安局", 5), (None, None, "a-1-02", "甲二", "县公安局", 3)]
    done = items(workbook(tmp_path / "a.xlsx", head, *rows))
    assert limits(done) == {"a-1-01": (None, 5), "a-1-02": (None, 3)}


@pytest.mark.parametrize("written", [2026, "2026", "1999"])
def test_a_year_is_no_limit(tmp_path: Path, written: Any) -> None:
    done = items(workbook(tmp_path / "a.xlsx", HEAD, ("a-1", "甲", "县公安局", written, 5)))
    assert done.reasons == {2: "limit-is-a-date"}


@pytest.mark.parametrize(
    ("row", "value"),
    [
        (("c" * 70, *CASE[1:]), "c" * 70),
        (("c-1", "a-1", "局" * 70, *CASE[3:]), "局" * 70),
        ((*CASE[:3], "2031-01-01", None, None), "2031-01-01"),
        ((*CASE[:3], "1985-01-01", None, None), "1985-01-01"),
        (("13800138000", *CASE[1:]), ""),
    ],
)
def test_what_the_contract_refuses_is_told_with_its_value_and_in_chinese(
    tmp_path: Path, row: tuple[Any, ...], value: str
) -> None:
    (bad,) = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, row)).rejected
    assert bad.problem.detail == value
    assert not told(bad.problem.reason).what.zh.isascii()
    assert "契约" not in told(bad.problem.reason).what.zh


def test_a_field_without_a_column_is_told_by_its_chinese_name(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", ("实施编码", "事项名称", "承诺时限（工作日）"), ("a-1", "甲", 5)))
    assert [one["column"] for one in done.told.refused] == ["部门"]


@pytest.mark.parametrize("header", ["受理结果", "审批意见", "备注"])
@pytest.mark.parametrize("word", ["不予受理", "退件", "撤件"])
def test_a_result_in_a_column_that_is_not_read_is_asked_about(tmp_path: Path, header: str, word: str) -> None:
    assert cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, header), (*CASE, word))).asked == ["void_rows"]


@pytest.mark.parametrize(
    ("place", "written", "reason"),
    [
        (1, True, "bad-word"),
        (2, "相关部门", "bad-word"),
        (2, "全县各部门", "bad-word"),
        (2, "见附件", "bad-word"),
        (2, "/", "missing-field"),
    ],
)
def test_what_names_no_item_and_no_department_is_refused(tmp_path: Path, place: int, written: Any, reason: str) -> None:
    row = ["a-1", "甲", "县公安局", 20, 5]
    row[place] = written
    assert items(workbook(tmp_path / "a.xlsx", HEAD, tuple(row))).reasons == {2: reason}


def test_a_day_is_no_department(tmp_path: Path) -> None:
    day = datetime(2026, 3, 5)  # noqa: DTZ001 - of a cell
    assert cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, (*CASE[:2], day, *CASE[3:]))).reasons == {2: "bad-word"}


def test_a_saved_answer_about_a_column_does_not_hold_for_another_one(tmp_path: Path) -> None:
    head = ("实施编码", "事项名称", "部门", "承诺时限", "承诺办结时限")
    row = ("a-1", "甲", "县公安局", "5个工作日", "7个工作日")
    first = items(workbook(tmp_path / "a.xlsx", head, row), answers={"column.promised_days": "D"})
    assert (limits(first), first.job is not None) == ({"a-1": (None, 5)}, True)
    profile = tmp_path / "source.yaml"
    save_profile(profile, saved_profile(first.job, "source"))  # type: ignore[arg-type]
    again = items(tmp_path / "a.xlsx", profile=str(profile))
    assert limits(again) == {"a-1": (None, 5)}
    moved = workbook(tmp_path / "b.xlsx", (*head[:3], head[4], head[3]), (*row[:3], row[4], row[3]))
    assert items(moved, profile=str(profile)).asked == ["column.promised_days"]


def test_a_saved_profile_asks_of_the_rows_of_each_file_again(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (*HEAD, "备注"), ("a-1", "甲", "县公安局", 20, 5, "已取消"))
    first = items(path, answers={"void_rows": "read"})
    profile = tmp_path / "source.yaml"
    save_profile(profile, saved_profile(first.job, "source"))  # type: ignore[arg-type]
    assert items(path, profile=str(profile)).asked == ["void_rows"]


def test_zeros_that_a_csv_lost_are_those_of_the_one_stored_item(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    row = ("甲", "县公安局", 20, 5)
    take(workbook(tmp_path / "a.xlsx", HEAD, ("0131010000", *row)), "catalogue", shelf, effective_from=DAY)
    again = take(workbook(tmp_path / "b.xlsx", HEAD, ("131010000", *row)), "catalogue", shelf, effective_from=DAY)
    assert (again.told.rows["unchanged"], again.notes("zeros_restored"), again.published) == (1, 1, [])


def test_a_stored_item_that_gets_quite_another_name_is_named(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    for name, notes in (("食品经营许可", 0), ("食品经营许可（新办）", 0), ("户口登记", 1)):
        path = workbook(tmp_path / "a.xlsx", HEAD, ("a-1", name, "县公安局", 20, 5))
        assert take(path, "catalogue", shelf, effective_from=DAY).notes("name_other") == notes


def test_a_case_that_is_open_by_its_status_but_stored_as_ended_is_named(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE), shelf)
    again = cases(workbook(tmp_path / "b.xlsx", (*CASE_HEAD, "办件状态"), (*CASE[:5], None, "办理中")), shelf)
    assert (again.notes("open_but_ended"), again.published) == (1, [])


@pytest.mark.parametrize(
    ("header", "void", "sound"),
    [
        ("是否作废", "是", "否"),
        ("删除标志", 1, 0),
        ("是否测试件", "是", "否"),
        ("是否撤件", "Y", "N"),
        ("是否办结", "否", "是"),
    ],
)
def test_a_flag_that_a_row_holds_no_longer_is_asked_about(tmp_path: Path, header: str, void: Any, sound: Any) -> None:
    path = workbook(tmp_path / "a.xlsx", (*CASE_HEAD, header), (*CASE, void), ("c-2", *CASE[1:], sound))
    assert cases(path, take_defaults=True).asked == ["void_rows"]
    assert cases(path, answers={"void_rows": "refuse"}).reasons == {2: "said-void"}
    fine = workbook(tmp_path / "b.xlsx", (*CASE_HEAD, header), (*CASE, sound))
    assert len(cases(fine).published) == 3


def test_a_remark_in_the_first_column_makes_no_note_of_its_row(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", ("备注", *HEAD), ("日期：2026年", "a-1", "甲", "县公安局", 20, 5)))
    assert limits(done) == {"a-1": (20, 5)}
