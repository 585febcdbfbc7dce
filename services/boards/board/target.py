"""The board of one target: its path and actual values, its departments, its goals under other readings of the plan."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from services.boards.board.columns import TableColumn, table_of
from services.boards.board.frame import frame
from services.boards.board.frame import target as target_variable
from services.boards.board.panels import AnyPanel, PanelQuery, Panels, row
from services.boards.board.shared import covered, scaled
from services.boards.board.status import state_mappings
from services.boards.intervals import Links

ONE = '{region="$region",target="$target"}'
INFO = f"hallpulse_target_info{ONE}"
SHARE = 'hallpulse_target_info{region="$region",target="$target",unit="share"}'


def target(panels: Panels, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(panels, "target", plans, links).with_variable(target_variable(panels))
    made = made.with_panel(
        panels.named(panels.say("指标", "Target"), PanelQuery(INFO, f"{{{{{panels.name}}}}}"), span=12)
    )
    state = panels.stat(panels.say("状态", "State"), PanelQuery(f"hallpulse_target_state{ONE}"), "none", span=6)
    made = made.with_panel(state.mappings(state_mappings(panels)))
    lead = panels.named(
        panels.say("牵头部门 · 方案条目", "Lead · item of the plan"), PanelQuery(INFO, "{{lead}} · {{source}}"), span=6
    )
    made = made.with_panel(lead)
    for panel in _figures(panels):
        made = made.with_panel(panel)
    made = (
        covered(panels, made)
        .with_panel(_marked(panels))
        .with_panel(_gains(panels))
        .with_row(row(panels.say("进度", "Path")))
    )
    made = made.with_panel(_path(panels)).with_panel(_parts(panels))
    made = made.with_row(row(panels.say("部门与读法", "Departments and readings")))
    return made.with_panel(_departments(panels)).with_panel(_readings(panels))


def _figures(panels: Panels) -> list[AnyPanel]:
    asked = {
        panels.say("当前值", "Value"): _value(),
        panels.say("今日应达", "Required today"): _aspect("required"),
        panels.say("目标", "Goal"): _aspect("goal"),
        panels.say("差距", "Gap"): _aspect("gap"),
        panels.say("期末预计", "Forecast"): _aspect("forecast"),
    }
    return [
        panels.stat(title, PanelQuery(scaled(expr, SHARE)), "none", span=4, decimals=2) for title, expr in asked.items()
    ]


def _marked(panels: Panels) -> Table:
    """Return the table of findings that the figure gains from, each with the figure's value without the finding."""
    key = TableColumn(panels.say("检查", "Check"), f"max by (check) (hallpulse_target_marked{ONE})", "check")
    without = scaled(f"min by (check) (hallpulse_target_value_without{ONE})", SHARE)
    columns = [TableColumn(panels.say("扣除后的值", "Value without it"), without, decimals=2)]
    return table_of(panels, panels.say("数值中的存疑部分", "Findings in the figure"), key, columns, span=16, height=4)


def _gains(panels: Panels) -> Table:
    """Return the table of causes of the compression's change since the plan began; empty for other indicators."""
    gain = f"hallpulse_target_gain{ONE}"
    key = TableColumn(panels.say("变化来自", "Change came from"), f"max by (cause, {panels.name}) ({gain})", "cause")
    columns = [
        TableColumn(panels.say("原因", "Cause"), label=panels.name),
        TableColumn(panels.say("百分点", "Points"), f"max by (cause) ({gain}) * 100", decimals=2),
    ]
    title = panels.say("方案期以来压缩比的变化", "Change of the compression since the plan began")
    return table_of(panels, title, key, columns, span=24, height=5)


def _value() -> str:
    ratio = 'hallpulse_indicator_ratio{region="$region"}'
    return f"sum by (region, target) ({ratio} * on (region, indicator) group_right () {INFO})"


def _aspect(aspect: str) -> str:
    return f"sum by (region, target) (hallpulse_target_{aspect}{ONE})"


