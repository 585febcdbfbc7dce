"""Forms of files, of dates and of names in them: what a person saw and typed is read, asked about or refused."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.importing.case_import import HallOfCases
from services.importing.problems import TableError
from services.importing.words import Ending, ending_of
from tests.shelf import Import, Shelf, take
from tests.unit.test_import_kinds import CASE, CASE_HEAD, cases, departments, items, workbook
from tests.workbooks import write_ods, write_xls, write_xlsb

HEAD = ("实施编码", "事项名称", "部门", "法定时限（工作日）", "承诺时限（工作日）")
MARCH = datetime(2026, 3, 1)  # noqa: DTZ001 - of a cell
MAY = datetime(2026, 5, 1)  # noqa: DTZ001
FIGURES_HEAD = ("部门", "期间", "指标编码", "分子", "分母")


def figures(path: Path) -> Import:
    return take(path, "figures", Shelf(HallOfCases(222424, "hall")))


def periods(done: Import) -> list[Any]:
    return [event.data.period for event in done.published]  # type: ignore[attr-defined]


def formatted(place: str, pattern: str) -> Any:
    def change(sheet: Any) -> None:
        sheet[place].number_format = pattern

    return change


@pytest.mark.parametrize("pattern", ['yyyy"年"m"月"', "mmm-yy", "yyyy-mm", "yyyy/m;@", "[$-804]yyyy\\年m\\月"])
def test_a_date_of_which_only_the_month_is_shown_is_no_day(tmp_path: Path, pattern: str) -> None:
    path = workbook(tmp_path / "a.xlsx", CASE_HEAD, (*CASE[:5], MARCH), change=formatted("F2", pattern))
    done = cases(path)
    assert (done.reasons, done.rejected[0].problem.detail) == ({2: "bad-date"}, "2026年3月")
    period = workbook(tmp_path / "b.xlsx", FIGURES_HEAD, ("justice", MAY, "leader_in_court", 4, 5),
                      change=formatted("B2", pattern))  # fmt: skip
    assert periods(figures(period)) == ["2026-05"]


@pytest.mark.parametrize("write", [write_xls, write_xlsb])
def test_a_month_in_a_binary_workbook_is_no_day(tmp_path: Path, write: Any) -> None:
    formats = {(1, 5): 'yyyy"年"m"月"'}
    cell = MARCH if write is write_xls else 46082
    path = write(tmp_path / "a.bin", [CASE_HEAD, (*CASE[:5], cell)], formats=formats)
    assert cases(path).reasons == {2: "bad-date"}


def test_a_month_that_ods_shows_is_no_day(tmp_path: Path) -> None:
    cell = (
        '<table:table-cell office:value-type="date" office:date-value="2026-03-01"><text:p>2026年3月</text:p>'
        "</table:table-cell>"
    )
    assert cases(write_ods(tmp_path / "a.ods", [CASE_HEAD, (*CASE[:5], cell)])).reasons == {2: "bad-date"}


@pytest.mark.parametrize("pattern", ["yyyy-mm-dd", "m/d/yyyy h:mm", 'm"月"d"日"', "General"])
def test_a_date_of_which_the_day_is_shown_is_read(tmp_path: Path, pattern: str) -> None:
    path = workbook(tmp_path / "a.xlsx", CASE_HEAD, (*CASE[:5], CASE[5]), change=formatted("F2", pattern))
    assert cases(path).reasons == {}


@pytest.mark.parametrize(
    ("written", "period"),
    [
        (2026.05, "2026-05"),
        ("2026年5月份", "2026-05"),
        ("202605", "2026-05"),
        (202605, "2026-05"),
        ("2026-1", "2026-01"),
        (2026.1, None),
        ("2026.1", None),
        ("2026年1-5月", None),
        ("5月", None),
    ],
)
def test_a_period_that_a_spreadsheet_may_have_shortened_is_refused(
    tmp_path: Path, written: Any, period: str | None
) -> None:
    done = figures(workbook(tmp_path / "a.xlsx", FIGURES_HEAD, ("justice", written, "law_lectures", 3, None)))
    assert periods(done) == ([period] if period else [])
    assert done.reasons == ({} if period else {2: "bad-period"})


def test_a_declared_figure_with_a_remark_that_it_is_void_is_asked_about(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx", (*FIGURES_HEAD, "备注"), ("justice", "2026-05", "leader_in_court", 4, 5, "作废")
    )
    assert figures(path).asked == ["void_rows"]


def test_an_indicator_by_name_that_is_not_known_is_told_with_its_name_and_the_nearest(tmp_path: Path) -> None:
    head = ("部门", "期间", "指标名称", "分子", "分母")
    path = workbook(tmp_path / "a.xlsx", head, ("县司法局", "2026-05", "负责人出庭率（%）", 4, 5))
    (bad,) = figures(path).rejected
    assert (bad.problem.reason, bad.problem.field) == ("unknown-indicator", "indicator_name")
    assert bad.problem.detail == "负责人出庭率（%）：最接近的是 负责人出庭率"


@pytest.mark.parametrize("written", ["/", "-", "无", None])
def test_a_count_has_no_denominator_however_that_is_written(tmp_path: Path, written: str | None) -> None:
    rows = [("justice", "2026-05", "law_lectures", 3, written), ("justice", "2026-05", "leader_in_court", 4, written)]
    done = figures(workbook(tmp_path / "a.xlsx", FIGURES_HEAD, *rows))
    assert (len(done.published), done.reasons) == (1, {3: "no-denominator"})


def test_a_declaration_that_is_no_row_for_sure_is_not_told_to_the_bureau(tmp_path: Path) -> None:
    rows = [("justice", "2026-05", "leader_in_court", 9, 5), ("housing", "同上", "leader_in_court", 9, 5)]
    done = figures(workbook(tmp_path / "a.xlsx", FIGURES_HEAD, *rows))
    assert done.reasons == {2: "over-denominator", 3: "ditto"}
    assert done.job is not None
    assert [done.job.declined(row) is not None for row in done.rejected] == [True, False]


def test_spellings_of_new_departments_that_may_be_one_are_asked_about(tmp_path: Path) -> None:
    names = ("县公安局", "县 公安局", "汪清县公安局", "县林业局")
    rows = [(f"a-{number}", "甲", name, 20, 5) for number, name in enumerate(names)]
    path = workbook(tmp_path / "a.xlsx", HEAD, *rows)
    assert items(path, take_defaults=True).asked == ["department.汪清县公安局"]
    one = items(path, answers={"department.汪清县公安局": "县公安局"})
    assert departments(one) == ["县公安局", "县公安局", "县公安局", "县林业局"]
    other = items(path, answers={"department.汪清县公安局": "汪清县公安局"})
    assert departments(other) == ["县公安局", "县公安局", "汪清县公安局", "县林业局"]


def test_departments_of_two_counties_are_two(tmp_path: Path) -> None:
    rows = [(f"a-{number}", "甲", name, 20, 5) for number, name in enumerate(("汪清县公安局", "安图县公安局"))]
    assert departments(items(workbook(tmp_path / "a.xlsx", HEAD, *rows))) == ["汪清县公安局", "安图县公安局"]


def table(*rows: tuple[Any, ...]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ((table(CASE_HEAD, CASE) + "c-2,a-1,县公安").encode()[:-1], "没有传完"),
        (table(CASE_HEAD, CASE).encode() + table(("c-2", *CASE[1:])).encode("gbk"), "第 3 行起是另一种编码"),
        (json.dumps({"code": 200, "data": [dict(zip(CASE_HEAD, CASE, strict=True))]}).encode(), "扁平的对象"),
        (json.dumps(dict(zip(CASE_HEAD, CASE, strict=True)), indent=1).encode(), "扁平的对象"),
        (b"{\\rtf1\\ansi " + b"x" * 100, "RTF"),
        (b"\x09\x00\x04\x00\x02\x00\x10\x00" + bytes(100), "4.0"),
    ],
)
def test_a_file_that_is_no_table_as_it_stands_is_told_by_what_is_wrong(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=says):
        cases(path)


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8"])
def test_a_text_in_one_encoding_is_no_broken_utf_8(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(table(CASE_HEAD, CASE).encode(encoding))
    assert cases(path).reasons == {}


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("容缺受理", Ending.OPEN),
        ("超时办结", Ending.CLOSED),
        ("审核未通过", Ending.REFUSED),
        ("准予备案", Ending.GRANTED),
        ("拒绝受理", Ending.REJECTED),
        ("撤销办件", Ending.WITHDRAWN),
        ("转办", None),
        ("有条件准予", None),
        ("正常", None),
        ("红牌", None),
    ],
)
def test_a_status_is_known_or_not_guessed(word: str, ending: Ending | None) -> None:
    assert ending_of(word, {}) is ending
