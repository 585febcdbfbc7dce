"""More of what halls and bureaus write: rows that are none, cells that point elsewhere, words that turn a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.importing.case_import import HallOfCases
from services.importing.dates import NotADate, parse_moment
from services.importing.words import score_of
from tests.shelf import Import, Shelf, take
from tests.unit.test_import_kinds import CASE, CASE_HEAD, DAY, cases, items, limits, workbook

HEAD = ("实施编码", "事项名称", "部门", "法定时限（工作日）", "承诺时限（工作日）")
ITEM = ("a-1", "甲", "县公安局", 20, 5)
BARE = ("实施编码", "事项名称", "部门", "法定时限", "承诺时限")


def passed(done: Import) -> list[str]:
    return [row["why"] for row in done.told.sheets[0]["passed"]]


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 2, 3, 4, 5),
        ("1", "2", "3", "4", "5"),
        ("甲", "乙", "丙", 1, 2),
        ("甲", "乙", "丙", "4", "5"),
        ("（1）", "（2）", "（3）", "（4）", "（5）"),
        ("栏次", 1, 2, 3, 4),
        ("A", "B", "C", "D", "E"),
    ],
)
def test_a_row_that_numbers_the_columns_is_no_item(tmp_path: Path, numbers: tuple[Any, ...]) -> None:
    done = items(workbook(tmp_path / "a.xlsx", HEAD, numbers, ITEM))
    assert (limits(done), passed(done), done.rejected) == ({"a-1": (20, 5)}, ["栏号行"], [])


def test_the_numbers_below_a_header_that_is_repeated_are_no_item(tmp_path: Path) -> None:
    numbers = ("1", "2", "3", "4", "5")
    done = items(workbook(tmp_path / "a.xlsx", HEAD, numbers, ITEM, HEAD, numbers, ("a-2", *ITEM[1:])))
    assert (sorted(limits(done)), passed(done)) == (["a-1", "a-2"], ["栏号行", "重复的表头", "栏号行"])


def test_a_row_of_hints_how_to_fill_in_is_no_item(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", HEAD, ("必填", "必填", "必填", "选填", "varchar(20)"), ITEM))
    assert (limits(done), passed(done)) == ({"a-1": (20, 5)}, ["填写要求行"])


def test_a_row_of_units_below_the_header_says_the_units(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", BARE, (None, None, None, "工作日", "（自然日）"), ITEM))
    assert (limits(done), done.told.sheets[0]["header"]) == ({"a-1": (20, 4)}, [1, 2])


def test_totals_beside_what_a_row_is_about_and_footers_of_a_page_are_no_items(tmp_path: Path) -> None:
    head = ("序号", "部门", "实施编码", "事项名称", "法定时限（工作日）", "承诺时限（工作日）")
    rows = [
        (1, "县公安局", "a-1", "甲", 20, 5),
        (None, "县公安局", "小计", "1项", 20, 5),
        (None, None, "合计：1项", None, 20, 5),
        ("第1页", None, "共2页"),
        ("打印日期：2026-03-31", None, None, "打印人：张"),
    ]
    done = items(workbook(tmp_path / "a.xlsx", head, *rows))
    assert (limits(done), done.rejected, len(passed(done))) == ({"a-1": (20, 5)}, [], 4)


def test_an_item_whose_name_ends_like_a_total_is_an_item(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", HEAD, ITEM, ("a-2", "水费合计", *ITEM[2:])))
    assert sorted(limits(done)) == ["a-1", "a-2"]


def test_a_row_of_data_without_its_number_is_refused_and_no_note(tmp_path: Path) -> None:
    head = ("事项名称", *CASE_HEAD)
    done = cases(workbook(tmp_path / "a.xlsx", head, ("注册登记", None, *CASE[1:]), ("统计登记", *CASE)))
    assert (done.reasons, passed(done)) == ({2: "missing-field"}, [])


@pytest.mark.parametrize("ditto", ["同上", "同 上", "〃", '"', "″", "同上行"])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_cell_that_points_to_another_is_refused(tmp_path: Path, ditto: str, column: int) -> None:
    row = [("c-2", *CASE[1:])[place] if place != column else ditto for place in range(len(CASE))]
    assert cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE, tuple(row))).reasons == {3: "ditto"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("2.22401202603020001E17", "spoilt-code"),
        ("2.224012E9", "spoilt-code"),
        ("1.2E-5", "spoilt-code"),
        ("E+17", "spoilt-code"),
        ("c-1\nc-2", "several-codes"),
        ("c-1、c-2", "several-codes"),
        ("c-1；c-2", "several-codes"),
        ("见附件", "no-code"),
        ("编号：c-7", "no-code"),
        ("??", "no-code"),
        ("无编码", "missing-field"),
    ],
)
def test_what_is_no_code_or_more_than_one_is_refused(tmp_path: Path, code: str, reason: str) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE, (code, *CASE[1:])))
    assert (done.reasons, {event.data.entity for event in done.published}) == ({3: reason}, {"c-1"})


@pytest.mark.parametrize("code", ["〔2026〕12号", "JL-2026-1", "12E5", "c-6（补）", "1.2.3"])
def test_codes_as_halls_have_them_stay_what_they_are(tmp_path: Path, code: str) -> None:
    assert cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, (code, *CASE[1:]))).reasons == {}


def test_blanks_within_codes_are_named(tmp_path: Path) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, ("2224 0120", *CASE[1:]), CASE))
    assert (done.notes("code_spaced"), len(done.published)) == (1, 6)


def test_a_code_that_a_stored_item_has_with_other_dashes_or_blanks_is_asked_about(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    take(workbook(tmp_path / "a.xlsx", HEAD, ITEM), "catalogue", shelf, effective_from=DAY)
    path = workbook(tmp_path / "b.xlsx", HEAD, ("A—1", *ITEM[1:]))
    assert take(path, "catalogue", shelf, effective_from=DAY).asked == ["alike_codes"]
    refused = take(path, "catalogue", shelf, effective_from=DAY, answers={"alike_codes": "refuse"})
    assert refused.reasons == {2: "twice-with-others"}


@pytest.mark.parametrize("remark", ["已取消", "已下放乡镇", "重复件，作废", "测试数据", "以附件为准"])
def test_a_remark_that_a_row_holds_no_longer_is_asked_about(tmp_path: Path, remark: str) -> None:
    path = workbook(tmp_path / "a.xlsx", (*HEAD, "备注"), (*ITEM, remark), ("a-2", *ITEM[1:], "未取消"))
    assert items(path, take_defaults=True).asked == ["void_rows"]
    refused = items(path, answers={"void_rows": "refuse"})
    assert (refused.reasons, sorted(limits(refused))) == ({2: "said-void"}, ["a-2"])
    assert sorted(limits(items(path, answers={"void_rows": "read"}))) == ["a-1", "a-2"]


@pytest.mark.parametrize(("column", "written"), [(4, "法定20个工作日"), (3, "承诺：5个工作日")])
def test_a_limit_that_names_the_other_one_is_refused(tmp_path: Path, column: int, written: str) -> None:
    row = [*ITEM[:column], written, *ITEM[column + 1 :]]
    assert items(workbook(tmp_path / "a.xlsx", HEAD, tuple(row))).reasons == {2: "limit-of-the-other"}
    both = workbook(tmp_path / "b.xlsx", HEAD, (*ITEM[:3], "法定20个工作日", "承诺5个工作日"))
    assert limits(items(both)) == {"a-1": (20, 5)}


def test_a_column_below_a_group_that_tells_of_another_time_is_asked_about(tmp_path: Path) -> None:
    head = (*HEAD[:4], "去年"), (None, None, None, None, "承诺时限（工作日）")
    path = workbook(tmp_path / "a.xlsx", *head, ITEM)
    done = items(path, take_defaults=True)
    assert done.asked == ["header.E"]
    assert "承诺办结时限" in done.told.questions[0]["text"]
    assert limits(items(path, answers={"header.E": "no"})) == {"a-1": (20, None)}


@pytest.mark.parametrize("header", ["办结时间.1", "办结时间_2", "办结时间2"])
def test_a_header_that_a_program_numbered_is_the_same_header_again(tmp_path: Path, header: str) -> None:
    path = workbook(tmp_path / "a.xlsx", (*CASE_HEAD, header), (*CASE, "2026-03-26 10:00"))
    assert cases(path, take_defaults=True).asked == ["column.decided"]
    alone = workbook(tmp_path / "b.xlsx", (*CASE_HEAD[:5], header), CASE)
    assert cases(alone, take_defaults=True).asked == ["header.F"]


def test_an_answer_that_takes_a_column_in_asks_what_its_values_leave_open(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (*HEAD[:4], "承诺时效"), ITEM)
    first = {"unread.E": "promised_days"}
    assert items(path, answers=first).asked == ["unit.promised_days"]
    assert limits(items(path, answers={**first, "unit.promised_days": "自然日"})) == {"a-1": (20, 4)}
    assert limits(items(path, answers=first, take_defaults=True)) == {"a-1": (20, 5)}
    rated = workbook(tmp_path / "b.xlsx", (*CASE_HEAD, "评价等次"), (*CASE, 5))
    assert cases(rated, answers={"unread.G": "score"}).asked == ["ratings"]


def test_an_answer_that_chooses_a_column_asks_of_that_column_alone(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (*HEAD[:4], "承诺时限", "承诺办结时限"), (*ITEM[:4], "5个工作日", 7))
    assert limits(items(path, answers={"column.promised_days": "E"})) == {"a-1": (20, 5)}
    assert items(path, answers={"column.promised_days": "F"}).asked == ["unit.promised_days"]


@pytest.mark.parametrize("written", ["2026-03-05 晚上1:00", "2026-03-05 上午15:30", "2026-03-05 中午5:00"])
def test_an_hour_that_no_such_part_of_the_day_has_is_no_time(written: str) -> None:
    with pytest.raises(NotADate):
        parse_moment(written)


@pytest.mark.parametrize(
    ("written", "score"),
    [("不满意(1分)", None), ("满意(2分)", None), ("满意(1)", None), ("满意(4分)", 4), ("满意(2)", 4), ("满意(4)", 4)],
)
def test_a_number_in_the_brackets_of_a_rating_must_say_the_same(written: str, score: int | None) -> None:
    assert score_of(written) == score


@pytest.mark.parametrize(("written", "reason"), [("20¹", "limit-unknown-unit"), ("5①", "limit-unknown-unit")])
def test_a_footnote_behind_a_number_is_no_digit_of_it(tmp_path: Path, written: str, reason: str) -> None:
    assert items(workbook(tmp_path / "a.xlsx", HEAD, (*ITEM[:4], written))).reasons == {2: reason}
    assert cases(workbook(tmp_path / "b.xlsx", CASE_HEAD, (*CASE[:5], "2026-03-0¹"))).reasons == {2: "bad-date"}


def test_a_footnote_behind_a_code_makes_no_other_code_of_it(tmp_path: Path) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, ("c-1①", *CASE[1:]), ("c-11", *CASE[1:])))
    assert {event.data.entity for event in done.published} == {"c-1①", "c-11"}


def test_a_unit_above_the_table_is_no_row_of_its_header(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", ("单位：天",), BARE, ITEM))
    assert (limits(done), done.told.sheets[0]["header"]) == ({"a-1": (15, 4)}, [2])


def test_headers_in_three_rows_name_limits_and_their_units(tmp_path: Path) -> None:
    def merge(sheet: Any) -> None:
        for span in ("D1:G1", "D2:E2", "F2:G2"):
            sheet.merge_cells(span)

    head = (
        ("实施编码", "事项名称", "部门", "办理时限", None, None, None),
        (None, None, None, "法定", None, "承诺", None),
        (None, None, None, "数值", "单位", "数值", "单位"),
    )
    row = ("a-1", "甲", "县公安局", 30, "自然日", 5, "工作日")
    assert limits(items(workbook(tmp_path / "a.xlsx", *head, row, change=merge))) == {"a-1": (22, 5)}


def test_the_sign_by_which_dos_ends_a_text_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("".join(",".join(map(str, row)) + "\r\n" for row in (HEAD, ITEM)).encode("gbk") + b"\x1a")
    assert (limits(items(path)), items(path).rejected) == ({"a-1": (20, 5)}, [])