def _path(panels: Panels) -> Lines:
    def line(metric: str, legend: str, ref: str) -> PanelQuery:
        return PanelQuery(scaled(f"max(last_over_time({metric}[1d]))", SHARE), legend, ref, range=True)

    ratio = 'max(last_over_time(hallpulse_indicator_ratio{region="$region"}[1d]) and on (region, indicator) INFO)'
    actual = ratio.replace("INFO", f"last_over_time({INFO}[1d])")
    asks = [
        PanelQuery(scaled(actual, SHARE), panels.say("实际值", "actual"), "A", range=True),
        line(f"hallpulse_target_required{ONE}", panels.say("应达进度", "required"), "B"),
        line(f"hallpulse_target_goal{ONE}", panels.say("目标", "goal"), "C"),
        line(f"hallpulse_target_forecast{ONE}", panels.say("期末预计", "forecast"), "D"),
    ]
    return panels.lines(
        panels.say("进度：实际与应达", "Path: actual against required"), asks, "none", span=16, height=11
    )


def _parts(panels: Panels) -> Lines:
    which = f"and on (region, indicator) last_over_time({INFO}[1d])"
    asks = [
        PanelQuery(
            f'max(last_over_time(hallpulse_indicator_{part}{{region="$region"}}[1d]) {which})', words, ref, range=True
        )
        for part, words, ref in (
            ("numerator", panels.say("分子", "numerator"), "A"),
            ("denominator", panels.say("分母", "denominator"), "B"),
        )
    ]
    return panels.lines(panels.say("分子与分母", "Numerator and denominator"), asks, "short", span=8, height=11)


def _departments(panels: Panels) -> Table:
    names = f'group_left ({panels.name}) hallpulse_department_info{{region="$region"}}'

    def of(amount: str) -> str:
        figure = f'hallpulse_department_indicator_{amount}{{region="$region"}}'
        return f"{figure} and on (region, indicator) {INFO}"

    named = f"max by (department, {panels.name}) (({of('ratio')}) * on (region, department) {names})"
    key = TableColumn(panels.say("编号", "id"), named, "department")
    columns = [
        TableColumn(panels.say("部门", "Department"), label=panels.name),
        TableColumn(panels.say("当前值", "Value"), scaled(f"sum by (department) ({of('ratio')})", SHARE), decimals=2),
        TableColumn(panels.say("分子", "Numerator"), f"sum by (department) ({of('numerator')})"),
        TableColumn(panels.say("分母", "Denominator"), f"sum by (department) ({of('denominator')})"),
    ]
    return table_of(panels, panels.say("各部门", "By department"), key, columns, span=14, height=12)


def _readings(panels: Panels) -> Table:
    """Return the table of goals under each reading of "a further 10 %"; the plan uses one of the readings."""
    goals, here = f"hallpulse_target_reading_goal{ONE}", "on (region, target)"
    # A target with a single reading has its goal under "-".
    only = f'label_replace(hallpulse_target_goal{ONE} unless {here} {goals}, "reading", "-", "", "")'
    only_gap = f'label_replace(hallpulse_target_gap{ONE} unless {here} {goals}, "reading", "-", "", "")'
    goal = f"sum by (reading) ({goals} or {only})"
    gap = f"sum by (reading) ({_value()} - {here} group_right () {goals} or {only_gap})"
    key = TableColumn(panels.say("读法", "Reading"), goal, "reading", mappings=_reading_words(panels))
    columns = [
        TableColumn(panels.say("目标", "Goal"), scaled(goal, SHARE), decimals=3),
        TableColumn(panels.say("差距", "Gap"), scaled(gap, SHARE), decimals=3),
    ]
    title = panels.say("“再提升 10 %”的三种读法", "Three readings of a further 10 %")
    return table_of(panels, title, key, columns, span=10, height=12)


def _reading_words(panels: Panels) -> list[dashboard.ValueMapping]:
    words = {
        "points": ("百分点", "points"),
        "relative": ("相对提升", "relative"),
        "remaining": ("剩余部分", "of what remains"),
        "-": ("只有一种读法", "one reading only"),
    }
    results = {key: dashboard.ValueMappingResult(text=panels.say(zh, en)) for key, (zh, en) in words.items()}
    return [dashboard.ValueMap(results)]
