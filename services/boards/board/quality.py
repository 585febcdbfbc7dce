"""The quality of what halls send, and which of them a figure covers."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table

from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Plan
from services.boards.board.columns import Column, table_of
from services.boards.board.frame import frame, hall
from services.boards.board.look import Ask, Look, row
from services.boards.board.refusals import refusals
from services.boards.board.shared import HALLS, REGION, covered
from services.boards.intervals import Links
from services.boards.promql import quoted

KINDS = (
    ("events_duplicate", "重复", "doubled"),
    ("events_late", "迟报(超过一天)", "late (over a day)"),
    ("events_disordered", "乱序", "out of order"),
    ("hall_events_refused", "被拒收", "refused"),
)


def quality(look: Look, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = covered(look, frame(look, "quality", plans, links).with_variable(hall(look)))
    stored = Ask(f"sum(hallpulse_events_total{HALLS}) or vector(0)")
    made = made.with_panel(look.stat(look.say("已入库事件", "Events stored"), stored, "none"))
    refused = Ask(f"sum(hallpulse_events_refused_total{REGION}) or vector(0)")
    made = made.with_panel(look.stat(look.say("被拒收事件", "Events refused"), refused, "none"))
    flagged = Ask(f"sum(hallpulse_cases_flagged{HALLS}) or vector(0)")
    made = made.with_panel(look.stat(look.say("带标记的办件", "Flagged cases"), flagged, "none"))
    made = made.with_row(row(look.say("各大厅", "By hall"))).with_panel(_halls(look))
    made = made.with_row(row(look.say("拒收", "Refusals")))
    for panel in refusals(look):
        made = made.with_panel(panel)
    made = made.with_row(row(look.say("拉低压缩比的事项", "What lowered it"))).with_panel(_lowered(look))
    return made.with_row(row(look.say("数据真实性", "Integrity"))).with_panel(_integrity(look))


def _halls(look: Look) -> Table:
    def counted(name: str) -> str:
        """Nought is said as nought: a registered hall without such an event has none."""
        known = f"max by (hall) (hallpulse_hall_info{HALLS}) * 0"
        return f"sum by (hall) (hallpulse_{name}{HALLS}) or {known}"

    known = f"max by (hall) (hallpulse_hall_info{HALLS}) or max by (hall) (hallpulse_events_total{HALLS})"
    last = f"max by (hall) (hallpulse_hall_last_event_timestamp_seconds{HALLS}) * 1000"
    key = Column(look.say("大厅", "Hall"), known, "hall")
    columns = [Column(look.say("入库", "Stored"), counted("events_total"))]
    columns += [Column(look.say(zh, en), counted(f"{name}_total")) for name, zh, en in KINDS]
    columns += [
        Column(look.say("带标记的办件", "Flagged cases"), counted("cases_flagged")),
        Column(look.say("最近上报", "Last event"), last, unit="dateTimeFromNow"),
    ]
    title = look.say("各大厅上报质量(未上报的也列出)", "What each hall sends (silent ones too)")
    return table_of(look, title, key, columns, height=13)


def _integrity(look: Look) -> Table:
    """Each check by its name; its findings are a page of the gateway."""
    found = f"max by (check) (hallpulse_integrity_findings{REGION})"
    named = found
    for check in CHECKS:
        named = f'label_replace({named}, "name", {quoted(look.say(check.zh, check.en))}, "check", "{check.id}")'
    link = (
        "${gateway}/v1/integrity?region=${region}&check=${__data.fields.check}"
        "&from=${__from:date:YYYY-MM-DD}&to=${__to:date:YYYY-MM-DD}"
    )
    key = Column("check", f"sort_desc({named})", "check")
    columns = [
        Column(look.say("检查", "Check"), label="name"),
        Column(look.say("发现", "Findings"), found, link=link),
    ]
    return table_of(look, look.say("可疑之处", "What looks too good"), key, columns, height=12)


def _lowered(look: Look) -> Table:
    """Nothing fell: one line says so, instead of an empty panel."""
    fell = f"max by (item, zh, department) (hallpulse_item_compression_change{REGION})"
    none = look.say("近 7 日没有拉低压缩比的事项版本", "no version lowered it in 7 days")
    nothing = f'label_replace(vector(0), "zh", "{none}", "", "") unless on () hallpulse_item_compression_change{REGION}'
    key = Column(look.say("事项", "Item"), f"{fell} or ({nothing})", "zh")
    columns = [
        Column(look.say("编码", "Code"), label="item"),
        Column(look.say("部门", "Department"), label="department"),
        Column(
            look.say("对压缩比的影响", "Effect on the ratio"),
            f"max by (zh) ({fell} or ({nothing}))",
            unit="percentunit",
            decimals=3,
        ),
    ]
    title = look.say("7 日内拉低承诺压缩比的事项版本", "Versions that lowered the compression within 7 days")
    return table_of(look, title, key, columns, height=9)
