"""The numerators and denominators of the indicators in words, and the legal basis of time limits."""

from __future__ import annotations

from collections.abc import Mapping

from hallpulse.contract.reasons import Sentence

PARTS: Mapping[str, tuple[Sentence, Sentence]] = {
    "instant_item_share": (Sentence("即办件事项数", "instant items"), Sentence("有效事项数", "effective items")),
    "promised_limit_compression": (
        Sentence("法定时限与承诺时限之差的合计", "Σ(statutory − promised days)"),
        Sentence("法定时限合计（有法定时限的事项）", "Σ statutory days of items that have any"),
    ),
    "settled_item_share": (
        Sentence("进驻事项数", "items settled in the hall"),
        Sentence("有效事项数", "effective items"),
    ),
    "full_process_item_share": (
        Sentence("纳入新版全流程审批系统的事项数", "items in the full-process system"),
        Sentence("有效事项数", "effective items"),
    ),
    "unified_item_share": (
        Sentence("无差别综合受理事项数", "items accepted at any window"),
        Sentence("有效事项数", "effective items"),
    ),
    "instant_case_share": (
        Sentence("用时为0的办结件", "cases decided on the day of acceptance"),
        Sentence("计时的办结件", "timed decided cases"),
    ),
    "unified_acceptance_rate": (
        Sentence("综合窗口受理件", "accepted at a unified window"),
        Sentence("受理件", "accepted"),
    ),
    "full_process_acceptance_rate": (
        Sentence("全流程审批系统受理件", "accepted in the full-process system"),
        Sentence("受理件", "accepted"),
    ),
    "acceptance_rate": (Sentence("受理件", "accepted"), Sentence("受理件与不予受理件之和", "accepted and refused")),
    "actual_compression": (
        Sentence("法定时限与实际用时之差的合计", "Σ(statutory − elapsed days)"),
        Sentence("法定时限合计（计时的办结件）", "Σ statutory days of timed decided cases"),
    ),
    "promise_kept_rate": (
        Sentence("承诺时限内办结件", "decided within the promised limit"),
        Sentence("有承诺时限的计时办结件", "timed decided cases with a promised limit"),
    ),
    "due_kept_rate": (
        Sentence("其中承诺时限内办结的", "of those, decided within the promised limit"),
        Sentence(
            "到期日在统计期内的受理件（含未办结的，不含未办结已撤件、仍在暂停、不计时的）",
            "accepted cases due in the window, open ones too; not those withdrawn undecided, suspended or untimed",
        ),
    ),
    "statutory_kept_rate": (
        Sentence("法定时限内办结件", "decided within the statutory limit"),
        Sentence("有法定时限的计时办结件", "timed decided cases with a statutory limit"),
    ),
    "mean_elapsed_days": (
        Sentence("用时合计（工作日）", "Σ elapsed working days"),
        Sentence("计时的办结件", "timed decided cases"),
    ),
    "rating_coverage": (
        Sentence("有评价的办结件", "decided cases that were rated"),
        Sentence("办结件", "decided cases"),
    ),
    "satisfaction": (Sentence("评价3分及以上的", "scores of 3 and above"), Sentence("有评价的办件", "rated cases")),
    "tolerance_items": (
        Sentence("容缺受理事项数", "items that tolerate missing papers"),
        Sentence("—", "—"),
    ),
    "commitment_items": (Sentence("告知承诺制事项数", "items by commitment"), Sentence("—", "—")),
}
LAW = (
    Sentence(
        "时限以工作日计，不含法定节假日和本地区放假日，受理次日起算（《中华人民共和国行政许可法》第八十二条）。",
        "Limits are in working days, without statutory and regional holidays, from the day after acceptance"
        " (Administrative Licensing Law, article 82).",
    ),
    Sentence(
        "听证、招标、拍卖、检验、检测、检疫、鉴定和专家评审的时间不计入（第四十五条）。",
        "Time for hearings, tenders, auctions, tests, appraisals and expert reviews does not count (article 45).",
    ),
    Sentence(
        "收件后五个工作日内未受理、未退回也未一次性告知补正的，为超时未受理（第三十二条）。",
        "A case that is neither accepted, refused nor returned for supplements within five working days of receipt is"
        " not accepted in time (article 32).",
    ),
    Sentence(
        "超期：已过到期日仍未办结；临期：剩余时限不超过一个工作日。",
        "Overdue: open after its due day; due soon: at most one working day left.",
    ),
)
