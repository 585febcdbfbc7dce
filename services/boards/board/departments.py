"""Departments compared: a ranking of those with enough cases, and a league over the months."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table

from hallpulse.domain.plan import Plan
from services.boards.board.columns import Column, table_of
from services.boards.board.frame import frame, month_starts
from services.boards.board.frame import indicator as indicator_variable
from services.boards.board.look import AnyPanel, Ask, Look, row
from services.boards.board.shared import case_indicators, covered, over_window, scaled
from services.boards.board.status import CASE_WORDS, case_word
from services.boards.intervals import Links

CHOSEN = '{region="$region",indicator="$indicator"}'
NUMERATOR, DENOMINATOR = (f"hallpulse_department_indicator_{part}" for part in ("numerator", "denominator"))
RATIO = f"hallpulse_department_indicator_ratio{CHOSEN}"
SHARE = 'hallpulse_indicator_info{region="$region",indicator="$indicator",unit="share"}'
NAMES = 'hallpulse_department_info{region="$region"}'


def departments(look: Look, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(look, "departments", plans, links).with_variable(indicator_variable(look))
    made = made.with_variable(_least(look, plans))
    name = Ask(f"hallpulse_indicator_info{CHOSEN}", f"{{{{{look.name}}}}}")
    made = made.with_panel(look.named(look.say("指标", "Indicator"), name, span=12))
    made = covered(look, made).with_row(row(look.say("排名", "Ranking")))
    made = made.with_panel(_ranking(look)).with_panel(_bars(look))
    made = made.with_panel(_in_window(look)).with_panel(_open_cases(look))
    made = made.with_row(row(look.say("逐月", "Month by month")))
    return made.with_panel(_league(look, max(plans, key=lambda p: p.period.start))) if plans else made


def _least(look: Look, plans: Sequence[Plan]) -> board.TextBoxVariable:
    """Fewer are not ranked: neither good nor bad can be said of them."""
    least = max((plan.min_denominator for plan in plans), default=1)
    label = look.say("最小分母", "Least denominator")
    return board.TextBoxVariable("least").label(label).default_value(str(least))


def _enough() -> str:
    """Catalogue figures are complete, however few; figures made of cases need enough of them."""
    chance = f'{DENOMINATOR}{{region="$region",indicator="$indicator",indicator=~"{case_indicators()}"}} < $least'
    return f"unless on (region, department) ({chance})"


def _ranking(look: Look) -> Table:
    name = f"* on (region, department) group_left ({look.name}) {NAMES}"
    named = f"max by (department, {look.name}) (({RATIO} {_enough()}) {name})"
    key = Column(look.say("编号", "id"), f"sort_desc({named})", "department")
    columns = [
        Column(look.say("部门", "Department"), label=look.name),
        Column(look.say("当前值", "Value"), scaled(f"sum by (department) ({RATIO} {_enough()})", SHARE), decimals=2),
        Column(look.say("分子", "Numerator"), f"sum by (department) ({NUMERATOR}{CHOSEN} {_enough()})"),
        Column(look.say("分母", "Denominator"), f"sum by (department) ({DENOMINATOR}{CHOSEN} {_enough()})"),
    ]
    title = look.say("排名(分母不足的不排)", "Ranking (none with too few cases)")
    return table_of(look, title, key, columns, span=14, height=14)


def _bars(look: Look) -> AnyPanel:
    name = f"* on (region, department) group_left ({look.name}) {NAMES}"
    expr = f"sort_desc({scaled(f'({RATIO} {_enough()}) {name}', SHARE)})"
    return look.bars(
        look.say("对比", "Compared"), Ask(expr, f"{{{{{look.name}}}}}"), "none", span=10, height=14
    ).decimals(2)


def _in_window(look: Look) -> Table:
    """Only indicators that are added up over days have a window; of others the state is what counts."""
    which = f'{{region="$region",indicator="$indicator",indicator=~"{case_indicators()}"}}'
    top, bottom = over_window(NUMERATOR, which), over_window(DENOMINATOR, which)
    state = f'{RATIO[:-1]},indicator!~"{case_indicators()}"}}'
    key = Column(
        look.say("部门", "Department"), f"sum by (department) ({bottom} or {DENOMINATOR}{CHOSEN})", "department"
    )
    columns = [
        Column(
            look.say("窗口内的值", "In the window"),
            scaled(f"sum by (department) ({top} / ({bottom} > 0) or {state})", SHARE),
            decimals=2,
        ),
        Column(look.say("窗口内分子", "Numerator"), f"sum by (department) ({top})"),
        Column(look.say("窗口内分母", "Denominator"), f"sum by (department) ({bottom})"),
    ]
    title = look.say("所选窗口(本月、本季度、方案期)", "In the window chosen above")
    return table_of(look, title, key, columns, span=12, height=12)


def _open_cases(look: Look) -> Table:
    def cases(state: str) -> str:
        return f'sum by (department) (hallpulse_cases_open{{region="$region",state="{state}"}})'

    link = "${gateway}/v1/cases?region=${region}&department=${__data.fields.department}&state="
    key = Column("department", 'sum by (department) (hallpulse_cases_open{region="$region"})', "department")
    columns = [Column(case_word(look, state), cases(state), link=link + state) for state in CASE_WORDS]
    return table_of(look, look.say("在办件", "Open cases"), key, columns, span=12, height=12)


def _league(look: Look, plan: Plan) -> Table:
    """Each month by itself; a month for which there is no history has no value."""
    key = Column(look.say("部门", "Department"), f"sum by (department) ({DENOMINATOR}{CHOSEN})", "department")
    columns = [
        Column(month, scaled(f"sum by (department) ({_of_month(first, last, number == 0)})", SHARE), decimals=2)
        for number, (month, first, last) in enumerate(month_starts(plan))
    ]
    title = look.say(f"逐月({plan.id})", f"Month by month ({plan.id})")
    return table_of(look, title, key, columns, height=14)


def _of_month(first: int, last: int, is_first: bool) -> str:
    cases = f'{{region="$region",indicator="$indicator",indicator=~"{case_indicators()}"}}'
    state = _at_end(f'{RATIO[:-1]},indicator!~"{case_indicators()}"}}', first, last)
    top, bottom = (_added(amount + cases, first, last, is_first) for amount in (NUMERATOR, DENOMINATOR))
    return f"{top} / ({bottom} >= $least) or {state}"


def _added(series: str, first: int, last: int, is_first: bool) -> str:
    """A sum at the month's end less that at its beginning, which is nought in the plan's first month."""
    end = _at_end(series, first, last)
    return end if is_first else f"({end} - last_over_time({series}[1d] @ {first}))"


def _at_end(series: str, first: int, last: int) -> str:
    """As it was at the month's end; of the month that runs, as it is now."""
    now = f"last_over_time({series}[1d]) and on () (vector(time()) >= {first} < {last})"
    return f"(last_over_time({series}[1d] @ {last}) or ({now}))"
