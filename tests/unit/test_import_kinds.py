"""Each kind of spoilt or odd table, made here: read right, asked about, or refused with its place."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from hallpulse.contract.events import ItemPublished, Received
from services.importing.case_import import HallOfCases
from services.importing.problems import TableError
from tests.shelf import Import, Shelf, take

ITEM_HEAD = ("实施编码", "事项名称", "部门", "办件类型", "法定时限（工作日）", "承诺时限（工作日）")
CASE_HEAD = ("办件编号", "实施编码", "部门", "收件时间", "受理时间", "办结时间")
CASE = ("c-1", "a-1", "县公安局", "2026-03-02 09:00", "2026-03-02 10:00", "2026-03-06 15:30")
DAY = date(2026, 1, 1)
Change = Callable[[Any], None]


def workbook(path: Path, *rows: tuple[Any, ...], change: Change | None = None, title: str = "Sheet") -> Path:
    book = Workbook()
    sheet: Any = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if change is not None:
        change(sheet)
    book.save(path)
    return path


def text(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def items(path: Path, **options: Any) -> Import:
    return take(path, "catalogue", Shelf(HallOfCases(222424, "hall")), **{"effective_from": DAY, **options})


def cases(path: Path, shelf: Shelf | None = None, **options: Any) -> Import:
    return take(path, "cases", shelf or Shelf(HallOfCases(222424, "hall")), **options)


def limits(done: Import) -> dict[str, tuple[int | None, int | None]]:
    data = [event.data for event in done.published]
    return {one.item_code: (one.statutory_days, one.promised_days) for one in data if isinstance(one, ItemPublished)}


def departments(done: Import) -> list[str]:
    return [one.data.department for one in done.published if isinstance(one.data, ItemPublished)]


ROW = ("a-1", "甲", "县公安局", "承诺件", 20, 5)


def test_all_visible_sheets_are_read_and_hidden_ones_are_named(tmp_path: Path) -> None:
    def more(sheet: Any) -> None:
        for number, state in ((2, "visible"), (3, "hidden"), (4, "veryHidden")):
            other = sheet.parent.create_sheet(f"第{number}张")
            other.append(ITEM_HEAD)
            other.append((f"a-{number}", *ROW[1:]))
            other.sheet_state = state
        sheet.parent.create_sheet("说明").append(["本表由各部门填写"])

    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, change=more))
    assert sorted(limits(done)) == ["a-1", "a-2"]
    unread = {sheet["name"]: sheet["why"] for sheet in done.told.sheets if not sheet["read"]}
    assert unread["第3张"] == unread["第4张"] == "工作表是隐藏的"
    assert "没有找到表头" in unread["说明"]


def test_a_sheet_that_nearly_fits_is_asked_about(tmp_path: Path) -> None:
    def more(sheet: Any) -> None:
        other = sheet.parent.create_sheet("二月")
        other.append(("办件编号", "部门", "受理时间", "办结时间"))
        other.append(("c-2", "县公安局", "2026-03-02", "2026-03-03"))

    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, CASE, change=more))
    assert done.asked == ["sheet.二月"]


def test_merged_cells_are_filled_for_what_they_group(tmp_path: Path) -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("C2:C4")
        sheet.merge_cells("F2:F3")

    rows = [
        ("a-1", "甲", "县公安局", "承诺件", 20, 5),
        ("a-2", "乙", None, "承诺件", 20, None),
        ("a-3", "丙", None, "承诺件", 20, 3),
    ]
    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, *rows, change=merge))
    assert limits(done) == {"a-1": (20, 5), "a-2": (20, 5), "a-3": (20, 3)}
    assert set(departments(done)) == {"县公安局"}
    assert done.told.sheets[0]["merged"] == 2


def test_headers_in_two_rows_are_joined_with_their_units(tmp_path: Path) -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("D1:E1")
        sheet.merge_cells("F1:G1")

    head = (
        ("实施编码", "事项名称", "部门", "法定办结时限", None, "承诺办结时限", None),
        (None, None, None, "数值", "单位", "数值", "单位"),
    )
    done = items(workbook(tmp_path / "a.xlsx", *head, ("a-1", "甲", "局", 30, "自然日", 4, "小时"), change=merge))
    assert (limits(done), done.told.sheets[0]["header"]) == ({"a-1": (22, 0)}, [1, 2])


def test_titles_totals_notes_and_repeated_headers_are_no_rows_and_are_named(tmp_path: Path) -> None:
    rows = [
        ("2026年目录",), ("填报单位：县政数局", None, None, None, "日期：2026年3月1日"), ITEM_HEAD, ROW, ITEM_HEAD,
        ("a-2", *ROW[1:]), ("一、行政确认",), ("小计", "2项", None, None, 40, 10), (None, "合计", None, None, 40, 10),
        ("注：请勿改动",), ("填表人：张", None, "审核人：李"),
    ]  # fmt: skip
    done = items(workbook(tmp_path / "a.xlsx", *rows))
    assert sorted(limits(done)) == ["a-1", "a-2"]
    assert [row["line"] for row in done.told.sheets[0]["passed"]] == [1, 2, 5, 7, 8, 9, 10, 11]
    assert done.rejected == []


def test_a_note_says_the_unit_of_the_limits(tmp_path: Path) -> None:
    head = ("实施编码", "事项名称", "部门", "法定时限", "承诺时限")
    row = ("a-1", "甲", "局", 20, 4)
    done = items(workbook(tmp_path / "a.xlsx", head, row, ("注：法定时限为工作日",), ("承诺时限单位为小时",)))
    assert limits(done) == {"a-1": (20, 0)}
    assert items(workbook(tmp_path / "b.xlsx", head, row, ("注：请如实填写",))).asked == [
        "unit.statutory_days", "unit.promised_days",
    ]  # fmt: skip


def test_a_number_format_that_shows_more_than_the_number_is_read_as_shown(tmp_path: Path) -> None:
    def formats(sheet: Any) -> None:
        sheet["A2"].number_format = "000000000000"
        sheet["D2"].number_format = '0"个工作日"'
        sheet["E2"].number_format = '0"天"'

    head = ("实施编码", "事项名称", "部门", "法定时限", "承诺时限")
    done = items(workbook(tmp_path / "a.xlsx", head, (131010000, "甲", "局", 20, 7), change=formats))
    assert limits(done) == {"000131010000": (20, 5)}


def test_number_cells_as_codes_are_asked_about_or_matched_with_one_stored_item(tmp_path: Path) -> None:
    shelf = Shelf(HallOfCases(222424, "hall"))
    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, (131010000, *ROW[1:]))
    assert items(path).asked == ["numeric_codes"]
    first = workbook(tmp_path / "b.xlsx", ITEM_HEAD, ("000131010000", *ROW[1:]))
    take(first, "catalogue", shelf, effective_from=DAY)
    again = take(path, "catalogue", shelf, effective_from=DAY)
    assert (again.told.rows["unchanged"], again.notes("zeros_restored")) == (1, 1)
    of_item = cases(workbook(tmp_path / "c.xlsx", CASE_HEAD, ("c-1", 131010000, *CASE[2:])), shelf)
    received = of_item.published[0].data
    assert isinstance(received, Received)
    assert (received.item_code, of_item.notes("zeros_restored")) == ("000131010000", 1)


@pytest.mark.parametrize("code", [222401202603020001, 1.12e30, 0.5, -3, True, datetime(2026, 3, 2)])  # noqa: DTZ001
def test_a_code_that_a_spreadsheet_has_spoilt_is_refused(tmp_path: Path, code: object) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, (code, *CASE[1:])))
    assert done.reasons == {2: "spoilt-code"}


@pytest.mark.parametrize(
    "written",
    [
        "222401\t",
        "'222401",
        "\u3000222401\u3000",
        "222401\u200b",
        "２２２４０１",
        '="222401"',
        "\ufeff222401",
        "222401_x000D_",
    ],
)
def test_signs_around_a_code_are_taken_off(tmp_path: Path, written: str) -> None:
    done = cases(workbook(tmp_path / "a.xlsx", CASE_HEAD, (f"{written}", *CASE[1:])), publish=True)
    if written.startswith("="):  # a formula in a workbook, but what a text file writes so that zeros stay
        quoted = ",".join(['"=""222401"""', *CASE[1:]])
        done = cases(text(tmp_path / "a.csv", f"{','.join(CASE_HEAD)}\n{quoted}\n"))
    assert {event.data.entity for event in done.published} == {"222401"}


