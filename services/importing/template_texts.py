"""The texts of the templates, Chinese first, English second: columns with their explanations, examples and hints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hallpulse.contract.reasons import Sentence


@dataclass(frozen=True, slots=True)
class Header:
    """A column of a template.

    about: its explanation; choices: the values of its dropdown, if it has one; is_text: whether its cells are texts.
    """

    field: str
    about: Sentence
    choices: tuple[str, ...] = ()
    is_text: bool = False


_YES_NO = ("是", "否")
_LIMIT = Sentence(
    "可写 20个工作日、30天、3个月、2小时、当场办结、无；只写数字即为工作日",
    "20个工作日, 30天, 3个月, 2小时, 当场办结 (at once) or 无 (none); a number alone means working days",
)
_WHEN = Sentence("日期或时间，如 2026-03-05 或 2026-03-05 14:30", "a date or a time, such as 2026-03-05 14:30")
_IF = Sentence("没有则留空", "leave empty if it did not happen")


def _when(field: str) -> Header:
    return Header(field, Sentence(f"{_WHEN.zh}；{_IF.zh}", f"{_WHEN.en}; {_IF.en}"))


CATALOGUE: Sequence[Header] = (
    Header("item_code", Sentence("必填，事项的唯一编码", "required; the item's only code"), is_text=True),
    Header("basic_code", Sentence("可留空", "may be empty"), is_text=True),
    Header("name", Sentence("必填", "required")),
    Header("department", Sentence("必填，与办件中的部门一致", "required; the same as in cases")),
    Header(
        "kind",
        Sentence("事项类型", "the kind of item"),
        ("行政许可", "行政确认", "行政给付", "行政奖励", "行政裁决", "行政征收", "行政检查", "公共服务", "其他"),
    ),
    Header(
        "handling",
        Sentence("即办件不填承诺时限或填 0", "an instant item (即办件) has no promised limit, or 0"),
        ("即办件", "承诺件"),
    ),
    Header("statutory_days", _LIMIT),
    Header("promised_days", _LIMIT),
    Header("settled", Sentence("是否进驻政务服务大厅", "whether it is settled in the hall"), _YES_NO),
    Header("unified", Sentence("是否无差别综合受理", "whether any window accepts it"), _YES_NO),
    Header("full_process", Sentence("是否纳入新版全流程审批系统", "whether it is in the full-process system"), _YES_NO),
    Header("tolerates_missing", Sentence("是否容缺受理", "whether it tolerates missing papers"), _YES_NO),
    Header("commitment", Sentence("是否告知承诺制", "whether it is done by commitment"), _YES_NO),
    Header(
        "effective_from",
        Sentence(
            "该版本自何日起生效；留空则用 --effective-from", "from when this version holds; else --effective-from"
        ),
    ),
)
CATALOGUE_EXAMPLES: Sequence[Sequence[object]] = (
    ("示例-0001", "", "食品经营许可核发", "县市场监督管理局", "行政许可", "承诺件", "20个工作日", "5个工作日",
     "是", "是", "是", "是", "否", "2026-01-01"),
    ("示例-0002", "", "居民身份证补领", "县公安局", "公共服务", "即办件", "无", "当场办结",
     "是", "否", "否", "否", "否", "2026-01-01"),
    ("示例-0003", "", "建筑工程施工许可证核发", "县住房和城乡建设局", "行政许可", "承诺件", "30天", "3个工作日",
     "是", "是", "是", "否", "是", "2026-01-01"),
)  # fmt: skip
CASES: Sequence[Header] = (
    Header("case_id", Sentence("必填，本大厅内唯一；不得使用身份证号、手机号",
                               "required, unique in the hall; no identity or phone number"), is_text=True),
    Header("item_code", Sentence("必填，与事项目录一致", "required; as in the catalogue"), is_text=True),
    Header("department", Sentence("留空则取目录中该事项的部门", "empty: that of the item in the catalogue")),
    Header("channel", Sentence("留空即为窗口", "empty means 窗口 (window)"),
           ("窗口", "网上", "自助", "邮寄", "移动端")),
    Header("received", Sentence(f"必填，{_WHEN.zh}", f"required; {_WHEN.en}")),
    _when("supplement_requested"),
    _when("supplemented"),
    Header("accepted", Sentence("当场办结的可留空", "may be empty for what was decided at once")),
    _when("rejected"),
    _when("suspended"),
    Header("procedure", Sentence("特别程序的种类", "the special procedure that stopped the clock"),
           ("听证", "招标", "拍卖", "检验", "检测", "检疫", "鉴定", "专家评审", "公示", "其他")),
    _when("resumed"),
    _when("extended"),
    Header("extended_days", Sentence("延长的工作日数", "by how many working days")),
    _when("decided"),
    Header("outcome", Sentence("办理结果", "the outcome"), ("准予", "不予", "其他")),
    _when("delivered"),
    _when("withdrawn"),
    _when("rated"),
    Header("score", Sentence("好差评 1 至 5", "1 to 5"), ("5", "4", "3", "2", "1")),
    Header("unified", Sentence("是否综合窗口受理", "whether a unified window accepted it"), _YES_NO),
    Header("full_process", Sentence("是否由全流程审批系统受理", "whether the full-process system accepted it"),
           _YES_NO),
    Header("statutory_days", Sentence(f"留空则取目录；{_LIMIT.zh}", f"empty: as in the catalogue; {_LIMIT.en}")),
    Header("promised_days", Sentence(f"留空则取目录；{_LIMIT.zh}", f"empty: as in the catalogue; {_LIMIT.en}")),
)  # fmt: skip
CASE_EXAMPLES: Sequence[Sequence[object]] = (
    ("示例-办件-1", "示例-0001", "县市场监督管理局", "窗口", "2026-03-02 09:12", "", "", "2026-03-02 10:05", "", "",
     "", "",
     "", "", "2026-03-06 15:30", "准予", "2026-03-09", "", "2026-03-09 10:00", "5", "是", "是", "", ""),
    ("示例-办件-2", "示例-0002", "县公安局", "自助", "2026-03-03 10:20", "", "", "", "", "", "", "",
     "", "", "2026-03-03 10:26", "准予", "", "", "", "", "否", "否", "", ""),
    ("示例-办件-3", "示例-0003", "县住房和城乡建设局", "网上", "2026-03-04", "2026-03-05", "2026-03-10",
     "2026-03-10", "",
     "2026-03-11", "专家评审", "2026-03-20", "2026-03-12", "5", "2026-03-24", "准予", "", "", "", "", "否", "是",
     "20个工作日", "5"),
    ("示例-办件-4", "示例-0001", "县市场监督管理局", "邮寄", "2026-03-05", "", "", "", "2026-03-06", "", "", "",
     "", "", "", "", "", "", "", "", "", "", "", ""),
)  # fmt: skip
SHEET = Sentence("填写", "data")
EXPLANATIONS = Sentence("说明", "explanations")
HINTS: Sequence[Sentence] = (
    Sentence("第一行为列名，请勿改动；示例行请删除后填写。", "Keep the first row; replace the examples."),
    Sentence("每行一个事项或一个办件；列可以少，但不能少必填的列。",
             "One item or case a row; columns may go, but for the required."),
    Sentence("不要使用公式；无法导入的行会写入“文件名.rejected.csv”，并注明原因。",
             "No formulas; rows that cannot be taken in go to FILE.rejected.csv with the reason."),
    Sentence("不得填写公民的姓名、证件号码、电话、住址。",
             "No names, identity numbers, phone numbers or addresses of citizens."),
)  # fmt: skip
