"""The one place for column headers: what halls call each field of an item or a case, the best name first.

Blanks, stars, brackets and what stands in them do not matter: `*承诺办结时限（工作日）` is 承诺办结时限.
"""

from __future__ import annotations

from collections.abc import Mapping

from .tables import Columns

_LIMITS: Mapping[str, tuple[str, ...]] = {
    "statutory_days": ("法定办结时限", "法定时限", "法定期限", "法定办理时限", "statutory limit", "statutory"),
    "statutory_unit": ("法定办结时限单位", "法定时限单位", "法定期限单位", "statutory limit unit"),
    "promised_days": ("承诺办结时限", "承诺时限", "承诺期限", "承诺办理时限", "promised limit", "promised"),
    "promised_unit": ("承诺办结时限单位", "承诺时限单位", "承诺期限单位", "promised limit unit"),
}
_DEPARTMENT = (
    "部门", "部门编码", "实施主体编码", "部门名称", "实施主体", "实施主体名称", "办理部门", "实施部门",
    "责任部门", "实施机构",
    "所属部门", "单位", "agency", "authority",
)  # fmt: skip

ITEM_COLUMNS = Columns(
    {
        "item_code": (
            "实施编码", "事项实施编码", "实施清单编码", "事项编码", "事项代码", "implementation code", "code",
        ),
        "basic_code": ("基本编码", "事项基本编码", "目录编码", "basic code"),
        "name": ("事项名称", "业务办理项名称", "办理项名称", "名称", "item name", "item"),
        "department": _DEPARTMENT,
        "kind": ("事项类型", "事项类别", "权力类型", "职权类型", "item kind", "type"),
        "handling": ("办件类型", "办结类型", "办理类型", "handling type"),
        **_LIMITS,
        "settled": (
            "是否进驻大厅", "是否进驻政务大厅", "是否进驻政务服务大厅", "是否进驻", "进驻大厅", "进驻",
            "in the hall",
        ),
        "unified": (
            "是否综合受理", "是否无差别综合受理", "是否综窗受理", "综合受理", "无差别综合受理",
            "unified acceptance",
        ),
        "full_process": (
            "是否纳入全流程审批系统", "是否纳入新版全流程审批系统", "纳入全流程审批系统", "纳入新版全流程审批系统",
            "是否全流程", "全流程审批系统", "full process system",
        ),
        "tolerates_missing": ("是否容缺受理", "容缺受理", "是否容缺", "tolerates missing papers"),
        "commitment": ("是否告知承诺制", "是否告知承诺", "告知承诺制", "告知承诺", "by commitment"),
        "effective_from": ("生效日期", "实施日期", "启用日期", "生效时间", "effective date"),
    },
    required=frozenset({"item_code", "name", "department"}),
)  # fmt: skip

CASE_COLUMNS = Columns(
    {
        "case_id": (
            "办件编号", "办件编码", "申办流水号", "业务流水号", "办件流水号", "受理编号", "流水号",
            "case number", "case",
        ),
        "item_code": ("实施编码", "事项实施编码", "实施清单编码", "事项编码", "事项代码", "item"),
        "department": _DEPARTMENT,
        "channel": ("申请渠道", "收件渠道", "办理渠道", "申请方式", "收件方式", "渠道"),
        "received": (
            "收件时间", "收件日期", "申请时间", "申请日期", "申报时间", "申办时间", "提交时间", "received at",
        ),
        "supplement_requested": ("补正告知时间", "一次性告知时间", "补正通知时间", "supplement requested at"),
        "supplemented": ("补正时间", "补正完成时间", "补齐材料时间", "supplemented at"),
        "accepted": ("受理时间", "受理日期", "accepted at"),
        "rejected": ("不予受理时间", "不予受理日期", "不受理时间", "rejected at"),
        "reject_reason": ("不予受理原因", "不予受理理由", "reason for rejection"),
        "suspended": ("特别程序开始时间", "特别程序启动时间", "挂起时间", "中止时间", "suspended at"),
        "procedure": ("特别程序类型", "特别程序种类", "特别程序名称", "special procedure"),
        "resumed": ("特别程序结束时间", "特别程序办结时间", "恢复时间", "resumed at"),
        "extended": ("延期时间", "延期日期", "延期批准时间", "extended at"),
        "extended_days": ("延期天数", "延期工作日", "延长天数", "延长期限", "days of extension"),
        "decided": ("办结时间", "办结日期", "办毕时间", "decided at"),
        "outcome": ("办理结果", "办结结果", "审批结果", "result"),
        "delivered": ("送达时间", "送达日期", "取件时间", "出证时间", "delivered at"),
        "withdrawn": ("撤件时间", "撤回时间", "撤销时间", "撤件日期", "withdrawn at"),
        "rated": ("评价时间", "评价日期", "rated at"),
        "score": ("评价得分", "评价分数", "评价等级", "满意度", "评价", "rating"),
        "unified": ("是否综合受理", "是否综窗受理", "综合受理", "综窗受理", "unified acceptance"),
        "full_process": (
            "是否全流程审批系统受理", "是否全流程", "全流程审批系统受理", "全流程审批系统",
            "full process system",
        ),
        "tolerated_missing": ("是否容缺受理", "容缺受理", "是否容缺", "missing papers tolerated"),
        "commitment": ("是否告知承诺", "告知承诺", "是否告知承诺制", "告知承诺制", "by commitment"),
        **_LIMITS,
    },
    required=frozenset({"case_id", "item_code", "received"}),
)  # fmt: skip
