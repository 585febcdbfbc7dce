"""What halls write in cells, and what it means: yes and no, kinds of item, ways of handling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from hallpulse.contract.events import Handling, ItemKind

from .tables import Cell

T = TypeVar("T")


def plain_word(cell: Cell) -> str:
    """A cell without blanks and brackets, full-width characters plain, Latin letters small."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = unicodedata.normalize("NFKC", "" if cell is None else str(cell)).strip().lower()
    return re.sub(r"\s+|\(.*?\)", "", text)


YES_NO: Mapping[str, bool] = {
    **dict.fromkeys(
        ("是", "有", "√", "✓", "✔", "y", "yes", "true", "1", "进驻", "已进驻", "纳入", "已纳入", "支持", "可"), True
    ),
    **dict.fromkeys(
        ("否", "无", "×", "✗", "x", "n", "no", "false", "0", "未进驻", "不进驻", "未纳入", "不支持", "不可", "-", "/"),
        False,
    ),
}
KINDS: Mapping[str, ItemKind] = {
    **dict.fromkeys(("行政许可", "许可", "行政审批", "licensing", "1"), "licensing"),
    **dict.fromkeys(("行政确认", "确认", "confirmation", "7"), "confirmation"),
    **dict.fromkeys(("行政给付", "给付", "payment", "5"), "payment"),
    **dict.fromkeys(("行政奖励", "奖励", "reward", "8"), "reward"),
    **dict.fromkeys(("行政裁决", "裁决", "adjudication", "9"), "adjudication"),
    **dict.fromkeys(("行政征收", "征收", "levy", "4"), "levy"),
    **dict.fromkeys(("行政检查", "检查", "inspection", "6"), "inspection"),
    **dict.fromkeys(("公共服务", "公共服务事项", "publicservice", "public_service", "20"), "public_service"),
    **dict.fromkeys(
        ("其他", "其它", "其他行政权力", "其他职权", "其他类", "行政处罚", "行政强制", "other", "10"), "other"
    ),
}
HANDLINGS: Mapping[str, Handling] = {
    **dict.fromkeys(("即办件", "即办", "即时办结", "当场办结", "即来即办", "instant", "immediate", "1"), "instant"),
    **dict.fromkeys(
        (
            "承诺件",
            "承诺",
            "承诺办件",
            "承诺办理件",
            "承诺时限办结",
            "上报件",
            "联办件",
            "转报件",
            "promised",
            "commitment",
            "2",
        ),
        "promised",
    ),
}


def meaning(words: Mapping[str, T], cell: Cell) -> T | None:
    """What a cell's word means, None where it is not one of them. Raises nothing."""
    if isinstance(cell, bool):
        cell = "是" if cell else "否"
    return words.get(plain_word(cell))
