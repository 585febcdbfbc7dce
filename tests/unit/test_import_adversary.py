"""Tables that were made to be misread: each cell is read right, asked about, or refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl.styles import Font

from hallpulse.contract.events import ItemPublished
from hallpulse.domain.workdays import time_text
from services.importing.case_import import HallOfCases
from services.importing.problems import TableError
from tests.shelf import Import, Shelf
from tests.unit.test_import_kinds import (
    CASE,
    CASE_HEAD,
    ITEM_HEAD,
    ROW,
    cases,
    departments,
    items,
    limits,
    text,
    workbook,
)

SWAPPED = (*ITEM_HEAD[:4], ITEM_HEAD[5], ITEM_HEAD[4])
BARE = ("实施编码", "事项名称", "部门", "办件类型", "法定时限", "承诺时限")
OTHER = ("a-2", "乙", "县公安局", "承诺件", 30, 7)


def line(*cells: object) -> str:
    return ",".join(map(str, cells)) + "\n"


def test_a_second_table_below_is_read_by_its_own_header(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, (), SWAPPED, ("a-2", *OTHER[1:4], 7, 30)))
    assert limits(done) == {"a-1": (20, 5), "a-2": (30, 7)}
    assert [sheet["header"] for sheet in done.told.sheets] == [[1], [4]]


def test_headers_of_two_rows_that_are_printed_on_every_page_are_read_again(tmp_path: Path) -> None:
    head = ((*BARE[:4], "办结时限（工作日）", None), (None, None, None, None, "法定时限", "承诺时限"))

    def merge(sheet: Any) -> None:
        sheet.merge_cells("E1:F1")
        sheet.merge_cells("E4:F4")

    done = items(workbook(tmp_path / "a.xlsx", *head, ROW, *head, OTHER, change=merge))
    assert limits(done) == {"a-1": (20, 5), "a-2": (30, 7)}


def test_nothing_is_taken_from_a_table_beside_another(tmp_path: Path) -> None:
    rows = [(*ITEM_HEAD, None, *ITEM_HEAD), (*ROW[:5], None, None, *OTHER)]
    path = workbook(tmp_path / "a.xlsx", *rows)
    assert "column.item_code" in items(path).asked
    answers = {"column.item_code": "A", "column.name": "B", "column.statutory_days": "E"}
    assert limits(items(path, answers=answers)) == {"a-1": (20, None)}


def test_a_note_that_contradicts_the_header_is_asked_about(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ("注：承诺时限为自然日",), ITEM_HEAD, ROW)
    assert items(path).asked == ["unit.promised_days"]
    assert limits(items(path, answers={"unit.promised_days": "自然日"})) == {"a-1": (20, 4)}
    assert limits(items(path, answers={"unit.promised_days": "工作日"})) == {"a-1": (20, 5)}


def test_a_note_speaks_of_its_own_sheet_alone(tmp_path: Path) -> None:
    def more(sheet: Any) -> None:
        other = sheet.parent.create_sheet("二")
        other.append(BARE)
        other.append(OTHER)

    path = workbook(tmp_path / "a.xlsx", ("注：时限单位为自然日",), BARE, ROW, change=more)
    assert items(path).asked == ["unit.statutory_days", "unit.promised_days"]
    answers = {"unit.statutory_days": "工作日", "unit.promised_days": "工作日"}
    assert limits(items(path, answers=answers))["a-2"] == (30, 7)


def test_one_column_of_units_holds_for_both_limits(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", (*BARE, "时限单位"), (*ROW, "自然日"), (*OTHER, "工作日")))
    assert limits(done) == {"a-1": (15, 4), "a-2": (30, 7)}


def test_a_column_of_units_beside_each_limit_is_that_limits_own(tmp_path: Path) -> None:
    rows = [(*ROW[:5], "工作日", 7, "自然日"), (*OTHER[:5], "月", 7, "工作日")]
    for unit in ("时限单位", "单位"):
        done = items(workbook(tmp_path / "a.xlsx", (*BARE[:5], unit, "承诺时限", unit), *rows))
        assert limits(done) == {"a-1": (20, 5), "a-2": (660, 7)}
    one = workbook(tmp_path / "b.xlsx", (*BARE[:5], "时限单位", "承诺时限"), (*ROW[:5], "自然日", 5))
    assert items(one).asked == ["unit.promised_days"]


def test_a_header_in_days_that_may_be_natural_has_no_default(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (*BARE[:4], "法定办结天数", "承诺办结天数"), ROW)
    assert items(path, take_defaults=True).asked == ["unit.statutory_days", "unit.promised_days"]


def test_a_result_of_a_formula_is_no_longer_by_what_binary_fractions_add(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, (*ROW[:4], 20.000000000000004, 4.999999999999999)))
    assert limits(done) == {"a-1": (20, 5)}


@pytest.mark.parametrize("written", ["#N/A", "#REF!", "#DIV/0!", "########", "＃N/A", "Err:502", "=VLOOKUP(A2;B:C;2)"])
def test_an_error_as_text_is_refused_and_no_empty_cell(tmp_path: Path, written: str) -> None:
    assert cases(text(tmp_path / "a.csv", line(*CASE_HEAD) + line(*CASE[:5], written))).reasons == {2: "formula"}


@pytest.mark.parametrize(
    "written", ["2026-03-05 09:00-11:00", "2026-03-05 14:30-16:00", "3月5日", "5 Mar 2026", "2026-03"]
)
def test_what_may_be_a_range_or_no_whole_date_is_refused(tmp_path: Path, written: str) -> None:
    assert cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, (*CASE[:5], written))).reasons == {2: "bad-date"}


def test_a_csv_that_was_cut_off_says_so_of_its_last_line(tmp_path: Path) -> None:
    whole = line(*CASE_HEAD) + line(*CASE)
    assert cases(text(tmp_path / "a.csv", whole + ",".join(("c-2", *CASE[1:4])))).reasons == {3: "cut-off"}
    assert cases(text(tmp_path / "b.csv", whole.rstrip("\n"))).reasons == {}


def test_a_line_with_fewer_cells_than_headers_may_be_shifted_and_is_asked_about(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", line(*CASE_HEAD) + line(*CASE) + line("c-2", *CASE[1:4], CASE[5]))
    assert cases(path, take_defaults=True).asked == ["short_rows"]
    assert cases(path, answers={"short_rows": "refuse"}).reasons == {3: "too-short"}
    assert len(cases(path, answers={"short_rows": "empty_at_the_end"}).published) == 5


def test_ratings_beyond_five_are_asked_about(tmp_path: Path) -> None:
    rows = [(*CASE_HEAD, "评价得分"), (*CASE, 5), ("c-2", *CASE[1:], 95)]
    path = workbook(tmp_path / "a.xlsx", *rows)
    assert cases(path, take_defaults=True).asked == ["ratings.scale"]
    assert cases(path, answers={"ratings.scale": "five"}).reasons == {3: "bad-number"}
    assert cases(path, answers={"ratings.scale": "refuse"}).reasons == {2: "bad-number", 3: "bad-number"}


def test_a_case_id_of_another_hall_and_other_dates_than_stored_are_named_before_publishing(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE), shelf)
    elsewhere = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE), shelf.at(222424, "hall-2"), publish=False)
    (note,) = [one for one in elsewhere.told.notes if one["what"] == "in_other_hall"]
    assert (note["rows"], note["examples"][0]["key"], note["examples"][0]["became"]) == (1, "c-1", "hall")
    later = cases(workbook(tmp_path / "b.xlsx", CASE_HEAD, (*CASE[:5], "2026-03-09 10:00")), shelf, publish=False)
    (note,) = [one for one in later.told.notes if one["what"] == "other_than_stored"]
    assert note["examples"][0]["written"].startswith("2026-03-06")
    assert note["examples"][0]["became"].startswith("2026-03-09")


def test_hidden_columns_are_read_and_named(tmp_path: Path) -> None:
    def hide(sheet: Any) -> None:
        sheet.column_dimensions["F"].hidden = True

    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, change=hide))
    assert (limits(done), done.told.sheets[0]["hidden_columns"]) == ({"a-1": (20, 5)}, ["F"])


def test_rows_that_are_struck_through_are_asked_about(tmp_path: Path) -> None:
    def strike(sheet: Any) -> None:
        sheet["A3"].font = Font(strike=True)

    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, OTHER, change=strike)
    assert items(path, take_defaults=True).asked == ["struck_rows"]
    assert items(path, answers={"struck_rows": "refuse"}).reasons == {3: "struck"}
    assert sorted(limits(items(path, answers={"struck_rows": "read"}))) == ["a-1", "a-2"]


def test_examples_and_totals_of_a_group_are_no_rows(tmp_path: Path) -> None:
    example, total = ("示例", *ROW[1:]), ("县公安局小计", "1项", "县公安局", None, 20, 5)
    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, example, ROW, total, OTHER))
    assert sorted(limits(done)) == ["a-1", "a-2"]
    assert [row["why"] for row in done.told.sheets[0]["passed"]] == ["示例行", "合计行"]


def test_a_limit_that_a_spreadsheet_shows_as_a_day_is_refused(tmp_path: Path) -> None:
    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, (*ROW[:4], "5月7日", 5)))
    assert done.reasons == {2: "limit-is-a-date"}


def test_a_name_that_stands_twice_in_an_object_is_refused(tmp_path: Path) -> None:
    fields = dict(zip(CASE_HEAD, CASE, strict=True))
    twice = ", ".join(f'"{name}": "{value}"' for name, value in [*fields.items(), (CASE_HEAD[5], "2026-03-26 10:00")])
    assert cases(text(tmp_path / "a.json", f"[{{{twice}}}]")).reasons == {1: "broken-line"}


def told_of(done: Import) -> dict[str, dict[str, tuple[str, Any]]]:
    """case → step → (its time to the minute, its data)."""
    found: dict[str, dict[str, tuple[str, Any]]] = {}
    for event in done.published:
        step = event.type.name.removeprefix("CASE_").lower()
        found.setdefault(event.data.entity, {})[step] = (time_text(event.time)[:16], event.data)
    return found


def test_a_day_without_a_time_stays_that_day_however_late_the_step_before_was(tmp_path: Path) -> None:
    late = "2026-03-02 23:59:59"
    rows = [(*CASE[:3], late, "2026-03-02", "2026-03-02", 5), ("c-2", *CASE[1:3], late, late, late, 5)]
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, "评价得分"), *rows))
    for steps in told_of(done).values():
        assert {time[:10] for time, _ in steps.values()} == {"2026-03-02"}
        assert list(steps) == ["received", "accepted", "decided", "rated"]


@pytest.mark.parametrize(
    ("written", "became"),
    [
        ("办结（撤件）", "withdrawn"),
        ("办结(不予受理)", "rejected"),
        ("办结（不予许可）", "refused"),
        ("办结（准予）", "granted"),
        ("按时办结", "other"),
        ("正常办结（窗口）", "other"),
        ("办结（不予）（撤件）", ""),
        ("办结（异议）", ""),
        ("准予（部分）", ""),
    ],
)
def test_brackets_of_a_status_are_read_too(tmp_path: Path, written: str, became: str) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, "办件状态"), (*CASE, written)))
    if not became:
        assert done.reasons == {2: "bad-word"}
        return
    steps = told_of(done)["c-1"]
    assert became in (steps["decided"][1].outcome if "decided" in steps else tuple(steps))


@pytest.mark.parametrize(
    ("written", "score", "automatic"),
    [
        ("满意（默认）", 5, True),
        ("非常满意（系统评价）", 5, True),
        ("★★★★☆", 4, None),
        ("五星", 5, None),
        ("满意（不满意）", None, None),
        ("满意（补录）", None, None),
    ],
)
def test_brackets_and_stars_of_a_rating(
    tmp_path: Path, written: str, score: int | None, automatic: bool | None
) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", (*CASE_HEAD, "评价结果"), (*CASE, written)))
    if score is None:
        assert done.reasons == {2: "bad-number"}
        return
    data = told_of(done)["c-1"]["rated"][1]
    assert (data.score, data.automatic) == (score, automatic)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("是", True), ("否（无）", False), ("是（部分）", None), ("是（否）", None), ("否（市级进驻）", None)],
)
def test_a_yes_with_a_reserve_is_refused(tmp_path: Path, written: str, meant: bool | None) -> None:
    done = items(workbook(tmp_path / "a.xlsx", (*ITEM_HEAD, "是否进驻大厅"), (*ROW, written)))
    if meant is None:
        assert done.reasons == {2: "bad-yes-no"}
    else:
        assert [event.data.settled for event in done.published if isinstance(event.data, ItemPublished)] == [meant]


def test_lines_of_another_encoding_are_refused_and_no_departments(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    other = ("c-2", *CASE[1:])
    path.write_bytes(line(*CASE_HEAD).encode("gbk") + line(*CASE).encode("gbk") + line(*other).encode())
    assert cases(path).reasons == {3: "garbled"}
    twice = line(*CASE).encode().decode("latin-1")
    assert cases(text(tmp_path / "b.csv", line(*CASE_HEAD) + twice)).reasons == {2: "garbled"}
    lost = workbook(tmp_path / "c.xlsx", CASE_HEAD, (*CASE[:2], "县公\ufffd局", *CASE[3:]))
    assert cases(lost).reasons == {2: "garbled"}


def test_codes_that_differ_by_case_or_blanks_alone_are_asked_about(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, ("A -1", *ROW[1:]))
    assert items(path, take_defaults=True).asked == ["alike_codes"]
    assert items(path, answers={"alike_codes": "refuse"}).reasons == {2: "twice-with-others", 3: "twice-with-others"}
    path = workbook(tmp_path / "b.xlsx", CASE_HEAD, CASE, ("C-1", *CASE[1:]))
    assert cases(path, take_defaults=True).asked == ["alike_codes"]
    assert sorted(told_of(cases(path, answers={"alike_codes": "different"}))) == ["C-1", "c-1"]


def test_a_case_that_stands_twice_with_other_blanks_alone_is_repeated(tmp_path: Path) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE, (" c-1\u200b", *CASE[1:])))
    assert (done.reasons, done.told.rows["repeated"]) == ({}, 1)


@pytest.mark.parametrize(
    "written", ["县公安局、县林业局", "县公安局/县林业局", "县公安局\n县林业局", "县公安局和县林业局"]
)
def test_several_departments_in_a_cell_are_asked_about(tmp_path: Path, written: str) -> None:
    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, (*ROW[:2], written, *ROW[3:]))
    (question,) = items(path, take_defaults=True).told.questions
    assert [choice["value"] for choice in question["choices"]] == ["县公安局", "县林业局", written]
    assert departments(items(path, answers={question["id"]: "县公安局"})) == ["县公安局"]


@pytest.mark.parametrize("name", ["县人力资源和社会保障局", "县文化广播电视和旅游局", "县发展和改革局(县粮食局)"])
def test_a_department_with_and_in_its_name_is_one(tmp_path: Path, name: str) -> None:
    assert departments(items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, (*ROW[:2], name, *ROW[3:])))) == [name]


@pytest.mark.parametrize(
    "header",
    ["法定时限/工作日", "法定时限：工作日", "法定工作日", "法定时限\n（工作日）", "Statutory limit (working days)"],
)
def test_a_unit_behind_a_header_is_its_unit(tmp_path: Path, header: str) -> None:
    done = items(workbook(tmp_path / "a.xlsx", (*ITEM_HEAD[:4], header, ITEM_HEAD[5]), ROW))
    assert (done.asked, limits(done)) == ([], {"a-1": (20, 5)})


def test_units_below_two_group_headers_are_those_limits_own(tmp_path: Path) -> None:
    head = ((*BARE[:4], "法定", None, "承诺", None), (None, None, None, None, "时限", "单位", "时限", "单位"))

    def merge(sheet: Any) -> None:
        sheet.merge_cells("E1:F1")
        sheet.merge_cells("G1:H1")

    done = items(workbook(tmp_path / "a.xlsx", *head, (*ROW[:5], "工作日", 7, "天"), change=merge))
    assert limits(done) == {"a-1": (20, 5)}


def test_a_header_that_nearly_names_a_missing_field_is_asked_about(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (*ITEM_HEAD[:5], "承诺时效（工作日）"), (*ROW[:5], "5个工作日"))
    assert items(path, take_defaults=True).asked == ["unread.F"]
    assert limits(items(path, answers={"unread.F": "promised_days"})) == {"a-1": (20, 5)}
    assert limits(items(path, answers={"unread.F": "none"})) == {"a-1": (20, None)}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("七八个工作日", "limit-unreadable"),
        ("2026年3月5日", "limit-is-a-date"),
        ("2026-05-07", "limit-is-a-date"),
        ("1,000", "limit-several"),
        ("同上", "ditto"),
        ("5个工作日以上", "limit-unreadable"),
        ("3个工作日，情况复杂的5个工作日", "limit-unreadable"),
    ],
)
def test_a_limit_that_could_be_another_is_refused(tmp_path: Path, written: str, reason: str) -> None:
    assert items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, (*ROW[:4], written, 5))).reasons == {2: reason}


@pytest.mark.parametrize("code", ["待定", "未编码", "无", "-"])
def test_a_word_for_no_code_yet_is_no_code(tmp_path: Path, code: str) -> None:
    assert items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, (code, *ROW[1:]))).reasons == {2: "missing-field"}


def test_a_web_archive_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="网页档案"):
        cases(text(tmp_path / "a.xls", "MIME-Version: 1.0\nContent-Type: multipart/related\n\n<html><table>"))


def test_a_merge_that_groups_nothing_is_refused_in_the_rows_below_its_first(tmp_path: Path) -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("E2:E3")
        sheet.merge_cells("E4:F4")

    rows = [CASE, ("c-2", *CASE[1:]), ("c-3", *CASE[1:])]
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, *rows, change=merge))
    assert (done.reasons, sorted(told_of(done))) == ({3: "merged", 4: "merged"}, ["c-1"])


@pytest.mark.parametrize("name", ["取消事项", "2025旧版", "样表"])
def test_a_sheet_whose_name_says_that_it_holds_no_longer_is_asked_about(tmp_path: Path, name: str) -> None:
    def more(sheet: Any) -> None:
        other = sheet.parent.create_sheet(name)
        other.append(ITEM_HEAD)
        other.append((*ROW[:4], 30, 9))
        other.append(OTHER)

    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, change=more)
    assert items(path, take_defaults=True).asked == [f"sheet.{name}"]
    assert limits(items(path, answers={f"sheet.{name}": "leave_out"})) == {"a-1": (20, 5)}
    assert items(path, answers={f"sheet.{name}": "read"}).reasons == {2: "twice-with-others"}


def test_something_in_a_column_without_a_header_is_asked_about(tmp_path: Path) -> None:
    shifted = (*ROW[:4], None, 20, 5)
    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, OTHER, shifted)
    assert items(path, take_defaults=True).asked == ["nameless_columns"]
    assert items(path, answers={"nameless_columns": "refuse"}).reasons == {3: "too-wide"}
    assert limits(items(path, answers={"nameless_columns": "remarks"})) == {"a-1": (None, 20), "a-2": (30, 7)}


def test_columns_of_one_limit_in_two_units_are_asked_about_though_one_is_empty(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", (*ITEM_HEAD, "承诺时限（小时）"), (*ROW[:5], None, 4))
    assert items(path, take_defaults=True).asked == ["column.promised_days"]
    assert limits(items(path, answers={"column.promised_days": "G"})) == {"a-1": (20, 0)}
    assert limits(items(path, answers={"column.promised_days": "F"})) == {"a-1": (20, None)}


@pytest.mark.parametrize("header", ["是否停用", "是否取消"])
def test_an_item_that_is_said_to_hold_no_longer_is_refused(tmp_path: Path, header: str) -> None:
    path = workbook(tmp_path / "a.xlsx", (*ITEM_HEAD, header), (*ROW, "是"), (*OTHER, "否"))
    assert items(path).reasons == {2: "not-in-force"}