def test_formulas_are_read_by_their_results_and_refused_without(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx", ITEM_HEAD, ("a-1", "甲", "局", "承诺件", "=10+10", 5), ("a-2", "乙", "局", "承诺件", 20, 5)
    )
    assert items(path).reasons == {2: "formula"}
    computed = rewritten(path, tmp_path / "b.xlsx", "<f>10+10</f><v></v>", "<f>10+10</f><v>20</v>", "<f>10+10</f><v />")
    done = items(computed)
    assert limits(done) == {"a-1": (20, 5), "a-2": (20, 5)}
    assert done.told.sheets[0]["computed"] == 1


def test_an_error_in_a_cell_is_refused_and_not_empty(tmp_path: Path) -> None:
    def error(sheet: Any) -> None:
        sheet["F2"].value = "#REF!"
        sheet["F2"].data_type = "e"

    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, change=error))
    assert done.reasons == {2: "formula"}
    assert done.rejected[0].problem.detail == "#REF!"


def rewritten(path: Path, target: Path, old: str, new: str, other: str = "") -> Path:
    """A workbook with a text of its parts replaced; `other`: how the same may be written besides."""
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(target, "w") as after:
        for part in before.namelist():
            content = before.read(part).decode("utf-8") if part.endswith((".xml", ".rels")) else None
            if content is None:
                after.writestr(part, before.read(part))
            else:
                content = content.replace(other, new) if other else content
                after.writestr(part, content.replace(old, new))
    return target


