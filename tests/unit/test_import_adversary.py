"""Tables that were made to be misread: each cell is read right, asked about, or refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl.styles import Font

from services.importing.case_import import HallOfCases
from tests.shelf import Shelf
from tests.unit.test_import_kinds import CASE, CASE_HEAD, ITEM_HEAD, ROW, cases, items, limits, text, workbook

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
