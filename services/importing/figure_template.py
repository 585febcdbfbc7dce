"""The form in which a department declares a month's figures: a workbook that checks the entries itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.worksheet.datavalidation import DataValidation

from hallpulse.contract.reasons import Sentence
from hallpulse.display import safe_cell
from hallpulse.domain.declarations import asked_of, holding
from hallpulse.domain.figures import length_of, period_window
from hallpulse.domain.plan import DeclaredIndicator, Department, Plan

HEADERS = (
    Sentence("部门编码", "department"),
    Sentence("部门", "name of the department"),
    Sentence("期间", "period"),
    Sentence("指标编码", "indicator"),
    Sentence("指标名称", "name of the indicator"),
    Sentence("分子", "numerator"),
    Sentence("分母", "denominator"),
    Sentence("备注", "note"),
)
HINTS = (
    Sentence("只填白色的格子：分子、分母、备注；其余的格子已锁定。", "Fill in the white cells only."),
    Sentence("本期没有的填 0 / 0（计数的填 0）：这也是一次报送；留空就是没有报。", "None in this period: write 0 / 0."),
    Sentence("比例：分子不大于分母。计数：没有分母。都是 0 或更大的整数。", "Shares: at most the denominator."),
    Sentence("改正已报的数：改数后再导入一次，新的一次顶替旧的。", "To correct a figure, import the form again."),
    Sentence("导入：hallpulse import figures 文件名", "Import: hallpulse import figures FILE"),
)
SHEET, EXPLANATIONS = "申报", "说明"
_SPARE_ROWS = 20
_WIDTHS = (20, 34, 12, 30, 42, 12, 12, 40)
_HEAD, _LOCKED, _WRONG = (PatternFill("solid", fgColor=color) for color in ("DCE6F1", "EEEEEE", "F8CBAD"))
_MOST = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Form:
    """A form for declared figures.

    period: the month (YYYY-MM); indicators: the figures that the plan asks of the department, one row each; others: the
    figures that it may choose in the spare rows.
    """

    department: Department
    period: str
    indicators: Sequence[DeclaredIndicator]
    others: Sequence[DeclaredIndicator] = ()


def form_of(plans: Sequence[Plan], region: int, department: str, month: str) -> Form:
    """Return a department's form for a month (YYYY-MM). Raise ValueError if no plan has the month or department."""
    window = period_window(month)
    held = holding(plans, region, window)
    found = {one.id: one for plan in held for one in plan.departments}
    if not held:
        raise ValueError(f"month: expected a month of a plan of {region}")
    if department not in found:
        raise ValueError(f"department: expected one of {', '.join(found)}")
    asked = asked_of(plans, region, department, month)
    ids, length = {one.id for one in asked}, length_of(window)
    others = [one for plan in held for one in plan.indicators if one.id not in ids and length in one.periods]
    return Form(found[department], month, asked, others)


def write_form(form: Form, path: Path) -> None:
    """Write the form as a workbook. Raise FileExistsError if the file exists."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = SHEET
    sheet.append([f"{head.zh}\n{head.en}" for head in HEADERS])
    for cell, width in zip(sheet[1], _WIDTHS, strict=True):
        cell.font, cell.fill, cell.alignment = Font(bold=True), _HEAD, Alignment(wrap_text=True, vertical="top")
        sheet.column_dimensions[cell.column_letter].width = width
    for indicator in form.indicators:
        sheet.append(_row(form, indicator))
    last = 1 + len(form.indicators) + (_SPARE_ROWS if form.others else 0)
    _explain(book.create_sheet(EXPLANATIONS), form)
    _lock(sheet, form, last)
    _check(sheet, form, last)
    sheet.freeze_panes = "A2"
    with path.open("xb") as file:
        book.save(file)


def _row(form: Form, indicator: DeclaredIndicator) -> list[str | None]:
    texts = (form.department.id, form.department.names.zh, form.period, indicator.id, indicator.names.zh)
    return [*(safe_cell(text) for text in texts), None, None, None]


def _lock(sheet: Any, form: Form, last: int) -> None:
    """Lock the cells that must not be filled in, including the denominator of a count, without a password."""
    open_cell, counts = Protection(locked=False), {one.id for one in form.indicators if one.unit == "count"}
    for line in range(2, last + 1):
        spare = line > 1 + len(form.indicators)
        for column in "ABCDE":
            cell = sheet[f"{column}{line}"]
            cell.number_format = "@"
            cell.protection = open_cell if spare else Protection(locked=True)
            cell.fill = PatternFill() if spare else _LOCKED
        is_count = sheet[f"D{line}"].value in counts
        for column in "FGH":
            cell = sheet[f"{column}{line}"]
            cell.protection = Protection(locked=is_count and column == "G")
            if is_count and column == "G":
                cell.fill = _LOCKED
    sheet.protection.sheet = True
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False


def _check(sheet: Any, form: Form, last: int) -> None:
    """Add the workbook's checks: whole numbers from 0, numerator up to the denominator, indicators from a list."""
    numbers = DataValidation(
        type="whole", operator="between", formula1="0", formula2=str(_MOST), allow_blank=True, showErrorMessage=True,
        errorTitle="应为整数", error="请填 0 或更大的整数；本期没有的填 0 / 0",
    )  # fmt: skip
    numbers.add(f"G2:G{last}")
    tops = DataValidation(
        type="custom", formula1='=AND(ISNUMBER(F2),F2>=0,F2=INT(F2),OR(G2="",F2<=G2))', allow_blank=True,
        showErrorMessage=True, errorTitle="分子有误", error="请填 0 或更大的整数，不大于分母；先填分母更方便",
    )  # fmt: skip
    tops.add(f"F2:F{last}")
    for validation in (numbers, tops):
        sheet.add_data_validation(validation)
    if form.others:
        first = 2 + len(form.indicators)
        listed = DataValidation(
            type="list", formula1=f"={EXPLANATIONS}!$A${_first_choice(form)}:$A${_last_choice(form)}", allow_blank=True,
            showErrorMessage=True, errorTitle="没有这个指标", error="请从下拉列表中选择方案列出的指标",
        )  # fmt: skip
        listed.add(f"D{first}:D{last}")
        sheet.add_data_validation(listed)
    formula = ['AND($F2<>"",$G2<>"",$F2>$G2)']
    wrong = FormulaRule(formula=formula, fill=_WRONG)  # type: ignore[no-untyped-call]
    sheet.conditional_formatting.add(f"F2:G{last}", wrong)


def _first_choice(form: Form) -> int:
    return len(HINTS) + 3 + len(form.indicators)


def _last_choice(form: Form) -> int:
    return _first_choice(form) + len(form.others) - 1


def _explain(sheet: Any, form: Form) -> None:
    for hint in HINTS:
        sheet.append([hint.zh, None, None, hint.en])
    sheet.append([])
    sheet.append(["指标编码 indicator", "指标名称 name", "分母 denominator", "name"])
    for one in (*form.indicators, *form.others):
        sheet.append([one.id, one.names.zh, "没有 none" if one.unit == "count" else "填 required", one.names.en])
    for letter, width in zip("ABCD", (44, 44, 18, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.protection.sheet = True
