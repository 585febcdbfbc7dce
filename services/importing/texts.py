"""What an import says to the person who hands a file in: Chinese first, English second."""

from __future__ import annotations

from collections.abc import Mapping

from hallpulse.contract.reasons import SENTENCES, Reason, Sentence

from .limits import Conversion, LimitProblem
from .rows import Flag, RowProblem

CONVERSIONS: Mapping[Conversion | Flag, Sentence] = {
    Conversion.NATURAL_DAYS: Sentence("自然日按 5/7 折算", "natural days × 5/7"),
    Conversion.WEEKS: Sentence("每周按 5 个工作日", "5 working days a week"),
    Conversion.MONTHS: Sentence("每月按 22 个工作日", "22 working days a month"),
    Conversion.YEARS: Sentence("每年按 250 个工作日", "250 working days a year"),
    Conversion.HOURS: Sentence("每 8 小时为 1 个工作日", "8 hours a working day"),
    Conversion.ROUNDED_UP: Sentence("不足一日进为一日", "rounded up"),
    Conversion.SAME_DAY: Sentence("不足一日，当日办结", "less than a day: on the day itself"),
    Conversion.UPPER_OF_RANGE: Sentence("区间取上限", "the longer end of a range"),
    Conversion.NONE_LIKE: Sentence("此数通常表示无期限", "this number stands for no limit"),
    Conversion.NO_UNIT_NONE: Sentence("单位为空，视为无期限", "no unit: no limit"),
    Conversion.AT_ONCE: Sentence("当场办结为 0 日", "at once: 0 days"),
    Flag.PROMISED_OVER_STATUTORY: Sentence("⚠ 承诺时限长于法定时限", "promise longer than the law allows"),
    Flag.NO_PROMISE: Sentence("⚠ 承诺件没有承诺时限，按未压缩计", "no promise: counted as not shortened"),
    Flag.HANDLING_FROM_LIMIT: Sentence("办件类型为空，按承诺时限判断", "handling taken from the limit"),
    Flag.KIND_UNKNOWN: Sentence("事项类型无法识别，记为其他", "kind unknown: other"),
    Flag.DEPARTMENT_RENAMED: Sentence("部门名称换为方案中的代码", "department by the plan's code"),
    Flag.CHANNEL_ASSUMED: Sentence("渠道为空，记为窗口", "channel empty: window"),
    Flag.STEPS_REVERSED: Sentence("⚠ 办结早于受理", "decided before acceptance"),
    Flag.SPAN_REVERSED: Sentence("⚠ 期限早于收件", "limit before receipt"),
    Flag.SPAN_LONG: Sentence("⚠ 期限过长，视为无期限", "span too long: no limit"),
}
PROBLEMS: Mapping[str, Sentence] = {
    RowProblem.BROKEN_LINE: Sentence("该行不是一个 JSON 对象", "the line is no flat JSON object"),
    RowProblem.FORMULA: Sentence("单元格是公式，请改为数值", "the cell is a formula: put its value there"),
    RowProblem.MISSING_FIELD: Sentence("必填项为空", "a required cell is empty"),
    RowProblem.BAD_YES_NO: Sentence("应为是或否", "expected 是 or 否"),
    RowProblem.BAD_WORD: Sentence("无法识别的取值", "a word that is not known"),
    RowProblem.BAD_DATE: Sentence(
        "日期无法识别，请写作 2026-03-05 或 2026-03-05 14:30", "expected a date such as 2026-03-05 14:30"
    ),
    RowProblem.BAD_NUMBER: Sentence("数值不在允许范围内", "a number out of range"),
    RowProblem.INSTANT_WITH_LIMIT: Sentence("即办件不应有承诺时限", "an instant item has no promised limit"),
    RowProblem.TWICE_IN_FILE: Sentence("文件中已有同一编号", "the same code stands in the file already"),
    LimitProblem.UNREADABLE: Sentence("时限无法识别", "the limit cannot be read"),
    LimitProblem.UNKNOWN_UNIT: Sentence("时限单位无法识别", "the limit's unit is not known"),
    LimitProblem.NEGATIVE: Sentence("时限为负数", "the limit is negative"),
    LimitProblem.TOO_LONG: Sentence("时限超过 36500 个工作日", "the limit exceeds 36,500 working days"),
    LimitProblem.REVERSED_RANGE: Sentence("时限区间颠倒", "the limit's range is reversed"),
    LimitProblem.SEVERAL: Sentence("写有多个时限", "more than one limit"),
    LimitProblem.IS_A_DATE: Sentence("时限被电子表格变成了日期", "a spreadsheet has turned the limit into a date"),
    **{reason.value: sentence for reason, sentence in SENTENCES.items()},
}
ROWS_READ = Sentence("读取", "rows read")
ROWS_IMPORTED = Sentence("导入", "rows imported")
ROWS_UNCHANGED = Sentence("未变", "rows unchanged")
ROWS_REJECTED = Sentence("退回", "rows rejected")
EVENTS_PUBLISHED = Sentence("已发布事件", "events published")
REJECTED_FILE = Sentence("退回的行及原因", "rejected rows and why")
IGNORED_COLUMNS = Sentence("未使用的列", "columns not used")


def problem_text(code: str) -> Sentence:
    """What a reason's code means; the code itself where nobody has put it into words."""
    return PROBLEMS.get(code) or PROBLEMS.get(Reason.BAD_FIELD, Sentence(code, code))
