"""The board of data quality: the quality of the halls' events, refusals, integrity findings, coverage."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table

from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Plan
from hallpulse.domain.sources import ASPECTS
from services.boards.board.columns import TableColumn, table_of
from services.boards.board.frame import frame, hall
from services.boards.board.panels import PanelQuery, Panels, row
from services.boards.board.refusals import refusals
from services.boards.board.shared import HALLS, REGION, covered
from services.boards.intervals import Links
from services.boards.promql import quoted

KINDS = (
    ("events_duplicate", "重复", "doubled"),
    ("events_late", "迟报（超过一天）", "late (over a day)"),
    ("events_disordered", "乱序", "out of order"),
    ("hall_events_refused", "被拒收", "refused"),
)


def quality(panels: Panels, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = covered(panels, frame(panels, "quality", plans, links).with_variable(hall(panels)))
    stored = PanelQuery(f"sum(hallpulse_events_total{HALLS}) or vector(0)")
    made = made.with_panel(panels.stat(panels.say("已入库事件", "Events stored"), stored, "none"))
    refused = PanelQuery(f"sum(hallpulse_events_refused_total{REGION}) or vector(0)")
    made = made.with_panel(panels.stat(panels.say("被拒收事件", "Events refused"), refused, "none"))
    flagged = PanelQuery(f"sum(hallpulse_cases_flagged{HALLS}) or vector(0)")
    made = made.with_panel(panels.stat(panels.say("带标记的办件", "Flagged cases"), flagged, "none"))
    made = made.with_row(row(panels.say("各大厅", "By hall"))).with_panel(_halls(panels)).with_panel(_sources(panels))
    made = made.with_row(row(panels.say("拒收", "Refusals")))
    for panel in refusals(panels):
        made = made.with_panel(panel)
    made = made.with_row(row(panels.say("拉低压缩比的事项", "What lowered it"))).with_panel(_lowered(panels))
    return made.with_row(row(panels.say("数据真实性", "Integrity"))).with_panel(_integrity(panels))


def _halls(panels: Panels) -> Table:
    def counted(name: str) -> str:
        """Return the count of each hall; registered halls without such an event have 0."""
        known = f"max by (hall) (hallpulse_hall_info{HALLS}) * 0"
        return f"sum by (hall) (hallpulse_{name}{HALLS}) or {known}"

    known = f"max by (hall) (hallpulse_hall_info{HALLS}) or max by (hall) (hallpulse_events_total{HALLS})"
    last = f"max by (hall) (hallpulse_hall_last_event_timestamp_seconds{HALLS}) * 1000"
    key = TableColumn(panels.say("大厅", "Hall"), known, "hall")
    columns = [TableColumn(panels.say("入库", "Stored"), counted("events_total"))]
    columns += [TableColumn(panels.say(zh, en), counted(f"{name}_total")) for name, zh, en in KINDS]
    columns += [
        TableColumn(panels.say("带标记的办件", "Flagged cases"), counted("cases_flagged")),
        TableColumn(panels.say("最近上报", "Last event"), last, unit="dateTimeFromNow"),
    ]
    title = panels.say("各大厅上报质量（未上报的也列出）", "What each hall sends (silent ones too)")
    return table_of(panels, title, key, columns, height=13)


def _sources(panels: Panels) -> Table:
    """Return the table of the halls' scorecards, the worst grade first."""
    grade = f"max by (hall) (hallpulse_source_grade{HALLS})"
    key = TableColumn(panels.say("大厅", "Hall"), f"sort_desc({grade})", "hall")
    link = "${gateway}/v1/sources?region=${region}&hall=${__data.fields.hall}"
    columns = [TableColumn(panels.say("评分（1 甲 … 4 丁）", "Grade (1 A … 4 D)"), grade, link=link)]
    columns += [
        TableColumn(
            panels.say(kind.zh, kind.en),
            f'max by (hall) (hallpulse_source_share{HALLS[:-1]},aspect="{kind.id}"}})',
            unit="percentunit",
            decimals=1,
        )
        for kind in ASPECTS
    ]
    title = panels.say("近 30 天上报评分，哪一项要改", "Scorecards of the last 30 days")
    return table_of(panels, title, key, columns, height=9)


def _integrity(panels: Panels) -> Table:
    """Return a table of findings by check; the gateway's page lists them."""
    found = f"max by (check) (hallpulse_integrity_findings{REGION})"
    named = found
    for check in CHECKS:
        named = f'label_replace({named}, "name", {quoted(panels.say(check.zh, check.en))}, "check", "{check.id}")'
    link = (
        "${gateway}/v1/integrity?region=${region}&check=${__data.fields.check}"
        "&from=${__from:date:YYYY-MM-DD}&to=${__to:date:YYYY-MM-DD}"
    )
    key = TableColumn("check", f"sort_desc({named})", "check")
    columns = [
        TableColumn(panels.say("检查", "Check"), label="name"),
        TableColumn(panels.say("发现", "Findings"), found, link=link),
    ]
    return table_of(panels, panels.say("可疑之处", "What looks too good"), key, columns, height=12)


def _lowered(panels: Panels) -> Table:
    """Return the table of item versions that lowered the compression, or one line of text if there are none."""
    fell = f"max by (item, zh, department) (hallpulse_item_compression_change{REGION})"
    none = panels.say("近 7 日没有拉低压缩比的事项版本", "no version lowered it in 7 days")
    nothing = f'label_replace(vector(0), "zh", "{none}", "", "") unless on () hallpulse_item_compression_change{REGION}'
    key = TableColumn(panels.say("事项", "Item"), f"{fell} or ({nothing})", "zh")
    columns = [
        TableColumn(panels.say("编码", "Code"), label="item"),
        TableColumn(panels.say("部门", "Department"), label="department"),
        TableColumn(
            panels.say("对压缩比的影响", "Effect on the ratio"),
            f"max by (zh) ({fell} or ({nothing}))",
            unit="percentunit",
            decimals=3,
        ),
    ]
    title = panels.say("7 日内拉低承诺压缩比的事项版本", "Versions that lowered the compression within 7 days")
    return table_of(panels, title, key, columns, height=9)
