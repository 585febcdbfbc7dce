"""xls, xlsb and ods like xlsx: no error, hidden row or first day of a container is lost without a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.importing.case_import import HallOfCases
from tests.shelf import Import, Shelf, take
from tests.unit.test_import_kinds import CASE, CASE_HEAD, DAY, ROW, limits
from tests.workbooks import ODS_ERROR, ODS_UNCOMPUTED, write_ods, write_xls, write_xlsb, write_xlsx

Write = Callable[..., Path]
BINARY = [pytest.param(write_xls, id="xls"), pytest.param(write_xlsb, id="xlsb")]
ALL = [*BINARY, pytest.param(write_ods, id="ods")]
BARE_HEAD = ("实施编码", "事项名称", "部门", "办件类型", "法定时限", "承诺时限")
ITEM = ("a-1", "甲", "县公安局", "承诺件", "20个工作日", "5个工作日")
MARCH = [datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 10), datetime(2026, 3, 6, 15)]  # noqa: DTZ001 - of a cell


def cases(path: Path) -> Import:
    return take(path, "cases", Shelf(HallOfCases(222424, "hall")))


def items(path: Path, **options: Any) -> Import:
    return take(path, "catalogue", Shelf(HallOfCases(222424, "hall")), effective_from=DAY, **options)


def days(done: Import) -> list[str]:
    return [f"{datetime.fromtimestamp(event.time / 1_000_000):%m-%d}" for event in done.published]  # noqa: DTZ006


@pytest.mark.parametrize("write", ALL)
def test_rows_are_read(write: Write, tmp_path: Path) -> None:
    assert len(cases(write(tmp_path / "a.bin", [CASE_HEAD, CASE])).published) == 3


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!", "#REF!"])
@pytest.mark.parametrize("write", BINARY)
def test_an_error_in_a_binary_workbook_is_refused_and_no_empty_cell(write: Write, error: str, tmp_path: Path) -> None:
    done = cases(write(tmp_path / "a.bin", [CASE_HEAD, (*CASE[:5], None)], errors={(1, 5): error}))
    assert (done.reasons, done.rejected[0].problem.detail) == ({2: "formula"}, error)


@pytest.mark.parametrize("cell", [ODS_ERROR, ODS_UNCOMPUTED])
def test_an_error_or_a_formula_without_a_result_in_ods_is_refused(cell: str, tmp_path: Path) -> None:
    assert cases(write_ods(tmp_path / "a.ods", [CASE_HEAD, (*CASE[:5], cell)])).reasons == {2: "formula"}


@pytest.mark.parametrize("write", ALL)
def test_hidden_rows_and_columns_are_read_and_named(write: Write, tmp_path: Path) -> None:
    rows = [CASE_HEAD, CASE, ("c-2", *CASE[1:])]
    done = cases(write(tmp_path / "a.bin", rows, hidden=[2], hidden_columns=[4]))
    assert len(done.published) == 6
    assert (done.told.sheets[0]["hidden_rows"], done.told.sheets[0]["hidden_columns"]) == ([3], ["E"])


@pytest.mark.parametrize("write", ALL)
def test_serial_numbers_count_from_the_workbooks_own_first_day(write: Write, tmp_path: Path) -> None:
    old, new = (44621.5, 44621.6, 44625.6), (46083.5, 46083.6, 46087.6)
    for since_1904, serials in ((True, old), (False, new)):
        done = cases(write(tmp_path / "a.bin", [CASE_HEAD, (*CASE[:3], *serials)], since_1904=since_1904))
        assert days(done) == ["03-02", "03-02", "03-06"]


@pytest.mark.parametrize("since_1904", [True, False])
@pytest.mark.parametrize("write", [write_xls, write_ods])
def test_dates_in_cells_are_the_days_that_are_shown(write: Write, since_1904: bool, tmp_path: Path) -> None:
    done = cases(write(tmp_path / "a.bin", [CASE_HEAD, (*CASE[:3], *MARCH)], since_1904=since_1904))
    assert days(done) == ["03-02", "03-02", "03-06"]


@pytest.mark.parametrize("write", BINARY)
def test_a_format_that_shows_more_than_the_number_is_read_as_shown(write: Write, tmp_path: Path) -> None:
    formats = {(1, 0): "000000", (1, 4): '0"个工作日"', (1, 5): '0"天"'}
    row: tuple[Any, ...] = (131, "甲", "局", "承诺件", 20, 5)
    done = items(write(tmp_path / "a.bin", [BARE_HEAD, row], formats=formats))
    assert limits(done) == {"000131": (20, 4)}


def test_what_ods_shows_of_a_number_is_read_as_shown(tmp_path: Path) -> None:
    shown = {(1, 0): "000131", (1, 4): "20个工作日", (1, 5): "5天"}
    done = items(write_ods(tmp_path / "a.ods", [BARE_HEAD, (131, "甲", "局", "承诺件", 20, 5)], shown=shown))
    assert limits(done) == {"000131": (20, 4)}


@pytest.mark.parametrize("write", BINARY)
def test_a_limit_in_percent_is_refused(write: Write, tmp_path: Path) -> None:
    head = ("实施编码", "事项名称", "部门", "办件类型", "法定时限（工作日）", "承诺时限（工作日）")
    done = items(write(tmp_path / "a.bin", [head, (*ROW[:5], 0.05)], formats={(1, 5): "0%"}))
    assert done.reasons == {2: "limit-unknown-unit"}
    assert done.rejected[0].problem.detail == "5%"


@pytest.mark.parametrize("write", [*ALL, pytest.param(write_xlsx, id="xlsx")])
def test_a_row_that_is_struck_through_is_asked_about(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", [BARE_HEAD, ITEM, ("a-2", *ITEM[1:])], struck=[(2, 1)])
    assert items(path).asked == ["struck_rows"]
    assert items(path, answers={"struck_rows": "refuse"}).reasons == {3: "struck"}
    assert sorted(limits(items(path, answers={"struck_rows": "read"}))) == ["a-1", "a-2"]


@pytest.mark.parametrize("write", [*ALL, pytest.param(write_xlsx, id="xlsx")])
def test_a_text_of_which_a_part_is_struck_through_is_refused(write: Write, tmp_path: Path) -> None:
    row = ("a-2", *ITEM[1:5], "2015个工作日")
    done = items(write(tmp_path / "a.bin", [BARE_HEAD, ITEM, row], partly={(2, 5): "20"}))
    assert (done.reasons, limits(done)) == ({3: "struck-partly"}, {"a-1": (20, 5)})
    assert done.rejected[0].problem.detail == "2015个工作日"


def test_a_column_beyond_three_hundred_is_read(tmp_path: Path) -> None:
    gap = (None,) * 320
    done = items(write_xlsx(tmp_path / "a.xlsx", [(*BARE_HEAD[:5], *gap, "承诺时限"), (*ITEM[:5], *gap, "3个工作日")]))
    assert limits(done) == {"a-1": (20, 3)}
