"""The words that halls write in cells, with their meanings. A row with another word is rejected, or a question asked.

Codes (1, 2, 01 …) have a different meaning in every system, so they stand in the profiles, never here.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from hallpulse.contract.values import Channel, Handling, ItemKind, Procedure

from .cells import word_set

T = TypeVar("T")


def _table(*rows: tuple[T, str]) -> dict[str, T]:
    return {word: meaning for meaning, words in rows for word in words.split()}


YES_NO: Mapping[str, bool] = _table(
    (True, "是 有 √ ✓ ✔ ☑ y yes true 1 t 进驻 已进驻 纳入 已纳入 支持 可 可以 实行 已实行 是的"),
    (False, "否 无 × ✗ ✘ x n no false 0 f 未进驻 不进驻 未纳入 不纳入 不支持 不可 不可以 不实行 未实行 没有 不是"),
)
KINDS: Mapping[str, ItemKind] = _table(
    ("licensing", "行政许可 许可 行政审批 行政许可类 许可类 行政许可事项 licensing"),
    ("confirmation", "行政确认 确认 行政确认类 confirmation"),
    ("payment", "行政给付 给付 行政给付类 payment"),
    ("reward", "行政奖励 奖励 reward"),
    ("adjudication", "行政裁决 裁决 adjudication"),
    ("levy", "行政征收 征收 levy"),
    ("inspection", "行政检查 检查 inspection"),
    ("public_service", "公共服务 公共服务事项 依申请公共服务 公共服务类 便民服务 publicservice public_service"),
    ("other", "其他 其它 其他行政权力 其它行政权力 其他职权 其他权力 其他类 行政处罚 行政强制 行政备案 备案 other"),
)
HANDLINGS: Mapping[str, Handling] = _table(
    ("instant", "即办件 即办 即时办结 当场办结 即来即办 马上办 当场办理 instant immediate"),
    (
        "promised",
        "承诺件 承诺 承诺办件 承诺办理件 承诺时限办结 承诺办结 上报件 联办件 转报件 限时办件 限办件 "
        "promised commitment",
    ),
)
CHANNELS: Mapping[str, Channel] = _table(
    (
        "window",
        "窗口 窗口申请 窗口受理 窗口收件 窗口办理 窗口申报 窗口登记 大厅窗口 现场 现场办理 现场受理 "
        "现场申请 现场申报 大厅 大厅办理 政务大厅 线下"
        " 线下办理 线下申请 综合窗口 综合受理窗口 综窗 综窗受理 window desk counter",
    ),
    (
        "online",
        "网上 网上申请 网上申报 网上办理 网办 网报 线上 线上申报 线上申请 线上办理 在线 在线申请 在线申报 "
        "互联网 网厅 外网 全程网办 全程网上办理 政务服务网"
        " 一体化平台 电脑端 电脑端网上办理 电脑端网上申请 pc端 pc 电子邮件 online internet web e-mail email",
    ),
    (
        "kiosk",
        "自助 自助终端 自助机 自助一体机 自助服务 自助办理 自助服务终端 自助设备 一体机 终端机 kiosk self-service",
    ),
    ("post", "邮寄 邮政 邮政快递 寄递 快递 快递申请 邮寄申请 信函 信函申请 post mail"),
    (
        "mobile",
        "手机 移动端 移动端网上申请 移动端网上办理 移动端申请 手机端 掌上 掌上办 掌上办理 app 手机app "
        "小程序 微信 微信小程序 支付宝 支付宝小程序 mobile phone",
    ),
)
PROCEDURES: Mapping[str, Procedure] = _table(
    ("hearing", "听证 hearing"),
    ("bidding", "招标 招投标 招标投标 bidding"),
    ("auction", "拍卖 auction"),
    ("inspection", "检验 现场勘验 现场核查 现场勘察 现场踏勘 现场检查 勘验 踏勘 核查 现场验收 inspection"),
    ("testing", "检测 testing"),
    ("quarantine", "检疫 quarantine"),
    ("appraisal", "鉴定 评估 appraisal"),
    ("expert_review", "专家评审 评审 技术审查 技术审核 专家论证 专家审查 expert_review expertreview"),
    ("public_notice", "公示 公告 public_notice publicnotice"),
    ("other", "其他 其它 other"),
)
EXTENSIONS = word_set("延长审批 延期审批 延长办理 延期办理 延长期限 延长审批期限 延期 延长")
"""Names of special procedures that do not stop the clock but lengthen the limit."""


class Ending(enum.StrEnum):
    """The meanings of the words in the columns 办件状态, 办结类型 and 办理结果."""

    OPEN = "open"
    CLOSED = "closed"
    GRANTED = "granted"
    REFUSED = "refused"
    FORWARDED = "forwarded"
    OTHER = "other"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    TERMINATED = "terminated"


ENDINGS: Mapping[str, Ending] = _table(
    (
        Ending.OPEN,
        "受理 已受理 予以受理 准予受理 收件 已收件 待受理 未受理 接件 已接件 申请 已申请 已提交 待审核 "
        "审核 审批 审查 在办 待办 未办结 承办 补正 补正告知 待补正 已补正 补齐补正 挂起"
        " 特别程序 暂停 中止 恢复 延长审批 延期 预受理 预审 暂存 签批 制证 容缺受理 容缺办理 初审 复审 open pending",
    ),
    (
        Ending.CLOSED,
        "办结 已办结 正常办结 办毕 已办毕 完成 已完成 结束 归档 已归档 办理完成 办理完毕 送达 已送达 领取 "
        "已领取 待评价 已评价 待领取 待取件 按时办结 按期办结 准时办结 提前办结 超期办结 逾期办结 延期办结 "
        "超时办结 当场办结 即时办结 完结 已完结 办结归档 送达办结 领证办结 已签收 closed done",
    ),
    (
        Ending.GRANTED,
        "准予 准予许可 准予行政许可 予以许可 批准 已批准 同意 通过 审批通过 审核通过 许可 出证 出证办结 "
        "办结(出证) 已出证 颁证 发证 准予办结 予以办理 予以确认 准予登记 准予备案 予以备案 准予变更 准予延续 "
        "通过办结 granted approved yes",
    ),
    (
        Ending.REFUSED,
        "不予 不予许可 不予行政许可 不准予许可 不予批准 不批准 不准予 不同意 不通过 审批不通过 审核不通过 "
        "驳回 退件 退回 退件办结 退回办结 不予办理 不予确认 不予登记 "
        "不予备案 不予审批 不予变更 未通过 审批未通过 审核未通过 不通过办结 不许可 refused denied no",
    ),
    (Ending.FORWARDED, "转报 已转报 转报办结 forwarded"),
    (Ending.OTHER, "其他 其它 其他办结 other"),
    (Ending.REJECTED, "不予受理 不受理 未予受理 不予受理办结 拒绝受理 rejected"),
    (
        Ending.WITHDRAWN,
        "撤件 已撤件 已撤回 已撤销 撤销申请 撤回申请 撤回 撤销 申请人撤件 申请人撤回 主动撤件 撤件办结 撤回办结 "
        "用户撤销 撤销办件 自行撤回 企业撤回 群众撤件 申请人主动撤回 取消办理 用户取消 withdrawn",
    ),
    (
        Ending.TERMINATED,
        "终止 已终止 异常终止 终止办理 终止审批 终止审查 终止办件 终止办结 作废 已作废 作废办结 删除 "
        "删除办结 补正不来办结 逾期未补正 异常办结 terminated",
    ),
)
_SCORES: Mapping[str, int] = _table(
    (5, "非常满意 很满意 十分满意"),
    (4, "满意"),
    (3, "基本满意 一般 比较满意"),
    (2, "不满意"),
    (1, "非常不满意 很不满意"),
)
_STARS = re.compile(r"([1-5一二三四五])(?:\.0+)?(?:分|星|颗星|星级)")
_DRAWN_STARS = re.compile(r"([★⭐]{1,5})☆{0,4}")
_CHINESE = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}
_BARE_SCORE = re.compile(r"0?([1-5])(?:\.0+)?")
DEFAULT_GOOD = word_set(
    "默认好评 系统默认好评 默认评价 系统默认 自动好评 系统好评 默认非常满意 默认满意 超时默认好评 未评价默认好评"
)
"""Words for a rating (好差评) by default: the system gave it, not a person."""
_SYSTEM_GAVE = re.compile(r"[^()]+\((系统|自动|超时|到期|逾期)*(默认|系统|自动|未评价)(好评|评价|评定|满意)?\)")


def is_by_default(word: str) -> bool:
    """Return whether the system gave a rating: 默认好评, 满意(系统默认)."""
    return word in DEFAULT_GOOD or _SYSTEM_GAVE.fullmatch(word) is not None


def score_of(word: str, codes: Mapping[str, int] | None = None) -> int | None:
    """Return a rating from 1 to 5, 5 the best, by its words or stars; None for anything else.

    codes: bare number → rating; without it, bare numbers give None.
    """
    if codes is not None and (bare := _BARE_SCORE.fullmatch(word)) is not None:
        return codes.get(bare[1])
    if (stars := _STARS.fullmatch(word)) is not None:
        return _CHINESE.get(stars[1]) or int(stars[1])
    if (drawn := _DRAWN_STARS.fullmatch(word.replace("\ufe0f", ""))) is not None:
        return len(drawn[1])
    outer, inner = bracketed(word)
    score = _SCORES.get(outer)
    return score if score is None or all(_agrees(one, score) for one in inner) else None


def _agrees(inner: str, score: int) -> bool:
    """Return whether a number in brackets agrees with a rating's word, as in 满意(4分). 1 may be the best in a code."""
    if (stars := _STARS.fullmatch(inner)) is not None:
        return (_CHINESE.get(stars[1]) or int(stars[1])) == score
    bare = _BARE_SCORE.fullmatch(inner)
    return bare is not None and int(bare[1]) in (score, 6 - score)


