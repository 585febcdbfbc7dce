"""The board that compares departments: a ranking of those with enough cases, and a table of months."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table

from hallpulse.domain.plan import Plan
from services.boards.board.columns import TableColumn, table_of
from services.boards.board.frame import frame, month_starts
from services.boards.board.frame import indicator as indicator_variable
from services.boards.board.panels import AnyPanel, PanelQuery, Panels, row
from services.boards.board.shared import case_indicators, covered, over_window, scaled
from services.boards.board.status import CASE_WORDS, case_word
from services.boards.intervals import Links

CHOSEN = '{region="$region",indicator="$indicator"}'
NUMERATOR, DENOMINATOR = (f"hallpulse_department_indicator_{part}" for part in ("numerator", "denominator"))
RATIO = f"hallpulse_department_indicator_ratio{CHOSEN}"
SHARE = 'hallpulse_indicator_info{region="$region",indicator="$indicator",unit="share"}'
NAMES = 'hallpulse_department_info{region="$region"}'


def departments(panels: Panels, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(panels, "departments", plans, links).with_variable(indicator_variable(panels))
    made = made.with_variable(_least(panels, plans))
    name = PanelQuery(f"hallpulse_indicator_info{CHOSEN}", f"{{{{{panels.name}}}}}")
    made = made.with_panel(panels.named(panels.say("指标", "Indicator"), name, span=12))
    made = covered(panels, made).with_row(row(panels.say("排名", "Ranking")))
    made = made.with_panel(_ranking(panels)).with_panel(_bars(panels))
    made = made.with_panel(_in_window(panels)).with_panel(_open_cases(panels))
    made = made.with_row(row(panels.say("逐月", "Month by month")))
    return made.with_panel(_league(panels, max(plans, key=lambda p: p.period.start))) if plans else made


def _least(panels: Panels, plans: Sequence[Plan]) -> board.TextBoxVariable:
    """Return the variable with the least denominator: departments below it are not ranked."""
    least = max((plan.min_denominator for plan in plans), default=1)
    label = panels.say("最小分母", "Least denominator")
    return board.TextBoxVariable("least").label(label).default_value(str(least))


def _enough() -> str:
    """Return the condition for a ranking: figures from cases need the least denominator, all others pass."""
    chance = f'{DENOMINATOR}{{region="$region",indicator="$indicator",indicator=~"{case_indicators()}"}} < $least'
    return f"unless on (region, department) ({chance})"


def _ranking(panels: Panels) -> Table:
    name = f"* on (region, department) group_left ({panels.name}) {NAMES}"
    named = f"max by (department, {panels.name}) (({RATIO} {_enough()}) {name})"
    key = TableColumn(panels.say("编号", "id"), f"sort_desc({named})", "department")
    columns = [
        TableColumn(panels.say("部门", "Department"), label=panels.name),
        TableColumn(
            panels.say("当前值", "Value"), scaled(f"sum by (department) ({RATIO} {_enough()})", SHARE), decimals=2
        ),
        TableColumn(panels.say("分子", "Numerator"), f"sum by (department) ({NUMERATOR}{CHOSEN} {_enough()})"),
        TableColumn(panels.say("分母", "Denominator"), f"sum by (department) ({DENOMINATOR}{CHOSEN} {_enough()})"),
        TableColumn(
            panels.say("扣除存疑后", "Without findings"),
            scaled(f"min by (department) (hallpulse_department_value_without{CHOSEN})", SHARE),
            decimals=2,
        ),
    ]
    title = panels.say("排名（分母不足的不排）", "Ranking (none with too few cases)")
    return table_of(panels, title, key, columns, span=14, height=14)


def _bars(panels: Panels) -> AnyPanel:
    name = f"* on (region, department) group_left ({panels.name}) {NAMES}"
    expr = f"sort_desc({scaled(f'({RATIO} {_enough()}) {name}', SHARE)})"
    return panels.bars(
        panels.say("对比", "Compared"), PanelQuery(expr, f"{{{{{panels.name}}}}}"), "none", span=10, height=14
    ).decimals(2)


def _in_window(panels: Panels) -> Table:
    """Return the table of figures over the board's window.

    An indicator that is no sum over days shows its value now.
    """
    which = f'{{region="$region",indicator="$indicator",indicator=~"{case_indicators()}"}}'
    top, bottom = over_window(NUMERATOR, which), over_window(DENOMINATOR, which)
    state = f'{RATIO[:-1]},indicator!~"{case_indicators()}"}}'
    key = TableColumn(
        panels.say("部门", "Department"), f"sum by (department) ({bottom} or {DENOMINATOR}{CHOSEN})", "department"
    )
    columns = [
        TableColumn(
            panels.say("窗口内的值", "In the window"),
            scaled(f"sum by (department) ({top} / ({bottom} > 0) or {state})", SHARE),
            decimals=2,
        ),
        TableColumn(panels.say("窗口内分子", "Numerator"), f"sum by (department) ({top})"),
        TableColumn(panels.say("窗口内分母", "Denominator"), f"sum by (department) ({bottom})"),
    ]
    title = panels.say("所选窗口（本月、本季度、方案期）", "In the window chosen above")
    return table_of(panels, title, key, columns, span=12, height=12)


def _open_cases(panels: Panels) -> Table:
    def cases(state: str) -> str:
        return f'sum by (department) (hallpulse_cases_open{{region="$region",state="{state}"}})'

    link = "${gateway}/v1/cases?region=${region}&department=${__data.fields.department}&state="
    key = TableColumn("department", 'sum by (department) (hallpulse_cases_open{region="$region"})', "department")
    columns = [TableColumn(case_word(panels, state), cases(state), link=link + state) for state in CASE_WORDS]
    return table_of(panels, panels.say("在办件", "Open cases"), key, columns, span=12, height=12)


def _league(panels: Panels, plan: Plan) -> Table:
    """Return the table with one column for each month of the plan's period; months without history have no value."""
    key = TableColumn(panels.say("部门", "Department"), f"sum by (department) ({DENOMINATOR}{CHOSEN})", "department")
    columns = [
        TableColumn(month, scaled(f"sum by (department) ({_of_month(first, last, number == 0)})", SHARE), decimals=2)
        for number, (month, first, last) in enumerate(month_starts(plan))
    ]
    title = panels.say(f"逐月（{plan.id}）", f"Month by month ({plan.id})")
    return table_of(panels, title, key, columns, height=14)


def _of_month(first: int, last: int, is_first: bool) -> str:
    cases = f'{{region="$region",indicator="$indicator",indicator=~"{case_indicators()}"}}'
    state = _at_end(f'{RATIO[:-1]},indicator!~"{case_indicators()}"}}', first, last)
    top, bottom = (_added(amount + cases, first, last, is_first) for amount in (NUMERATOR, DENOMINATOR))
    return f"{top} / ({bottom} >= $least) or {state}"


def _added(series: str, first: int, last: int, is_first: bool) -> str:
    """Return the increase of a sum during a month; the plan's first month starts from 0."""
    end = _at_end(series, first, last)
    return end if is_first else f"({end} - last_over_time({series}[1d] @ {first}))"


def _at_end(series: str, first: int, last: int) -> str:
    """Return the value at the month's end; for the current month, the value now."""
    now = f"last_over_time({series}[1d]) and on () (vector(time()) >= {first} < {last})"
    return f"(last_over_time({series}[1d] @ {last}) or ({now}))"
