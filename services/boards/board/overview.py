"""The bureau's overview board: every target at a glance, and the changes since yesterday."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.board.columns import TableColumn, table_of
from services.boards.board.frame import frame
from services.boards.board.panels import PanelQuery, Panels, Unit, row
from services.boards.board.shared import CASES_BEHIND, REGION, covered
from services.boards.board.status import WORDS, severity_mappings, state_mappings, word
from services.boards.intervals import Links

SHOWN = (State.MET, State.ON_PACE, State.BEHIND, State.MISSED, State.NOT_MEASURED, State.BELOW_MIN_DENOMINATOR)


def overview(panels: Panels, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(panels, "overview", plans, links)
    plan = PanelQuery(f"hallpulse_plan_info{REGION}", f"{{{{{panels.name}}}}}")
    made = made.with_panel(panels.named(panels.say("方案", "Plan"), plan, span=8))
    left = PanelQuery(f"clamp_min((hallpulse_plan_end_timestamp_seconds{REGION} - time()) / 86400, 0)")
    made = made.with_panel(panels.stat(panels.say("距期末", "Days left"), left, "d", span=4, decimals=0))
    made = covered(panels, made)
    for state in SHOWN:
        made = made.with_panel(_count(panels, state))
    made = made.with_row(row(panels.say("全部指标", "All targets")))
    shares, counts = panels.say("比例类指标", "Shares"), panels.say("次数类指标", "Counts")
    made = made.with_panel(_targets(panels, shares, 'unit="share"', ("percentunit", 2), 15))
    made = made.with_panel(_targets(panels, counts, 'unit!="share"', ("short", 1), 10))
    made = made.with_row(row(panels.say("较昨日变化", "Since yesterday")))
    return made.with_panel(_changes(panels)).with_panel(_alerts(panels))


def _count(panels: Panels, state: State) -> Stat:
    ask = PanelQuery(f"count(hallpulse_target_state{REGION} == {STATE_NUMBERS.index(state)}) or vector(0)")
    return panels.stat(word(panels, state), ask, "none", span=4).color_scheme(
        board.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(WORDS[state][2])
    )


def _targets(panels: Panels, title: str, unit: str, shown: tuple[Unit, int], height: int) -> Table:
    info = f'hallpulse_target_info{{region="$region",{unit}}}'
    figure = f"on (region, indicator) group_right () {info})"

    def judged(aspect: str) -> str:
        return f"sum by (target) (hallpulse_target_{aspect}{REGION} * on (region, target) group_left () {info})"

    def counted(amount: str) -> str:
        return f"sum by (target) (hallpulse_indicator_{amount}{REGION} * {figure}"

    without = f"min by (target) (hallpulse_target_value_without{REGION} * on (region, target) group_left () {info})"
    name = panels.name
    open_board = f"/d/{panels.uid('target')}/?var-region=${{region}}&var-target=${{__data.fields.target}}"
    key = TableColumn("target", f"max by (target, indicator, {name}, lead, source) ({info})", "target", width=10)
    columns = [
        TableColumn(panels.say("状态", "State"), judged("state"), mappings=state_mappings(panels), width=130),
        TableColumn(panels.say("指标", "Target"), label=name, link=open_board),
        _number(panels.say("当前值", "Value"), counted("ratio"), shown),
        _number(panels.say("今日应达", "Required today"), judged("required"), shown),
        _number(panels.say("目标", "Goal"), judged("goal"), shown),
        _number(panels.say("差距", "Gap"), judged("gap"), shown),
        _number(panels.say("期末预计", "Forecast"), judged("forecast"), shown),
        _number(panels.say("扣除存疑后", "Without findings"), without, shown),
        TableColumn(
            panels.say("分子", "Numerator"), counted("numerator"), link=CASES_BEHIND % ("indicator", "numerator")
        ),
        TableColumn(
            panels.say("分母", "Denominator"), counted("denominator"), link=CASES_BEHIND % ("indicator", "denominator")
        ),
        TableColumn(panels.say("牵头部门", "Lead"), label="lead"),
        TableColumn(panels.say("方案条目", "Item of the plan"), label="source", width=80),
        TableColumn("indicator", label="indicator", width=10),
    ]
    return table_of(panels, title, key, columns, height=height)


def _number(title: str, expr: str, shown: tuple[Unit, int]) -> TableColumn:
    return TableColumn(title, expr, unit=shown[0], decimals=shown[1], width=105)


def _changes(panels: Panels) -> Table:
    """Return the table of changes since yesterday; a correction that arrived today counts in yesterday's figure too."""
    here = "on (region, indicator)"
    info = 'hallpulse_indicator_info{region="$region",unit="share"}'
    ago = 'hallpulse_indicator_ratio_ago{region="$region",days="1"}'
    change = f"sum by (indicator) (hallpulse_indicator_ratio{REGION} - {here} group_left () {ago} and {here} {info})"
    was = f"sum by (indicator) ({ago} and {here} {info})"
    key = TableColumn(
        panels.say("编号", "id"), f"max by (indicator, {panels.name}) ({info} and {here} {ago})", "indicator"
    )
    columns = [
        TableColumn(panels.say("指标", "Indicator"), label=panels.name),
        TableColumn(panels.say("变化", "Change"), change, unit="percentunit", decimals=2),
        TableColumn(panels.say("昨日", "Yesterday"), was, unit="percentunit", decimals=2),
    ]
    return table_of(panels, panels.say("较昨日变化", "What changed since yesterday"), key, columns, span=12)


def _alerts(panels: Panels) -> Table:
    labels = "alertname, severity, target, department, hall, lead"
    firing = f'max by ({labels}) (ALERTS{{alertstate="firing",region=~"$region|"}})'
    key = TableColumn(panels.say("告警", "Alert"), firing, "alertname")
    columns = [
        TableColumn(panels.say("级别", "Severity"), label="severity", mappings=severity_mappings(panels)),
        TableColumn(panels.say("指标", "Target"), label="target"),
        TableColumn(panels.say("部门", "Department"), label="department"),
        TableColumn(panels.say("大厅", "Hall"), label="hall"),
        TableColumn(panels.say("通知", "Told"), label="lead"),
    ]
    return table_of(panels, panels.say("正在告警", "Firing now"), key, columns, span=12)
