"""Declared figures from a table: the form that the plan makes, and whatever else departments fill in."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from hallpulse.contract.events import FigureReported
from hallpulse.domain.figures import Figure
from services.console.commands.template import command as template
from services.importing.case_import import HallOfCases
from services.importing.problems import TableError, told
from services.importing.rejects import RejectedRows
from tests.shelf import NOW, Import, Shelf, take

HEADER = "部门,期间,指标编码,分子,分母"
COURTS = ("justice", "2026-05", "leader_in_court")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(HallOfCases(222424, "import"), now=NOW)


def taken(shelf: Shelf, tmp_path: Path, *rows: str, header: str = HEADER, publish: bool = True) -> Import:
    path = tmp_path / "figures.csv"
    path.write_text("\n".join((header, *rows)), encoding="utf-8")
    return take(path, "figures", shelf, publish=publish)


def said(one: Import) -> list[tuple[str | None, str, str, int, int | None, int]]:
    return [
        (d.department, d.period, d.indicator, d.numerator, d.denominator, d.revision)
        for event in one.published
        if isinstance(d := event.data, FigureReported)
    ]


def test_a_row_becomes_a_report_of_the_next_revision(shelf: Shelf, tmp_path: Path) -> None:
    assert said(taken(shelf, tmp_path, "justice,2026-05,leader_in_court,4,5")) == [(*COURTS, 4, 5, 1)]
    assert said(taken(shelf, tmp_path, "justice,2026-05,leader_in_court,5,5")) == [(*COURTS, 5, 5, 2)]


def test_importing_a_file_again_changes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    row = "justice,2026-05,leader_in_court,4,5"
    taken(shelf, tmp_path, row)
    again = taken(shelf, tmp_path, row)
    assert (again.told.rows["unchanged"], again.published) == (1, [])


def test_names_are_as_good_as_codes(shelf: Shelf, tmp_path: Path) -> None:
    rows = ("县司法局,2026年5月,负责人出庭率,4,5", "县政数局,2026/5,行政机关败诉率,０,０", "全县,2026-05,督察次数,1,")
    found = taken(shelf, tmp_path, *rows, header="部门,期间,指标名称,分子,分母")
    assert found.rejected == []
    assert said(found) == [
        (*COURTS, 4, 5, 1),
        ("data-bureau", "2026-05", "administrative_loss", 0, 0, 1),
        (None, "2026-05", "inspection", 1, None, 1),
    ]


def test_the_preview_says_what_the_figures_will_be(shelf: Shelf, tmp_path: Path) -> None:
    taken(shelf, tmp_path, "justice,2026-05,leader_in_court,4,5", "housing,2026-05,leader_in_court,1,2")
    found = taken(shelf, tmp_path, "justice,2026-05,leader_in_court,5,5", publish=False)
    (effect,) = found.told.effects
    assert (effect["period"], effect["indicator"]) == ("2026-05", "leader_in_court")
    assert (effect["before"], effect["after"]) == ([5, 7], [6, 7])
    assert found.told.rows["changed"] == 1


BAD: list[tuple[str, str, str]] = [
    ("justice,2026-05,leader_in_court,9,5", "over-denominator", "numerator"),
    ("justice,2026-05,leader_in_court,-7,5", "negative", "numerator"),
    ("justice,2026-05,leader_in_court,4,-5", "negative", "denominator"),
    ("justice,2026-05,leader_in_court,2.5,5", "bad-amount", "numerator"),
    ("justice,2026-05,leader_in_court,四,5", "bad-amount", "numerator"),
    ("justice,2026-05,leader_in_court,80%,5", "bad-amount", "numerator"),
    ("justice,2026-05,leader_in_court,,5", "missing-field", "numerator"),
    ("justice,2026-05,leader_in_court,4,", "no-denominator", "denominator"),
    ("justice,2026-05,leader_in_court,1,0", "over-denominator", "numerator"),
    ("justice,2026-05,law_lectures,1,2", "needless-denominator", "denominator"),
    ("justice,2026-05,leader_in_curt,4,5", "unknown-indicator", "indicator"),
    ("justice,2026-05,satisfaction,4,5", "unknown-indicator", "indicator"),
    ("justice,2026-05,monthly_report,1,1", "unknown-indicator", "indicator"),
    ("justize,2026-05,leader_in_court,4,5", "unknown-department", "office_name"),
    (",2026-05,leader_in_court,4,5", "missing-field", "office_name"),
    ("justice,2026-12,leader_in_court,4,5", "future-period", "period"),
    ("justice,2026,leader_in_court,4,5", "wrong-length", "period"),
    ("justice,2026-05-04,leader_in_court,4,5", "wrong-length", "period"),
    ("justice,2025-12,leader_in_court,4,5", "no-plan", "period"),
    ("justice,2026-13,leader_in_court,4,5", "bad-period", "period"),
    ("justice,5月,leader_in_court,4,5", "bad-period", "period"),
    ("justice,2026-05,leader_in_court,4,9999999999999", "bad-field", "denominator"),
]


@pytest.mark.parametrize(("row", "reason", "field"), BAD, ids=[f"{reason} {row}" for row, reason, _ in BAD])
def test_what_cannot_be_right_is_refused_with_reason_and_remedy(
    shelf: Shelf, tmp_path: Path, row: str, reason: str, field: str
) -> None:
    good = "housing,2026-05,leader_in_court,1,2"
    found = taken(shelf, tmp_path, row, good)
    assert [(one.line, one.problem.reason, one.problem.field) for one in found.rejected] == [(2, reason, field)]
    assert [one[0] for one in said(found)] == ["housing"]
    assert told(reason).what.zh != reason
    assert told(reason).remedy.zh


def test_the_rejected_rows_say_place_value_reason_and_remedy_in_chinese(shelf: Shelf, tmp_path: Path) -> None:
    found = taken(shelf, tmp_path, "justice,2026-05,leader_in_court,9,5")
    with RejectedRows(tmp_path / "figures.csv", tmp_path) as rejects:
        rejects.add(found.rejected[0])
    assert rejects.path is not None
    with rejects.path.open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    line = dict(zip(head, row, strict=True))
    assert (line["line 行号"], line["column 列"]) == ("2", "分子")
    assert line["value 值"].startswith("9：分子不应大于分母")
    assert "分子大于分母" in line["reason 原因"]
    assert "核对" in line["remedy 改法"]


def test_one_figure_twice_with_other_numbers_is_taken_from_neither_row(shelf: Shelf, tmp_path: Path) -> None:
    one, other = "justice,2026-05,leader_in_court,4,5", "justice,2026-05,leader_in_court,5,5"
    found = taken(shelf, tmp_path, one, other)
    assert [one.problem.reason for one in found.rejected] == ["twice-with-others"] * 2
    found = taken(shelf, tmp_path, one, one)
    assert (found.told.rows["repeated"], len(found.published)) == (1, 1)


def test_code_and_name_that_disagree_are_refused(shelf: Shelf, tmp_path: Path) -> None:
    row = "justice,2026-05,leader_in_court,行政机关败诉率,4,5"
    found = taken(shelf, tmp_path, row, header="部门,期间,指标编码,指标名称,分子,分母")
    assert [one.problem.reason for one in found.rejected] == ["columns-disagree"]


def test_without_a_column_of_departments_no_figure_becomes_the_countys_own(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="部门编码"):
        taken(shelf, tmp_path, "2026-05,leader_in_court,4,5", header="期间,指标编码,分子,分母")


def form(tmp_path: Path, *more: str) -> Path:
    path = tmp_path / "form.xlsx"
    given = ["figures", "--region", "222424", "--department", "justice", "--month", "2026-05", "--out", str(path)]
    result = CliRunner().invoke(template, [*given, *more])
    assert result.exit_code == 0, result.output
    return path


def filled(path: Path, numbers: dict[str, tuple[Any, Any]]) -> Path:
    book = load_workbook(path)
    sheet = book["申报"]
    for row in range(2, sheet.max_row + 1):
        indicator = sheet.cell(row, 4).value
        if indicator in numbers:
            sheet.cell(row, 6).value, sheet.cell(row, 7).value = numbers[indicator]
    book.save(path)
    return path


def test_the_form_has_what_the_plan_asks_of_the_department(tmp_path: Path) -> None:
    sheet = load_workbook(form(tmp_path))["申报"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2, max_row=6)]
    assert [row[3] for row in rows] == [
        "administrative_loss", "leader_in_court", "review_then_win", "judgment_performed", "advice_answered",
    ]  # fmt: skip
    assert {(row[0], row[1], row[2]) for row in rows} == {("justice", "县司法局", "2026-05")}
    assert sheet.protection.sheet
    assert (sheet["D2"].protection.locked, sheet["F2"].protection.locked) == (True, False)
    checks = {str(one.sqref): one.type for one in sheet.data_validations.dataValidation}
    assert {"whole", "custom", "list"} == set(checks.values())


def test_a_form_that_is_filled_in_is_imported(shelf: Shelf, tmp_path: Path) -> None:
    asked = ("administrative_loss", "leader_in_court", "review_then_win", "judgment_performed", "advice_answered")
    numbers: dict[str, tuple[Any, Any]] = {name: (0, 0) for name in asked} | {"leader_in_court": (4, 5)}
    counts = dict.fromkeys(("law_lectures", "law_training", "court_meeting", "policy_cleanup", "inspection"), (0, None))
    found = take(filled(form(tmp_path), numbers | counts), "figures", shelf)
    assert found.told.open is False
    assert [one.problem.reason for one in found.rejected] == []
    assert {one[2]: one[3:5] for one in said(found)} == numbers | counts
    assert {(one[0], one[1]) for one in said(found)} == {("justice", "2026-05")}


def test_a_cell_that_was_left_empty_is_no_report(shelf: Shelf, tmp_path: Path) -> None:
    found = take(form(tmp_path), "figures", shelf)
    assert {one.problem.reason for one in found.rejected} == {"missing-field"}
    assert found.published == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--department", "justice"], "--month"),
        (["--department", "justice", "--month", "2026-5"], "YYYY-MM"),
        (["--department", "justise", "--month", "2026-05"], "expected one of government-office"),
        (["--department", "justice", "--month", "2019-05"], "a month of a plan"),
        (["--department", "justice", "--month", "2026-05", "--format", "csv"], "xlsx"),
    ],
)
def test_a_form_that_nobody_can_mean_is_no_form(given: list[str], expected: str) -> None:
    result = CliRunner().invoke(template, ["figures", "--region", "222424", *given])
    assert result.exit_code == 2
    assert expected in result.output


def test_the_figures_of_a_form_are_those_of_the_region(shelf: Shelf, tmp_path: Path) -> None:
    found = taken(shelf, tmp_path, "justice,2026-05,leader_in_court,4,5", "全县,2026-05,leader_in_court,6,9")
    (effect,) = found.told.effects
    assert Figure(*effect["after"]) == Figure(6, 9)
