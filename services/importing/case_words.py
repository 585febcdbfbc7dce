"""What halls write of cases, and what it means in events."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hallpulse.contract.events import Channel, Outcome, Procedure

from .tables import Cell
from .words import plain_word

CHANNELS: Mapping[str, Channel] = {
    **dict.fromkeys(
        (
            "窗口",
            "窗口申请",
            "窗口受理",
            "窗口收件",
            "现场",
            "现场办理",
            "大厅",
            "线下",
            "综合窗口",
            "综窗",
            "window",
            "desk",
            "counter",
        ),
        "window",
    ),
    **dict.fromkeys(
        (
            "网上",
            "网上申请",
            "网上申报",
            "网上办理",
            "网办",
            "线上",
            "在线",
            "互联网",
            "网厅",
            "外网",
            "全程网办",
            "电子邮件",
            "online",
            "internet",
            "web",
            "e-mail",
            "email",
        ),
        "online",
    ),
    **dict.fromkeys(("自助", "自助终端", "自助机", "自助一体机", "自助服务", "kiosk", "self-service"), "kiosk"),
    **dict.fromkeys(("邮寄", "邮政", "寄递", "快递", "信函", "post", "mail"), "post"),
    **dict.fromkeys(
        (
            "手机",
            "移动端",
            "手机端",
            "掌上",
            "掌上办",
            "app",
            "手机app",
            "小程序",
            "微信",
            "微信小程序",
            "mobile",
            "phone",
        ),
        "mobile",
    ),
}
OUTCOMES: Mapping[str, Outcome] = {
    **dict.fromkeys(
        (
            "准予",
            "准予许可",
            "准予行政许可",
            "批准",
            "同意",
            "通过",
            "审批通过",
            "许可",
            "办结",
            "已办结",
            "出证",
            "granted",
            "approved",
            "yes",
        ),
        "granted",
    ),
    **dict.fromkeys(
        (
            "不予",
            "不予许可",
            "不予行政许可",
            "不予批准",
            "不准予",
            "不同意",
            "不通过",
            "驳回",
            "退件",
            "退回",
            "refused",
            "denied",
            "no",
        ),
        "refused",
    ),
    **dict.fromkeys(("其他", "其它", "终止", "other"), "other"),
}
PROCEDURES: Mapping[str, Procedure] = {
    **dict.fromkeys(("听证", "hearing"), "hearing"),
    **dict.fromkeys(("招标", "招投标", "bidding"), "bidding"),
    **dict.fromkeys(("拍卖", "auction"), "auction"),
    **dict.fromkeys(("检验", "现场勘验", "现场核查", "现场勘察", "勘验", "核查", "inspection"), "inspection"),
    **dict.fromkeys(("检测", "testing"), "testing"),
    **dict.fromkeys(("检疫", "quarantine"), "quarantine"),
    **dict.fromkeys(("鉴定", "appraisal"), "appraisal"),
    **dict.fromkeys(("专家评审", "评审", "技术审查", "专家论证", "expert_review", "expertreview"), "expert_review"),
    **dict.fromkeys(("公示", "公告", "public_notice", "publicnotice"), "public_notice"),
    **dict.fromkeys(("其他", "其它", "other"), "other"),
}
_SCORES: Mapping[str, int] = {
    **dict.fromkeys(("非常满意", "很满意"), 5),
    **dict.fromkeys(("满意",), 4),
    **dict.fromkeys(("基本满意", "一般"), 3),
    **dict.fromkeys(("不满意",), 2),
    **dict.fromkeys(("非常不满意", "很不满意"), 1),
}
_STARS = re.compile(r"([1-5])(?:\.0+)?(?:分|星|颗星)?")


def score_of(cell: Cell) -> int | None:
    """好差评: 1 to 5, or its words; None for anything else."""
    text = plain_word(cell)
    stars = _STARS.fullmatch(text)
    return int(stars[1]) if stars is not None else _SCORES.get(text)
