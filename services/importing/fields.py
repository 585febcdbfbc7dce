"""The names by which halls call each field of an item, a case or a figure in column headers, the best name first.

Blanks, stars and colons in a header do not matter, nor does a bracket with a unit or a hint how to fill in the column:
`*承诺办结时限（工作日）` is 承诺办结时限. A profile adds the names that its source uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from hallpulse.contract.events import EventType

from .cells import Cell, folded, text_of, word_set
from .limits import unit_named

Kind = Literal["catalogue", "cases", "figures"]

_BRACKETS = re.compile(r"[(\[【<《]([^)\]】>》]*)[)\]】>》]")
_DECORATION = re.compile(r"[\s_*:·•/\\\-—?。.、,☆★#]+")
_HINT = re.compile(
    r"(单位.*|计量单位.*|时限单位.*|(个|按|以|数)?(个?工作[日天]|自然[日天]|日历[日天]|小时|天|日|个?月|周|"
    r"年|分钟)|必填.*|选填.*|非必填|可空|可不填|可填.*|必选|可选|是/?或?否.*|有/?或?无"
    r"|全称|简称|规范全称|\d+位.*|格式.*|如.*|例.*|示例.*|文本.*|日期.*|年月日.*|下拉.*|请?选择.*|个|件|"
    r"主项|精确到.*|按.*填写|唯一.*|不填.*|没有.*|无则.*|1-5.*|[a-z0-9_ /:,.;=+*'-]*)?",
    re.IGNORECASE,
)


def plain_header(cell: Cell) -> str:
    """Return the form of a header that is compared: 承诺办结时限 for `*承诺办结时限（工作日）`."""
    return _plain(text_of(cell))


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return _DECORATION.sub("", _BRACKETS.sub("", folded(text)))


@lru_cache(maxsize=4096)
def doubtful(header: str) -> str:
    """Return the text in a header's brackets if it may change the meaning, as in 承诺时限（去年）; otherwise empty."""
    said = [inner for inner in _BRACKETS.findall(folded(header)) if not _HINT.fullmatch(inner)]
    return "、".join(said)