def test_a_strict_workbook_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW)
    strict = rewritten(
        path,
        tmp_path / "b.xlsx",
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    strict = rewritten(
        strict,
        tmp_path / "c.xlsx",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    )
    assert limits(items(strict)) == {"a-1": (20, 5)}


def test_days_counted_from_1904_are_read_so_in_every_kind_of_cell(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet: Any = book.active
    sheet.append(CASE_HEAD)
    sheet.append((*CASE[:3], datetime(2026, 3, 2, 9), 44621.4, 44625.6))  # noqa: DTZ001
    sheet.append(("c-2", *CASE[1:3], "44621.375", 44621.4, 44625.6))
    book.save(tmp_path / "a.xlsx")
    done = cases(tmp_path / "a.xlsx")
    assert done.reasons == {3: "bad-date"}
    assert [event.time for event in done.published] == [
        1772413200000000, 1772415360000000, 1772778240000000,
    ]  # fmt: skip


def test_hidden_rows_are_read_and_named(tmp_path: Path) -> None:
    def hide(sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = True

    done = items(workbook(tmp_path / "a.xlsx", ITEM_HEAD, ROW, ("a-2", *ROW[1:]), change=hide))
    assert sorted(limits(done)) == ["a-1", "a-2"]
    assert done.told.sheets[0]["hidden_rows"] == [3]


TABLE = "實施編碼,事項名稱,部門,辦件類型,法定時限（工作日）,承諾時限（工作日）\na-1,甲,縣公安局,承諾件,20,5\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb18030", "big5"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "，"])
def test_text_is_read_in_every_encoding_with_every_separator(tmp_path: Path, encoding: str, separator: str) -> None:
    content = TABLE.replace(",", separator)
    done = items(text(tmp_path / "a.txt", content, encoding))
    assert limits(done) == {"a-1": (20, 5)}


def test_a_quotation_mark_left_open_refuses_the_file_with_its_line(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", f'{",".join(ITEM_HEAD)}\na-1,"甲,局,承诺件,20,5\na-2,乙,局,承诺件,20,5\n')
    with pytest.raises(TableError, match="第 2 行"):
        items(path)


def test_a_separator_inside_a_cell_shifts_nothing(tmp_path: Path) -> None:
    done = items(text(tmp_path / "a.csv", f"{','.join(ITEM_HEAD)}\na-1,甲,乙,局,承诺件,20,5\na-2,丙,局,承诺件,20,5\n"))
    assert (done.reasons, limits(done)) == ({2: "too-wide"}, {"a-2": (20, 5)})


def test_an_archive_a_text_document_and_a_locked_workbook_are_told_by_name(tmp_path: Path) -> None:
    for name, part, says in (("a.zip", "目录.xlsx", "压缩包"), ("a.docx", "word/document.xml", "Word")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(part, "x")
        with pytest.raises(TableError, match=says):
            items(tmp_path / name)
