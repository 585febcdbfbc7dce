"""The bureau's overview: every target at a glance, and what changed since yesterday."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.board.columns import Column, table_of
from services.boards.board.frame import frame
from services.boards.board.look import Ask, Look, Unit, row
from services.boards.board.shared import CASES_BEHIND, REGION, covered
from services.boards.board.status import WORDS, severity_mappings, state_mappings, word
from services.boards.intervals import Links

SHOWN = (State.MET, State.ON_PACE, State.BEHIND, State.MISSED, State.NOT_MEASURED, State.BELOW_MIN_DENOMINATOR)


def overview(look: Look, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(look, "overview", plans, links)
    plan = Ask(f"hallpulse_plan_info{REGION}", f"{{{{{look.name}}}}}")
    made = made.with_panel(look.named(look.say("方案", "Plan"), plan, span=8))
    left = Ask(f"clamp_min((hallpulse_plan_end_timestamp_seconds{REGION} - time()) / 86400, 0)")
    made = made.with_panel(look.stat(look.say("距期末", "Days left"), left, "d", span=4, decimals=0))
    made = covered(look, made)
    for state in SHOWN:
        made = made.with_panel(_count(look, state))
    made = made.with_row(row(look.say("全部指标", "All targets")))
    shares, counts = look.say("比例类指标", "Shares"), look.say("次数类指标", "Counts")
    made = made.with_panel(_targets(look, shares, 'unit="share"', ("percentunit", 2), 15))
    made = made.with_panel(_targets(look, counts, 'unit!="share"', ("short", 1), 10))
    made = made.with_row(row(look.say("较昨日变化", "Since yesterday")))
    return made.with_panel(_changes(look)).with_panel(_alerts(look))


def _count(look: Look, state: State) -> Stat:
    ask = Ask(f"count(hallpulse_target_state{REGION} == {STATE_NUMBERS.index(state)}) or vector(0)")
    return look.stat(word(look, state), ask, "none", span=4).color_scheme(
        board.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(WORDS[state][2])
    )


def _targets(look: Look, title: str, unit: str, shown: tuple[Unit, int], height: int) -> Table:
    info = f'hallpulse_target_info{{region="$region",{unit}}}'
    figure = f"on (region, indicator) group_right () {info})"

    def judged(aspect: str) -> str:
        return f"sum by (target) (hallpulse_target_{aspect}{REGION} * on (region, target) group_left () {info})"

    def counted(amount: str) -> str:
        return f"sum by (target) (hallpulse_indicator_{amount}{REGION} * {figure}"

    name = look.name
    open_board = f"/d/{look.uid('target')}/?var-region=${{region}}&var-target=${{__data.fields.target}}"
    key = Column("target", f"max by (target, indicator, {name}, lead, source) ({info})", "target", width=10)
    columns = [
        Column(look.say("状态", "State"), judged("state"), mappings=state_mappings(look), width=130),
        Column(look.say("指标", "Target"), label=name, link=open_board),
        _number(look.say("当前值", "Value"), counted("ratio"), shown),
        _number(look.say("今日应达", "Required today"), judged("required"), shown),
        _number(look.say("目标", "Goal"), judged("goal"), shown),
        _number(look.say("差距", "Gap"), judged("gap"), shown),
        _number(look.say("期末预计", "Forecast"), judged("forecast"), shown),
        Column(look.say("分子", "Numerator"), counted("numerator"), link=CASES_BEHIND % ("indicator", "numerator")),
        Column(
            look.say("分母", "Denominator"), counted("denominator"), link=CASES_BEHIND % ("indicator", "denominator")
        ),
        Column(look.say("牵头部门", "Lead"), label="lead"),
        Column(look.say("方案条目", "Item of the plan"), label="source", width=80),
        Column("indicator", label="indicator", width=10),
    ]
    return table_of(look, title, key, columns, height=height)


def _number(title: str, expr: str, shown: tuple[Unit, int]) -> Column:
    return Column(title, expr, unit=shown[0], decimals=shown[1], width=105)


def _changes(look: Look) -> Table:
    """By what is known now: a correction that came today changes yesterday's figure too."""
    here = "on (region, indicator)"
    info = 'hallpulse_indicator_info{region="$region",unit="share"}'
    ago = 'hallpulse_indicator_ratio_ago{region="$region",days="1"}'
    change = f"sum by (indicator) (hallpulse_indicator_ratio{REGION} - {here} group_left () {ago} and {here} {info})"
    was = f"sum by (indicator) ({ago} and {here} {info})"
    key = Column(look.say("编号", "id"), f"max by (indicator, {look.name}) ({info} and {here} {ago})", "indicator")
    columns = [
        Column(look.say("指标", "Indicator"), label=look.name),
        Column(look.say("变化", "Change"), change, unit="percentunit", decimals=2),
        Column(look.say("昨日", "Yesterday"), was, unit="percentunit", decimals=2),
    ]
    return table_of(look, look.say("较昨日变化", "What changed since yesterday"), key, columns, span=12)


def _alerts(look: Look) -> Table:
    labels = "alertname, severity, target, department, hall, lead"
    firing = f'max by ({labels}) (ALERTS{{alertstate="firing",region=~"$region|"}})'
    key = Column(look.say("告警", "Alert"), firing, "alertname")
    columns = [
        Column(look.say("级别", "Severity"), label="severity", mappings=severity_mappings(look)),
        Column(look.say("指标", "Target"), label="target"),
        Column(look.say("部门", "Department"), label="department"),
        Column(look.say("大厅", "Hall"), label="hall"),
        Column(look.say("通知", "Told"), label="lead"),
    ]
    return table_of(look, look.say("正在告警", "Firing now"), key, columns, span=12)