def bracketed(word: str) -> tuple[str, list[str]]:
    """Return a folded word without its brackets, and the texts in them, which may reverse its meaning."""
    return re.sub(r"\([^()]*\)", "", word), re.findall(r"\(([^()]*)\)", word)


def is_bare_score(word: str) -> bool:
    return _BARE_SCORE.fullmatch(word) is not None


def is_other_scale(word: str) -> bool:
    """Return whether a rating is a number outside a scale of 1 to 5: 95, 10分, 4.5."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)分?", word)
    return number is not None and not (float(number[1]) in (1, 2, 3, 4, 5) or float(number[1]) == 0)


BEST_LAST = {str(score): score for score in range(1, 6)}
BEST_FIRST = {str(score): 6 - score for score in range(1, 6)}


def ending_of(word: str, codes: Mapping[str, str]) -> Ending | None:
    """Return the meaning of a status, a kind of ending or a result; None for an unknown word."""
    if word in codes:
        return Ending(codes[word])
    if word in ENDINGS:
        return ENDINGS[word]
    outer, inner = bracketed(word)
    if inner:
        said = [ending_of(one, codes) for one in (outer, *inner) if one and not _SAYS_NO_ENDING.fullmatch(one)]
        try:
            return None if None in said else joined_ending(one for one in said if one is not None)
        except ValueError:
            return None
    return Ending.OPEN if re.fullmatch(r"(待|正在|等待).{1,6}|.{1,6}中", word) else None


_SAYS_NO_ENDING = re.compile(
    r"\d*|窗口|网上|大厅|线上|线下|系统|自动|人工|[省市州县区]级|当场|即时|按时|按期|提前|超期|逾期|正常|全程网办|电子证照"
)
"""Words in the brackets of a status that tell how or where a case ended, but not its outcome."""


def joined_ending(endings: Iterable[Ending]) -> Ending | None:
    """Return the joint meaning of several columns: 办结 and 不予受理 are a rejection.

    Raise ValueError if they contradict each other.
    """
    said = set(endings)
    telling = said - {Ending.CLOSED}
    if Ending.OPEN in said and len(said) > 1:
        raise ValueError("open and ended")
    if len(telling) > 1:
        raise ValueError("two endings")
    return telling.pop() if telling else Ending.CLOSED if said else None