class Found(NamedTuple):
    """The field that a header names. rank: the place of the name among the field's names, 0 for the best one."""

    field: str
    rank: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The fields of a kind of table, with their names. A table is recognised by the required fields and one more.

    names: field → its names; identity: fields that identify a row; required: groups of fields, and a table must have a
    field of each group; important: field → the consequence of its absence; grouping: fields whose merges group rows.
    """

    kind: Kind
    names: Mapping[str, Sequence[str]]
    identity: frozenset[str]
    required: Sequence[frozenset[str]]
    important: Mapping[str, str]
    grouping: frozenset[str]

    def with_names(self, more: Mapping[str, Sequence[str]]) -> Vocabulary:
        """Return the vocabulary with the names of a profile added before its own. more: field → its names."""
        names = {field: (*more.get(field, ()), *own) for field, own in self.names.items()}
        return replace(self, names={**{field: tuple(given) for field, given in more.items()}, **names})

    def field_of(self, header: Cell) -> Found | None:
        """Return the field that a header names, as a whole or in all its parts; None if there is none, or several."""
        text = text_of(header)
        whole = _lookup(self).get(plain_header(text))
        if whole is not None or not text:
            return whole
        said = [part for part in re.split(r"[\n\r/／|：:]+", text) if plain_header(part)]
        parts = [plain_header(part) for part in said if not (len(said) > 1 and unit_named(part))]
        found = [_lookup(self).get(part) for part in parts]
        if "\n" in text and found and found[0] is not None:
            return found[0] if {one.field for one in found if one} == {found[0].field} else None
        fields = {one.field if one else "" for one in found}
        return found[0] if len(fields) == 1 else None

    @property
    def usual(self) -> frozenset[str]:
        """Return every name of every field, as it is written."""
        return frozenset(name for names in self.names.values() for name in names)

    def score(self, cells: Sequence[Cell]) -> int:
        """Return the number of fields that a row of headers names."""
        texts = [cell for cell in cells if isinstance(cell, str) and len(cell) < 200]
        return len({found.field for cell in texts if (found := self.field_of(cell))})


_lookups: dict[int, tuple[Vocabulary, dict[str, Found]]] = {}


def _lookup(vocabulary: Vocabulary) -> dict[str, Found]:
    """Return the table of plain headers and their fields; it is made once for each vocabulary."""
    known = _lookups.get(id(vocabulary))
    if known is None or known[0] is not vocabulary:
        table: dict[str, Found] = {}
        for field, names in vocabulary.names.items():
            for rank, name in enumerate((*names, field)):
                table.setdefault(plain_header(name), Found(field, rank))
        known = _lookups[id(vocabulary)] = (vocabulary, table)
    return known[1]


def names_of(text: str) -> tuple[str, ...]:
    """Return the names in a text that is separated by blanks; `_` stands for a blank within a name."""
    return tuple(name.replace("_", " ") for name in text.split())


_LIMITS: Mapping[str, tuple[str, ...]] = {
    "statutory_days": names_of(
        "法定办结时限 法定时限 法定期限 法定办理时限 法定办结期限 法定办结工作日 法定办结工作日数 "
        "法定办结天数 法定天数 法定工作日 法定工作日数 法定审批时限 法定办结时限数值 法定办结时限值 法定办理时限数值 "
        "法定时限数值 "
        "statutory_limit statutory"
    ),
    "statutory_unit": names_of(
        "法定办结时限单位 法定时限单位 法定期限单位 法定办理时限单位 法定单位 statutory_limit_unit"
    ),
    "promised_days": names_of(
        "承诺办结时限 承诺时限 承诺期限 承诺办理时限 承诺办结期限 承诺办结工作日 承诺办结工作日数 "
        "承诺办结天数 承诺天数 承诺工作日 承诺工作日数 承诺审批时限 承诺办结时限数值 承诺办结时限值 承诺办理时限数值 "
        "承诺时限数值 "
        "promised_limit promised"
    ),
    "limit_unit": names_of("时限单位 办结时限单位 办理时限单位 期限单位 办结时限计量单位 limit_unit"),
    "promised_unit": names_of(
        "承诺办结时限单位 承诺时限单位 承诺期限单位 承诺办理时限单位 承诺单位 promised_limit_unit"
    ),
}
_DEPARTMENT = names_of(
    "部门 部门编码 部门名称 实施主体 实施主体名称 实施主体编码 办理部门 实施部门 责任部门 实施机构 "
    "所属部门 办件所属部门 受理部门 受理部门名称 受理单位"
    " 受理单位名称 受理机构 审批部门 承办部门 承办单位 主办部门 办件部门 办理单位 实施单位 单位 单位名称 "
    "agency authority"
)
_FLAGS: Mapping[str, tuple[str, ...]] = {
    "full_process": names_of(
        "是否纳入全流程审批系统 是否纳入新版全流程审批系统 纳入全流程审批系统 纳入新版全流程审批系统 "
        "是否全流程 全流程审批系统 是否全流程审批系统受理"
        " 全流程审批系统受理 full_process_system"
    ),
    "commitment": names_of(
        "是否告知承诺制 是否告知承诺 告知承诺制 告知承诺 是否实行告知承诺制 是否实行告知承诺 by_commitment"
    ),
}
_SUB = names_of("业务办理项编码 办理项编码 业务办理项编号 业务项编码 情形编码")
_CODES = names_of(
    "实施编码 事项实施编码 实施清单编码 国家实施编码 事项编码 事项代码 事项编号 权责事项编码 地方实施编码 "
    "implementation_code"
)

CATALOGUE = Vocabulary(
    kind="catalogue",
    names={
        "item_code": (*_CODES, *names_of("编码 code")),
        "sub_code": _SUB,
        "basic_code": names_of("基本编码 事项基本编码 目录编码 基本目录编码 basic_code"),
        "name": names_of("事项名称 实施清单名称 权责事项名称 主项名称 名称 item_name item"),
        "sub_name": names_of("业务办理项名称 办理项名称 业务办理项 子项名称"),
        "department": _DEPARTMENT,
        "kind": names_of("事项类型 事项类别 权力类型 职权类型 事项性质 item_kind type"),
        "handling": names_of("办件类型 办结类型 办理类型 handling_type"),
        **_LIMITS,
        "settled": names_of(
            "是否进驻大厅 是否进驻政务大厅 是否进驻政务服务大厅 是否进驻 进驻大厅 进驻政务大厅 "
            "进驻政务服务大厅 进驻 进驻情况 in_the_hall"
        ),
        "unified": names_of(
            "是否综合受理 是否无差别综合受理 是否无差别受理 是否综窗受理 综合受理 无差别综合受理 "
            "无差别受理 综窗受理 unified_acceptance"
        ),
        **_FLAGS,
        "tolerates_missing": names_of("是否容缺受理 容缺受理 是否容缺 容缺 是否支持容缺受理 tolerates_missing_papers"),
        "effective_from": names_of("生效日期 计划生效日期 实施日期 启用日期 生效时间 计划生效时间 effective_date"),
        "state": names_of("事项状态 实施清单状态 启用状态 发布状态 是否启用 是否有效 是否在用"),
        "void": names_of("是否停用 是否取消 是否废止 是否作废 是否注销 是否删除 是否失效 是否已取消 是否已停用"),
    },
    identity=frozenset({"item_code", "sub_code", "name"}),
    required=(frozenset({"item_code", "sub_code", "name"}),),
    important={
        "kind": "事项类型记为其他 kind: other",
        "handling": "instant_item_share",
        "statutory_days": "promised_limit_compression, statutory_kept_rate",
        "promised_days": "promised_limit_compression, promise_kept_rate, due_kept_rate",
        "settled": "settled_item_share",
        "unified": "unified_item_share",
        "full_process": "full_process_item_share",
        "tolerates_missing": "tolerance_items",
        "commitment": "commitment_items",
    },
    grouping=word_set(
        "department kind handling statutory_days statutory_unit promised_days promised_unit limit_unit settled"
        " unified full_process tolerates_missing commitment effective_from state basic_code"
    ),
)
CASES = Vocabulary(
    kind="cases",
    names={
        "case_id": names_of(
            "办件编号 办件编码 办件号 申办流水号 业务流水号 办件流水号 受理编号 受理号 受理单号 申办编号 "
            "申办号 收件编号 申请编号 业务编号 流水号 case_number case"
        ),
        "item_code": (*_CODES, "item"),
        "sub_code": _SUB,
        "item_name": names_of("事项名称 权责事项名称 实施清单名称 业务办理项名称 办理事项 办理事项名称 item_name"),
        "department": _DEPARTMENT,
        "channel": names_of(
            "申请渠道 收件渠道 办理渠道 受理渠道 申请方式 收件方式 受理方式 申报方式 办件来源 申请来源 "
            "申报来源 办件渠道 来源渠道 渠道"
        ),
        "received": names_of(
            "收件时间 收件日期 接件时间 接件日期 登记时间 登记日期 申请时间 申请日期 申报时间 申办时间 "
            "提交时间 申请提交时间 received_at"
        ),
        "supplement_requested": names_of(
            "补正告知时间 一次性告知时间 补正通知时间 一次性补正告知时间 补正告知日期 supplement_requested_at"
        ),
        "supplemented": names_of("补正时间 补正完成时间 补齐材料时间 补正受理时间 补正日期 supplemented_at"),
        "accepted": names_of("受理时间 受理日期 受理日 准予受理时间 accepted_at"),
        "rejected": names_of("不予受理时间 不予受理日期 不受理时间 rejected_at"),
        "reject_reason": names_of("不予受理原因 不予受理理由 reason_for_rejection"),
        "suspended": names_of(
            "特别程序开始时间 特别程序启动时间 特别程序开始日期 特别程序申请时间 挂起时间 挂起开始时间 "
            "中止时间 暂停时间 suspended_at"
        ),
        "procedure": names_of("特别程序类型 特别程序种类 特别程序名称 special_procedure"),
        "procedure_days": names_of("特别程序期限 特别程序办理期限 特别程序时限 特别程序天数"),
        "resumed": names_of(
            "特别程序结束时间 特别程序办结时间 特别程序结束日期 恢复时间 挂起结束时间 解挂时间 resumed_at"
        ),
        "extended": names_of("延期时间 延期日期 延期批准时间 延长审批时间 延长审批批准时间 延期审批时间 extended_at"),
        "extended_days": names_of(
            "延期天数 延期工作日 延长天数 延长期限 延长审批天数 延长审批期限 延期期限 延长工作日 days_of_extension"
        ),
        "decided": names_of(
            "办结时间 办结日期 实际办结时间 实际办结日期 办毕时间 完成时间 办理完成时间 决定日期 决定时间 "
            "审批决定时间 办结日 decided_at"
        ),
        "status": names_of("办件状态 办理状态 当前状态 状态 办件当前状态 业务状态"),
        "ending": names_of("办结类型 办结方式 办结情况 办结状态"),
        "outcome": names_of("办理结果 办结结果 审批结果 办件结果 决定结果 办结结果描述 审批决定 result"),
        "delivered": names_of("送达时间 送达日期 取件时间 出证时间 领取时间 领证时间 delivered_at"),
        "withdrawn": names_of("撤件时间 撤回时间 撤销时间 撤件日期 撤销申请时间 withdrawn_at"),
        "rated": names_of("评价时间 评价日期 rated_at"),
        "score": names_of(
            "评价得分 评价分数 评价等级 评价结果 满意度 满意度代码 满意度评价 评价满意度 评价星级 好差评 "
            "好差评结果 好差评等级 评价 rating"
        ),
        "unified": names_of(
            "是否综合受理 是否综窗受理 综合受理 综窗受理 是否无差别综合受理 是否综合窗口受理 unified_acceptance"
        ),
        "full_process": _FLAGS["full_process"],
        "tolerated_missing": names_of("是否容缺受理 容缺受理 是否容缺 missing_papers_tolerated"),
        "commitment": _FLAGS["commitment"],
        **_LIMITS,
    },
    identity=frozenset({"case_id"}),
    required=(frozenset({"case_id"}), frozenset({"item_code", "sub_code", "item_name"}), frozenset({"received"})),
    important={
        "accepted": "acceptance_rate, promise_kept_rate, due_kept_rate",
        "decided": "promise_kept_rate, mean_elapsed_days, due_kept_rate",
        "status": "acceptance_rate, promise_kept_rate",
        "score": "rating_coverage, satisfaction",
        "unified": "unified_acceptance_rate",
        "full_process": "full_process_acceptance_rate",
    },
    grouping=word_set("department item_code sub_code item_name channel"),
)
FIGURES = Vocabulary(
    kind="figures",
    names={
        "indicator": names_of("指标编码 指标代码 指标编号 indicator_id indicator"),
        "indicator_name": names_of("指标名称 指标 申报指标 name_of_the_indicator"),
        "office": names_of("部门编码 部门代码 填报部门编码 department"),
        "office_name": names_of("部门 部门名称 填报部门 填报单位 报送单位 责任部门 name_of_the_department"),
        "period": names_of("期间 报告期 统计期 统计期间 报送期间 报送月份 月份 年月 period"),
        "numerator": names_of("分子 分子数 数值 本期数 numerator value"),
        "denominator": names_of("分母 分母数 denominator"),
        "note": names_of("备注 说明 note"),
    },
    identity=frozenset({"indicator", "indicator_name"}),
    required=(
        frozenset({"indicator", "indicator_name"}), frozenset({"office", "office_name"}), frozenset({"period"}),
        frozenset({"numerator"}),
    ),
    important={"denominator": "比例类指标 shares"},
    grouping=word_set("office office_name period"),
)  # fmt: skip
VOCABULARIES: Mapping[Kind, Vocabulary] = {"catalogue": CATALOGUE, "cases": CASES, "figures": FIGURES}


def name_of(field: str) -> str:
    """Return the best name of a field; the field itself if no vocabulary has it."""
    return next((known.names[field][0] for known in VOCABULARIES.values() if field in known.names), field)


STEPS: Mapping[str, EventType] = {
    "received": EventType.CASE_RECEIVED,
    "supplement_requested": EventType.CASE_SUPPLEMENT_REQUESTED,
    "supplemented": EventType.CASE_SUPPLEMENTED,
    "accepted": EventType.CASE_ACCEPTED,
    "rejected": EventType.CASE_REJECTED,
    "suspended": EventType.CASE_SUSPENDED,
    "resumed": EventType.CASE_RESUMED,
    "extended": EventType.CASE_EXTENDED,
    "decided": EventType.CASE_DECIDED,
    "delivered": EventType.CASE_DELIVERED,
    "rated": EventType.CASE_RATED,
    "withdrawn": EventType.CASE_WITHDRAWN,
}
"""Step → event type, in the order of a case's life; steps with the same date and no time happen in this order."""
SURE_SCORES = re.compile(r"得分|分数|评分|分值|星")
"""Headers of ratings in which a higher number is surely better."""


def needs(vocabulary: Vocabulary, fields: Mapping[str, object] | set[str]) -> list[str]:
    """Return the required fields that are missing, each by its best name."""
    return [
        vocabulary.names[min(group, key=list(vocabulary.names).index)][0]
        for group in vocabulary.required
        if not group & set(fields)
    ]
