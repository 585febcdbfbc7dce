"""One target in depth: its path against what is, its departments, what other readings of the plan would ask."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from services.boards.board.columns import Column, table_of
from services.boards.board.frame import frame
from services.boards.board.frame import target as target_variable
from services.boards.board.look import AnyPanel, Ask, Look, row
from services.boards.board.shared import covered, scaled
from services.boards.board.status import state_mappings
from services.boards.intervals import Links

ONE = '{region="$region",target="$target"}'
INFO = f"hallpulse_target_info{ONE}"
SHARE = 'hallpulse_target_info{region="$region",target="$target",unit="share"}'


def target(look: Look, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(look, "target", plans, links).with_variable(target_variable(look))
    made = made.with_panel(look.named(look.say("指标", "Target"), Ask(INFO, f"{{{{{look.name}}}}}"), span=12))
    state = look.stat(look.say("状态", "State"), Ask(f"hallpulse_target_state{ONE}"), "none", span=6)
    made = made.with_panel(state.mappings(state_mappings(look)))
    lead = look.named(
        look.say("牵头部门 · 方案条目", "Lead · item of the plan"), Ask(INFO, "{{lead}} · {{source}}"), span=6
    )
    made = made.with_panel(lead)
    for panel in _figures(look):
        made = made.with_panel(panel)
    made = covered(look, made).with_row(row(look.say("进度", "Path")))
    made = made.with_panel(_path(look)).with_panel(_parts(look))
    made = made.with_row(row(look.say("部门与读法", "Departments and readings")))
    return made.with_panel(_departments(look)).with_panel(_readings(look))


def _figures(look: Look) -> list[AnyPanel]:
    asked = {
        look.say("当前值", "Value"): _value(),
        look.say("今日应达", "Required today"): _aspect("required"),
        look.say("目标", "Goal"): _aspect("goal"),
        look.say("差距", "Gap"): _aspect("gap"),
        look.say("期末预计", "Forecast"): _aspect("forecast"),
    }
    return [look.stat(title, Ask(scaled(expr, SHARE)), "none", span=4, decimals=2) for title, expr in asked.items()]


def _value() -> str:
    ratio = 'hallpulse_indicator_ratio{region="$region"}'
    return f"sum by (region, target) ({ratio} * on (region, indicator) group_right () {INFO})"


def _aspect(aspect: str) -> str:
    return f"sum by (region, target) (hallpulse_target_{aspect}{ONE})"


def _path(look: Look) -> Lines:
    def line(metric: str, legend: str, ref: str) -> Ask:
        return Ask(scaled(f"max(last_over_time({metric}[1d]))", SHARE), legend, ref, range=True)

    ratio = 'max(last_over_time(hallpulse_indicator_ratio{region="$region"}[1d]) and on (region, indicator) INFO)'
    actual = ratio.replace("INFO", f"last_over_time({INFO}[1d])")
    asks = [
        Ask(scaled(actual, SHARE), look.say("实际值", "actual"), "A", range=True),
        line(f"hallpulse_target_required{ONE}", look.say("应达进度", "required"), "B"),
        line(f"hallpulse_target_goal{ONE}", look.say("目标", "goal"), "C"),
        line(f"hallpulse_target_forecast{ONE}", look.say("期末预计", "forecast"), "D"),
    ]
    return look.lines(look.say("进度:实际与应达", "Path: actual against required"), asks, "none", span=16, height=11)


def _parts(look: Look) -> Lines:
    which = f"and on (region, indicator) last_over_time({INFO}[1d])"
    asks = [
        Ask(f'max(last_over_time(hallpulse_indicator_{part}{{region="$region"}}[1d]) {which})', words, ref, range=True)
        for part, words, ref in (
            ("numerator", look.say("分子", "numerator"), "A"),
            ("denominator", look.say("分母", "denominator"), "B"),
        )
    ]
    return look.lines(look.say("分子与分母", "Numerator and denominator"), asks, "short", span=8, height=11)


def _departments(look: Look) -> Table:
    names = f'group_left ({look.name}) hallpulse_department_info{{region="$region"}}'

    def of(amount: str) -> str:
        figure = f'hallpulse_department_indicator_{amount}{{region="$region"}}'
        return f"{figure} and on (region, indicator) {INFO}"

    named = f"max by (department, {look.name}) (({of('ratio')}) * on (region, department) {names})"
    key = Column(look.say("编号", "id"), named, "department")
    columns = [
        Column(look.say("部门", "Department"), label=look.name),
        Column(look.say("当前值", "Value"), scaled(f"sum by (department) ({of('ratio')})", SHARE), decimals=2),
        Column(look.say("分子", "Numerator"), f"sum by (department) ({of('numerator')})"),
        Column(look.say("分母", "Denominator"), f"sum by (department) ({of('denominator')})"),
    ]
    return table_of(look, look.say("各部门", "By department"), key, columns, span=14, height=12)


def _readings(look: Look) -> Table:
    """The plan uses one reading of "a further 10 %"; what the others would ask stands beside it."""
    goals, here = f"hallpulse_target_reading_goal{ONE}", "on (region, target)"
    # A target that can be read in one way only has its own goal under "-".
    only = f'label_replace(hallpulse_target_goal{ONE} unless {here} {goals}, "reading", "-", "", "")'
    only_gap = f'label_replace(hallpulse_target_gap{ONE} unless {here} {goals}, "reading", "-", "", "")'
    goal = f"sum by (reading) ({goals} or {only})"
    gap = f"sum by (reading) ({_value()} - {here} group_right () {goals} or {only_gap})"
    key = Column(look.say("读法", "Reading"), goal, "reading", mappings=_reading_words(look))
    columns = [
        Column(look.say("目标", "Goal"), scaled(goal, SHARE), decimals=3),
        Column(look.say("差距", "Gap"), scaled(gap, SHARE), decimals=3),
    ]
    title = look.say("“再提升 10 %”的三种读法", "Three readings of a further 10 %")
    return table_of(look, title, key, columns, span=10, height=12)


def _reading_words(look: Look) -> list[dashboard.ValueMapping]:
    words = {
        "points": ("百分点", "points"),
        "relative": ("相对提升", "relative"),
        "remaining": ("剩余部分", "of what remains"),
        "-": ("只有一种读法", "one reading only"),
    }
    results = {key: dashboard.ValueMappingResult(text=look.say(zh, en)) for key, (zh, en) in words.items()}
    return [dashboard.ValueMap(results)]
