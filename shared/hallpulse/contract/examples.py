"""The title and one valid event of each type, for the published documents; tests decode the events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .events import EventType

TITLES: Mapping[EventType, tuple[str, str]] = {
    EventType.CASE_RECEIVED: ("收件", "a case was received"),
    EventType.CASE_SUPPLEMENT_REQUESTED: ("一次性告知补正", "supplements were requested"),
    EventType.CASE_SUPPLEMENTED: ("补正", "the supplements came"),
    EventType.CASE_ACCEPTED: ("受理", "the case was accepted"),
    EventType.CASE_REJECTED: ("不予受理", "the case was not accepted"),
    EventType.CASE_SUSPENDED: ("特别程序开始", "a special procedure began; the clock stops"),
    EventType.CASE_RESUMED: ("特别程序结束", "the special procedure ended; the clock runs on"),
    EventType.CASE_EXTENDED: ("延期", "the limits were extended, in working days"),
    EventType.CASE_DECIDED: ("办结", "the case was decided"),
    EventType.CASE_DELIVERED: ("送达", "the decision was delivered"),
    EventType.CASE_RATED: ("好差评", "the applicant rated the service"),
    EventType.CASE_WITHDRAWN: ("撤件", "the applicant withdrew the case"),
    EventType.CASE_RETRACTED: ("更正：撤回事件", "an earlier event of the case was wrong"),
    EventType.CASE_RATING_ANSWERED: ("差评核实整改", "what became of a bad rating"),
    EventType.ITEM_PUBLISHED: ("事项发布或变更", "a version of a catalogue item"),
    EventType.ITEM_RETIRED: ("事项取消", "a catalogue item ends"),
    EventType.ITEM_RETRACTED: ("更正：撤回事项事件", "an earlier event of the item was wrong"),
    EventType.TALLY_REPORTED: ("日汇总", "a day's counts of a hall that cannot send cases"),
    EventType.TALLY_RETRACTED: ("更正：撤回日汇总", "an earlier tally was wrong"),
    EventType.FIGURE_REPORTED: ("填报数", "a declared figure"),
    EventType.FIGURE_RETRACTED: ("更正：撤回填报数", "an earlier figure was wrong"),
    EventType.HEARTBEAT: ("心跳", "the hall system is alive"),
}
"""Event type → its title in Chinese, and what it says, in English."""

_CASE = {"case_id": "WQ-2023-000094"}
_EVENT_ID = "0a6ee7a6-2b3d-4f0e-9d52-6a5b1a0c7f10"
_ITEM = "22242400000094"

_DATA: Mapping[EventType, Mapping[str, Any] | None] = {
    EventType.CASE_RECEIVED: {
        **_CASE,
        "item_code": _ITEM,
        "department": "市场监督管理局",
        "channel": "window",
        "unified": True,
        "full_process": True,
        "statutory_days": 20,
        "promised_days": 5,
    },
    EventType.CASE_SUPPLEMENT_REQUESTED: _CASE,
    EventType.CASE_SUPPLEMENTED: _CASE,
    EventType.CASE_ACCEPTED: {**_CASE, "tolerated_missing": True},
    EventType.CASE_REJECTED: {**_CASE, "reason": "不属于本机关职权范围"},
    EventType.CASE_SUSPENDED: {**_CASE, "procedure": "public_notice"},
    EventType.CASE_RESUMED: _CASE,
    EventType.CASE_EXTENDED: {**_CASE, "days": 10},
    EventType.CASE_DECIDED: {**_CASE, "outcome": "granted"},
    EventType.CASE_DELIVERED: _CASE,
    EventType.CASE_RATED: {**_CASE, "score": 5, "channel": "window"},
    EventType.CASE_WITHDRAWN: _CASE,
    EventType.CASE_RETRACTED: {**_CASE, "event_id": _EVENT_ID, "reason": "录入错误"},
    EventType.CASE_RATING_ANSWERED: {**_CASE, "verified": True, "rectified": True},
    EventType.ITEM_PUBLISHED: {
        "item_code": _ITEM,
        "basic_code": "000131002000",
        "name": "食品经营许可",
        "department": "市场监督管理局",
        "kind": "licensing",
        "handling": "promised",
        "statutory_days": 20,
        "promised_days": 5,
        "settled": True,
        "unified": True,
        "full_process": True,
        "tolerates_missing": True,
        "commitment": False,
        "effective_from": "2023-04-01",
    },
    EventType.ITEM_RETIRED: {"item_code": _ITEM, "effective_from": "2024-01-01"},
    EventType.ITEM_RETRACTED: {"item_code": _ITEM, "event_id": _EVENT_ID},
    EventType.TALLY_REPORTED: {
        "date": "2023-06-01",
        "revision": 1,
        "accepted": 24,
        "rejected": 2,
        "unified_accepted": 20,
        "full_process_accepted": 16,
        "decided": 22,
        "instant_decided": 15,
    },
    EventType.TALLY_RETRACTED: {"date": "2023-06-01", "event_id": _EVENT_ID},
    EventType.FIGURE_REPORTED: {
        "indicator": "disclosure_loss",
        "department": "政府办",
        "period": "2023-06",
        "revision": 0,
        "numerator": 1,
        "denominator": 24,
    },
    EventType.FIGURE_RETRACTED: {
        "indicator": "disclosure_loss",
        "department": "政府办",
        "period": "2023-06",
        "event_id": _EVENT_ID,
    },
    EventType.HEARTBEAT: None,
}


def example(kind: EventType) -> dict[str, Any]:
    """Return a whole event of a type as JSON values."""
    data = _DATA[kind]
    return {
        "specversion": "1.0",
        "id": f"5f2b1c3e-8d4a-4b6f-9c7d-{kind.value:012d}",
        "source": "/222424/hall-1",
        "type": kind.wire_name,
        "time": "2023-06-02T09:30:00+08:00",
        **({} if data is None else {"data": dict(data)}),
    }
