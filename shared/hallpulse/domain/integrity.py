"""The integrity checks: what makes a figure look better than the service was, each with a name and its findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .case import Flag

Of = Literal["cases", "items", "halls", "figures"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check. of: what its findings are; flag: for those that read a flag of the case fold."""

    id: str
    zh: str
    en: str
    of: Of
    flag: Flag | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings of a check: how many, and the first of them as rows of named values."""

    check: Check
    count: int
    rows: Sequence[Mapping[str, Any]]


CHECKS: tuple[Check, ...] = (
    Check("statutory_raised", "提高法定时限换取压缩比", "compression by raising statutory limits", "items"),
    Check("slow_instant", "即办件未当日办结", "instant items that took days", "cases"),
    Check("promise_far_from_actual", "承诺时限与实际相差悬殊", "promised limits far from the actual p90", "items"),
    Check("suspended_on_eve", "临期前暂停计时", "suspended on the eve of the due day", "cases", Flag.SUSPENDED_ON_EVE),
    Check("backdated_acceptance", "受理早于收件", "accepted before received", "cases", Flag.ACCEPTED_BEFORE_RECEIVED),
    Check("outside_opening_days", "非工作日受理或办结", "accepted or decided on a day off", "cases"),
    Check("silent_hall", "大厅无数据", "halls gone silent", "halls"),
    Check("late_events", "事件迟报", "events that arrived over a day late", "halls"),
    Check("rated_at_once", "办结数秒内五星评价", "fives within seconds of the decision", "cases", Flag.RATED_AT_ONCE),
    Check("decided_before_accepted", "办结早于受理", "decided before accepted", "cases", Flag.DECIDED_BEFORE_ACCEPTED),
    Check("accepted_after_decided", "先办后收", "accepted after decided", "cases", Flag.ACCEPTED_AFTER_DECIDED),
    Check("long_suspension", "长期暂停", "suspended for over 60 working days", "cases", Flag.LONG_SUSPENSION),
    Check("unknown_item", "事项不在目录", "no version of the item", "cases", Flag.UNKNOWN_ITEM),
    Check(
        "promised_over_statutory",
        "承诺时限长于法定时限",
        "promised over statutory",
        "cases",
        Flag.PROMISED_OVER_STATUTORY,
    ),
    Check(
        "repeated_without_correction",
        "重复上报且内容不一，未注明更正",
        "sent again with other content, not as a correction",
        "cases",
        Flag.REPEATED_WITHOUT_CORRECTION,
    ),
    Check("corrects_nothing", "更正所指的事件不存在", "corrects no event", "cases", Flag.CORRECTS_NOTHING),
    Check("limit_looks_like_none", "时限疑为“无”", "a limit that means none", "cases", Flag.LIMIT_LOOKS_LIKE_NONE),
    Check("unknown_figure", "申报数不在方案之内", "declared figures that no plan names", "figures"),
    Check("impossible_figure", "申报数不可能成立", "declared figures that cannot be right", "figures"),
)

SILENT_WORKING_DAYS = 3
"""A hall is silent when its newest event is older than this number of working days before the end of the window."""
LATE_MINUTES = 24 * 60
"""An event is late when it arrives more than so long after it happened."""
P90_CASES = 10
"""A promise is held against the actual p90 from this number of decided cases on."""
