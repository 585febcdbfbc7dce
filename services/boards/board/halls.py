"""Halls live: today's flow, open cases by state, what is due, who is silent."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from services.boards.board.columns import Column, table_of
from services.boards.board.frame import department, frame, hall
from services.boards.board.look import AnyPanel, Ask, Look, row
from services.boards.board.shared import covered
from services.boards.board.status import CASE_WORDS, case_word
from services.boards.intervals import Links

MINE = '{region="$region",department=~"$department"}'


def halls(look: Look, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(look, "halls", plans, links).with_variable(department(look)).with_variable(hall(look))
    made = covered(look, made)
    working = look.stat(look.say("今天", "Today"), Ask('hallpulse_working_day{region="$region"}'), "none", span=4)
    made = made.with_panel(working.mappings(_day(look)))
    for state, (_, _, colour) in CASE_WORDS.items():
        made = made.with_panel(_state(look, state, colour))
    made = made.with_row(row(look.say("办件流量", "Flow"))).with_panel(_flow(look)).with_panel(_elapsed(look))
    made = (
        made.with_row(row(look.say("临期与超期", "Due and overdue"))).with_panel(_late(look)).with_panel(_silence(look))
    )
    return made.with_panel(_history(look))


def _open(state: str) -> str:
    return f'hallpulse_cases_open{{region="$region",department=~"$department",state="{state}"}}'


def _day(look: Look) -> list[dashboard.ValueMapping]:
    results = {
        "1": dashboard.ValueMappingResult(text=look.say("☀ 工作日", "☀ working day"), color="green", index=0),
        "0": dashboard.ValueMappingResult(text=look.say("☾ 休息日", "☾ day off"), color="text", index=1),
    }
    return [dashboard.ValueMap(results)]


def _state(look: Look, state: str, colour: str) -> AnyPanel:
    ask = Ask(f"sum({_open(state)}) or vector(0)")
    link = board.DashboardLink(look.say("办件清单", "the cases")).type(dashboard.DashboardLinkType.LINK)
    link = link.url(f"${{gateway}}/v1/cases?region=${{region}}&state={state}")
    panel = look.stat(case_word(look, state), ask, "none", span=4).data_links([link])
    return panel.color_scheme(board.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour))


def _flow(look: Look) -> AnyPanel:
    expr = 'sum by (family) (rate(hallpulse_events_total{region="$region",hall=~"$hall|other"}[$__rate_interval])) * 60'
    return look.lines(look.say("每分钟收到的事件", "Events a minute"), [Ask(expr, "{{family}}", range=True)])


def _elapsed(look: Look) -> AnyPanel:
    within, every = (f"hallpulse_case_elapsed_days_{part}{MINE}" for part in ("bucket", "count"))
    share = f"sort(sum by (le) ({within}) / on () group_left () (sum({every}) > 0))"
    title = look.say("几个工作日内办结(累计占比)", "Decided within so many working days")
    return look.bars(title, Ask(share, "≤ {{le}}"), "percentunit")


def _late(look: Look) -> Table:
    def cases(state: str) -> str:
        return (
            f'sum by (department) (hallpulse_cases_open{{region="$region",department=~"$department",state="{state}"}})'
        )

    known = f"hallpulse_department_info{MINE} and on (region, department) hallpulse_cases_open"
    names = f"max by (department, {look.name}) ({known})"
    link = "${gateway}/v1/cases?region=${region}&department=${__data.fields.department}&state="
    key = Column("department", names, "department")
    columns = [Column(look.say("部门", "Department"), label=look.name)]
    columns += [Column(case_word(look, state), cases(state), link=link + state) for state in CASE_WORDS]
    return table_of(look, look.say("各部门在办件", "Open cases by department"), key, columns, span=14, height=12)


def _silence(look: Look) -> Table:
    """Also halls that never sent anything: what is not there is said."""
    last = 'max by (hall) (hallpulse_hall_last_event_timestamp_seconds{region="$region",hall=~"$hall"}) * 1000'
    since = 'max by (hall) (hallpulse:hall_silence:seconds{region="$region",hall=~"$hall"})'
    key = Column(
        look.say("大厅", "Hall"), 'max by (hall) (hallpulse_hall_info{region="$region",hall=~"$hall"})', "hall"
    )
    columns = [
        Column(look.say("最近上报", "Last event"), last, unit="dateTimeFromNow"),
        Column(look.say("静默", "Silent for"), since, unit="s", decimals=0),
    ]
    return table_of(look, look.say("大厅是否在上报", "Are halls sending?"), key, columns, span=10, height=12)


def _history(look: Look) -> AnyPanel:
    asks = [
        Ask(
            f"sum(last_over_time({_open(state)}[1d]))",
            case_word(look, state),
            chr(65 + n),
            range=True,
        )
        for n, state in enumerate(("due_soon", "overdue", "unaccepted_late", "suspended"))
    ]
    return look.lines(look.say("临期与超期走势", "Due and overdue over time"), asks, "none", span=24)
