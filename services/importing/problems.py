"""The problems of a file or a row, from closed lists, each with a sentence and a remedy.

The texts, Chinese first and English second, are for the person who hands in the file.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hallpulse.contract.reasons import SENTENCES, Reason, Sentence
from hallpulse.domain.declarations import Wrong
from hallpulse.domain.errors import HallpulseError
from services.importing.cells import Cell, text_of
from services.importing.limits import LimitProblem


class TableError(HallpulseError):
    """The file as a whole cannot be read as a table; the message gives the file, the fault and the remedy."""

    def __init__(self, path: Path, zh: str, en: str) -> None:
        super().__init__(f"{path}: {zh}。 {en}")
        self.text = Sentence(zh, en)


class RowProblem(enum.StrEnum):
    """The reasons why a row is rejected, in addition to those of limits (LimitProblem) and the contract (Reason)."""

    BROKEN_LINE = "broken-line"
    FORMULA = "formula"
    TOO_WIDE = "too-wide"
    CUT_OFF = "cut-off"
    TOO_SHORT = "too-short"
    STRUCK = "struck"
    STRUCK_PARTLY = "struck-partly"
    GARBLED = "garbled"
    MERGED = "merged"
    MISSING_FIELD = "missing-field"
    BAD_YES_NO = "bad-yes-no"
    BAD_WORD = "bad-word"
    BAD_DATE = "bad-date"
    BAD_NUMBER = "bad-number"
    SPOILT_CODE = "spoilt-code"
    SEVERAL_CODES = "several-codes"
    NO_CODE = "no-code"
    DITTO = "ditto"
    SAID_VOID = "said-void"
    UNKNOWN_ITEM = "unknown-item"
    INSTANT_WITH_LIMIT = "instant-with-limit"
    NOT_IN_FORCE = "not-in-force"
    ENDING_DISAGREES = "ending-disagrees"
    ENDED_WITHOUT_DATE = "ended-without-date"
    DATED_BUT_OPEN = "dated-but-open"
    RATED_WITHOUT_DATE = "rated-without-date"
    EXTENDED_WITHOUT_DAYS = "extended-without-days"
    EXTENDED_WITHOUT_DATE = "extended-without-date"
    TWICE_IN_FILE = "twice-in-file"
    TWICE_WITH_OTHERS = "twice-with-others"
    COLUMNS_DISAGREE = "columns-disagree"
    OTHER_DEPARTMENT = "other-department"


class BadRow(ValueError):
    """The row is rejected. reason: a code of a closed list; field: the field at fault; detail: its value.

    For reasons of the contract, the detail is what the contract expected.
    """

    def __init__(self, reason: str, field: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = str(reason)
        self.field = field
        self.detail = detail

    def seen_in(self, cell: Cell) -> BadRow:
        """Return the problem; for a reason of the contract, with the cell's text as detail instead of its English one.

        A text that looks like personal data is not repeated.
        """
        if self.reason not in _OF_THE_CONTRACT:
            return self
        return BadRow(self.reason, self.field, "" if self.reason == Reason.PERSONAL_DATA else text_of(cell)[:80])


_OF_THE_CONTRACT = frozenset((Reason.BAD_FIELD, Reason.TIME_IN_FUTURE, Reason.TIME_OUT_OF_RANGE, Reason.PERSONAL_DATA))


class ProblemText(NamedTuple):
    """The text of a problem, and its remedy."""

    what: Sentence
    remedy: Sentence


_AS_WRITTEN = Sentence("改正该单元格后重新导入", "correct the cell and import again")
_LIMIT_REMEDY = Sentence(
    "写作 20个工作日、30天、3个月、2小时、当场办结 或 无", "write 20个工作日, 30天, 3个月, 2小时, 当场办结 or 无"
)
_ROW_PROBLEMS: Mapping[str, ProblemText] = {
    Reason.BAD_FIELD: ProblemText(
        Sentence(
            "内容太长、含控制字符或超出允许范围", "the value is too long, has control characters or is out of range"
        ),
        Sentence(
            "编号、部门最多 64 个字，名称最多 300 个字；改正后重新导入", "codes have 64 characters at most, names 300"
        ),
    ),
    Reason.PERSONAL_DATA: ProblemText(
        Sentence("内容形似身份证号或手机号", "it looks like an identity number or a phone number"),
        Sentence("换成系统的办件编号，不要用个人信息", "use the system's case number instead"),
    ),
    Reason.TIME_IN_FUTURE: ProblemText(
        Sentence("时间在将来", "the time is in the future"), Sentence("核对年、月、日", "check year, month and day")
    ),
    Reason.TIME_OUT_OF_RANGE: ProblemText(
        Sentence("时间早于 1992 年", "the time is before 1992"), Sentence("核对年、月、日", "check year, month and day")
    ),
    RowProblem.BROKEN_LINE: ProblemText(
        Sentence(
            "该行不是一个扁平的 JSON 对象，或有重复的字段名", "not a flat JSON object, or a name occurs twice in it"
        ),
        Sentence("每行一个对象", "one object a line"),
    ),
    RowProblem.FORMULA: ProblemText(
        Sentence("单元格是没有结果的公式或错误值", "the cell is a formula without a result, or an error"),
        Sentence(
            "在表格软件中打开，把公式“粘贴为数值”后保存", "open the file, replace the formulas by their values and save"
        ),
    ),
    RowProblem.TOO_WIDE: ProblemText(
        Sentence(
            "该行的单元格多于列名：多半是内容里有分隔符，列已错位", "more cells than headers: shifted by a separator?"
        ),
        Sentence("给含分隔符的内容加上引号，或另存为 .xlsx", "put the text in quotation marks, or save as .xlsx"),
    ),
    RowProblem.MERGED: ProblemText(
        Sentence("合并单元格，不能确定这一行是否也是这个值", "a merged cell: does its value hold for this row, too?"),
        Sentence("取消合并，逐行填写", "split the merged cells and fill in each row"),
    ),
    RowProblem.GARBLED: ProblemText(
        Sentence("文字是乱码（编码不一致或已丢失字符）", "the text is garbled: wrong encoding, or characters lost"),
        Sentence("从原系统重新导出，整个文件用同一种编码", "export it again, with one encoding for the whole file"),
    ),
    RowProblem.STRUCK_PARTLY: ProblemText(
        Sentence("单元格里有一部分文字带删除线，不能确定哪一部分算数", "part of the cell's text is struck through"),
        Sentence("删去已划掉的文字，只留有效的", "delete the struck text and keep what is valid"),
    ),
    RowProblem.STRUCK: ProblemText(
        Sentence("该行带删除线，按已作废退回", "the row is struck through"),
        Sentence("要导入请去掉删除线，不要的行请删去", "remove the strikethrough, or delete the row"),
    ),
    RowProblem.TOO_SHORT: ProblemText(
        Sentence("该行的单元格少于列名：可能缺了一格而错位", "fewer cells than headers: is one missing?"),
        Sentence("补足分隔符，或另存为 .xlsx", "add the missing separators, or save as .xlsx"),
    ),
    RowProblem.CUT_OFF: ProblemText(
        Sentence("最后一行不完整：文件可能没有传完", "the last line is cut off: was the file copied whole?"),
        Sentence("重新导出或重新拷贝该文件", "export or copy the file again"),
    ),
    RowProblem.MISSING_FIELD: ProblemText(
        Sentence("必填项为空", "a required cell is empty"), Sentence("填写后重新导入", "fill it in")
    ),
    RowProblem.BAD_YES_NO: ProblemText(
        Sentence("应为是或否", "expected 是 or 否"), Sentence("写作 是 或 否", "write 是 or 否")
    ),
    RowProblem.BAD_WORD: ProblemText(
        Sentence("无法识别的取值", "unknown value"),
        Sentence(
            "改为通用说法；代码须在来源配置（--profile）的 words 中写明含义",
            "use the usual word, or explain the code in a profile",
        ),
    ),
    RowProblem.BAD_DATE: ProblemText(
        Sentence("日期无法识别或有歧义", "not a date, or an ambiguous one"),
        Sentence("请写作 2026-03-05 或 2026-03-05 14:30", "write 2026-03-05 or 2026-03-05 14:30"),
    ),
    RowProblem.BAD_NUMBER: ProblemText(Sentence("数值不在允许范围内", "the number is out of range"), _AS_WRITTEN),
    RowProblem.SPOILT_CODE: ProblemText(
        Sentence("编号已被电子表格改坏（末位或前导 0 丢失），无法还原", "a spreadsheet has damaged the code"),
        Sentence("从原系统重新导出，并把该列设为“文本”格式", "export it again with the column as text"),
    ),
    RowProblem.SEVERAL_CODES: ProblemText(
        Sentence("一个单元格里写了几个编号", "more than one code in a cell"),
        Sentence("一行只写一个编号，多个的分成几行", "write one code in each row"),
    ),
    RowProblem.NO_CODE: ProblemText(
        Sentence(
            "这不是编号（没有数字和字母，或带有文字标签）", "not a code: it has no digits or letters, or it has a label"
        ),
        Sentence("只填编号本身；小计、说明等不是数据的行请删去", "write only the code; delete rows that are not data"),
    ),
    RowProblem.DITTO: ProblemText(
        Sentence("单元格写的是“同上”一类，排序或筛选后就不知道指哪一行", "the cell only refers to another one"),
        Sentence("填写实际内容", "write the value itself"),
    ),
    RowProblem.SAID_VOID: ProblemText(
        Sentence(
            "备注说明该行已不作数，按回答退回", "its remark says that the row is no longer valid: refused as answered"
        ),
        Sentence("要导入请改正备注，不要的行请删去", "correct the remark, or delete the row"),
    ),
    RowProblem.UNKNOWN_ITEM: ProblemText(
        Sentence("没有事项编码，目录中也没有唯一同名的事项", "no item code, and no single item with this name"),
        Sentence("补上事项编码，或先导入目录", "add the item's code, or import the catalogue first"),
    ),
    RowProblem.INSTANT_WITH_LIMIT: ProblemText(
        Sentence("即办件不应有承诺时限", "an instant item has no promised limit"),
        Sentence("承诺时限填 0，或把办件类型改为承诺件", "write 0, or change the handling to 承诺件"),
    ),
    RowProblem.NOT_IN_FORCE: ProblemText(
        Sentence("事项已停用或未发布，不导入", "the item is not in force"),
        Sentence("在用的事项请改状态；已取消的事项用“事项终止”事件", "correct its state, or retire the item"),
    ),
    RowProblem.ENDING_DISAGREES: ProblemText(
        Sentence("状态、办结类型、办理结果互相矛盾", "status and result contradict each other"), _AS_WRITTEN
    ),
    RowProblem.ENDED_WITHOUT_DATE: ProblemText(
        Sentence("状态说已结束，却没有时间", "ended by its status, but without a time"),
        Sentence("补上办结时间", "fill in when it ended"),
    ),
    RowProblem.DATED_BUT_OPEN: ProblemText(
        Sentence("状态说未办结，却有办结时间", "open by its status, but with a time of decision"), _AS_WRITTEN
    ),
    RowProblem.RATED_WITHOUT_DATE: ProblemText(
        Sentence("有评价而没有评价时间，办件也未办结", "rated without a time, and not decided either"),
        Sentence("补上评价时间", "fill in when it was rated"),
    ),
    RowProblem.EXTENDED_WITHOUT_DAYS: ProblemText(
        Sentence("有延期而没有延期天数", "extended without a number of days"),
        Sentence("补上延期的工作日数", "fill in the working days"),
    ),
    RowProblem.EXTENDED_WITHOUT_DATE: ProblemText(
        Sentence("有延期天数而没有延期时间，也没有受理时间", "an extension without a time, and no acceptance"),
        Sentence("补上延期时间", "fill in when it was extended"),
    ),
    RowProblem.TWICE_IN_FILE: ProblemText(
        Sentence("文件中已有同一编号，内容相同", "the code occurs earlier in the file, with the same content"),
        Sentence("可以不管，或删去重复行", "harmless; you can delete this row"),
    ),
    RowProblem.TWICE_WITH_OTHERS: ProblemText(
        Sentence(
            "文件中同一编号出现两次，内容不同，无法判断以哪行为准",
            "the code occurs twice with different content: which row is right?",
        ),
        Sentence("只保留正确的一行", "keep only the right row"),
    ),
    RowProblem.COLUMNS_DISAGREE: ProblemText(
        Sentence("两列是同一内容而值不同", "two columns for the same thing differ"),
        Sentence("删去不用的一列", "delete one of them"),
    ),
    LimitProblem.UNREADABLE: ProblemText(Sentence("时限无法识别", "the limit cannot be read"), _LIMIT_REMEDY),
    LimitProblem.UNKNOWN_UNIT: ProblemText(
        Sentence("时限单位无法识别", "the limit's unit is not known"),
        Sentence(
            "单位写作 工作日、自然日、小时、月；代码须在来源配置中写明",
            "write 工作日, 自然日, 小时 or 月; codes need a profile",
        ),
    ),
    LimitProblem.NO_UNIT: ProblemText(
        Sentence("时限只有数字，没有单位", "the limit is a number without a unit"),
        Sentence(
            "在单元格或列名中写明单位，如 承诺办结时限（工作日）",
            "write the unit in the cell or the header: 承诺办结时限（工作日）",
        ),
    ),
    LimitProblem.UNITS_DISAGREE: ProblemText(
        Sentence("单元格、单位列或列名所说的时限单位不一致", "the units of cell, unit column and header disagree"),
        Sentence("只保留一种单位", "keep one of them"),
    ),
    LimitProblem.NEGATIVE: ProblemText(Sentence("时限为负数", "the limit is negative"), _LIMIT_REMEDY),
    LimitProblem.TOO_LONG: ProblemText(
        Sentence("时限超过 36500 个工作日", "the limit exceeds 36,500 working days"), _LIMIT_REMEDY
    ),
    LimitProblem.REVERSED_RANGE: ProblemText(Sentence("时限区间颠倒", "the limit's range is reversed"), _LIMIT_REMEDY),
    LimitProblem.SEVERAL: ProblemText(
        Sentence("一个单元格写有多个时限", "more than one limit in a cell"),
        Sentence("法定、承诺分列两列，各写一个时限", "write each limit in a column of its kind"),
    ),
    LimitProblem.OF_THE_OTHER: ProblemText(
        Sentence("单元格写的是另一种时限（法定／承诺）", "the cell names the other limit: statutory or promised"),
        Sentence("法定、承诺时限各填在自己的列里", "write each limit in its own column"),
    ),
    LimitProblem.IS_A_DATE: ProblemText(
        Sentence("时限被电子表格变成了日期", "a spreadsheet has turned the limit into a date"),
        Sentence("把该列设为“文本”格式后重填", "format the column as text and write it again"),
    ),
}
_WHOLE = Sentence("写 0 或更大的整数；本期没有的写 0 / 0", "write a whole number, 0 or more; 0 / 0 if there is none")
_FIGURE_PROBLEMS: Mapping[str, ProblemText] = {
    "bad-amount": ProblemText(Sentence("不是整数", "not a whole number"), _WHOLE),
    "bad-period": ProblemText(
        Sentence("期间无法识别", "the period cannot be read"),
        Sentence("写作 2026-05（月）、2026（年）或 2026-05-04（日）", "write 2026-05, 2026 or 2026-05-04"),
    ),
    RowProblem.OTHER_DEPARTMENT: ProblemText(
        Sentence("不是本部门的数", "a figure of another department"),
        Sentence("只报本部门的数，删去这一行", "declare only your department's figures: delete this row"),
    ),
    Wrong.NO_PLAN: ProblemText(
        Sentence("没有方案包含这个期间", "no plan includes this period"),
        Sentence("改正期间；方案之前、之后的数不申报", "correct the period: figures outside a plan are not declared"),
    ),
    Wrong.UNKNOWN_INDICATOR: ProblemText(
        Sentence("方案没有这个申报指标", "the plan has no such declared indicator"),
        Sentence("用模板（hallpulse template figures）里的指标编码", "use the codes of hallpulse template figures"),
    ),
    Wrong.UNKNOWN_DEPARTMENT: ProblemText(
        Sentence("方案没有这个部门", "the plan has no such department"),
        Sentence(
            "写方案里的部门编码或名称；全县的数写“全县”", "write the plan's code or name; 全县 for the region's own"
        ),
    ),
    Wrong.WRONG_LENGTH: ProblemText(
        Sentence("期间的长短不是方案要求的", "the period does not have the length that the plan asks for"),
        Sentence("按方案要求的期间申报，如按月写作 2026-05", "declare it for the period that the plan asks for"),
    ),
    Wrong.NOT_BEGUN: ProblemText(
        Sentence("期间还没有开始", "the period has not begun"), Sentence("等到期间开始再报", "wait until it has begun")
    ),
    Wrong.NEGATIVE: ProblemText(Sentence("不能是负数", "it cannot be negative"), _WHOLE),
    Wrong.NO_DENOMINATOR: ProblemText(Sentence("比例类指标缺分母", "a share without a denominator"), _WHOLE),
    Wrong.NEEDLESS_DENOMINATOR: ProblemText(
        Sentence("计数类指标没有分母", "a count has no denominator"), Sentence("分母留空", "leave it empty")
    ),
    Wrong.OVER_DENOMINATOR: ProblemText(
        Sentence("分子大于分母", "more than the denominator"),
        Sentence("核对两个数：分子是分母中的一部分", "check both: the numerator is a part of the denominator"),
    ),
}
PROBLEMS: Mapping[str, ProblemText] = {
    **{reason.value: ProblemText(sentence, _AS_WRITTEN) for reason, sentence in SENTENCES.items()},
    **_ROW_PROBLEMS,
    **_FIGURE_PROBLEMS,
}


def told(code: str) -> ProblemText:
    """Return the text of a reason's code; the importer's own texts precede the contract's general ones."""
    return PROBLEMS.get(code) or ProblemText(Sentence(code, code), _AS_WRITTEN)
