"""The board of the halls now: incoming events, open cases by state, due and overdue cases, silent halls."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from services.boards.board.columns import TableColumn, table_of
from services.boards.board.frame import department, frame, hall
from services.boards.board.panels import AnyPanel, PanelQuery, Panels, row
from services.boards.board.shared import covered
from services.boards.board.status import CASE_WORDS, case_word
from services.boards.intervals import Links

MINE = '{region="$region",department=~"$department"}'


def halls(panels: Panels, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = frame(panels, "halls", plans, links).with_variable(department(panels)).with_variable(hall(panels))
    made = covered(panels, made)
    working = panels.stat(
        panels.say("今天", "Today"), PanelQuery('hallpulse_working_day{region="$region"}'), "none", span=4
    )
    made = made.with_panel(working.mappings(_day(panels)))
    for state, (_, _, colour) in CASE_WORDS.items():
        made = made.with_panel(_state(panels, state, colour))
    made = made.with_row(row(panels.say("办件流量", "Flow"))).with_panel(_flow(panels)).with_panel(_elapsed(panels))
    made = (
        made.with_row(row(panels.say("临期与超期", "Due and overdue")))
        .with_panel(_late(panels))
        .with_panel(_silence(panels))
    )
    return made.with_panel(_history(panels))


def _open(state: str) -> str:
    return f'hallpulse_cases_open{{region="$region",department=~"$department",state="{state}"}}'


def _day(panels: Panels) -> list[dashboard.ValueMapping]:
    results = {
        "1": dashboard.ValueMappingResult(text=panels.say("☀ 工作日", "☀ working day"), color="green", index=0),
        "0": dashboard.ValueMappingResult(text=panels.say("☾ 休息日", "☾ day off"), color="text", index=1),
    }
    return [dashboard.ValueMap(results)]


def _state(panels: Panels, state: str, colour: str) -> AnyPanel:
    ask = PanelQuery(f"sum({_open(state)}) or vector(0)")
    link = board.DashboardLink(panels.say("办件清单", "the cases")).type(dashboard.DashboardLinkType.LINK)
    link = link.url(f"${{gateway}}/v1/cases?region=${{region}}&state={state}")
    panel = panels.stat(case_word(panels, state), ask, "none", span=4).data_links([link])
    return panel.color_scheme(board.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour))


def _flow(panels: Panels) -> AnyPanel:
    expr = 'sum by (family) (rate(hallpulse_events_total{region="$region",hall=~"$hall|other"}[$__rate_interval])) * 60'
    return panels.lines(panels.say("每分钟收到的事件", "Events a minute"), [PanelQuery(expr, "{{family}}", range=True)])


def _elapsed(panels: Panels) -> AnyPanel:
    within, every = (f"hallpulse_case_elapsed_days_{part}{MINE}" for part in ("bucket", "count"))
    share = f"sort(sum by (le) ({within}) / on () group_left () (sum({every}) > 0))"
    title = panels.say("几个工作日内办结（累计占比）", "Decided within so many working days")
    return panels.bars(title, PanelQuery(share, "≤ {{le}}"), "percentunit")


def _late(panels: Panels) -> Table:
    def cases(state: str) -> str:
        return (
            f'sum by (department) (hallpulse_cases_open{{region="$region",department=~"$department",state="{state}"}})'
        )

    known = f"hallpulse_department_info{MINE} and on (region, department) hallpulse_cases_open"
    names = f"max by (department, {panels.name}) ({known})"
    link = "${gateway}/v1/cases?region=${region}&department=${__data.fields.department}&state="
    key = TableColumn("department", names, "department")
    columns = [TableColumn(panels.say("部门", "Department"), label=panels.name)]
    columns += [TableColumn(case_word(panels, state), cases(state), link=link + state) for state in CASE_WORDS]
    return table_of(panels, panels.say("各部门在办件", "Open cases by department"), key, columns, span=14, height=12)


def _silence(panels: Panels) -> Table:
    """Return the table of how long each hall has been silent, including halls that never sent anything."""
    last = 'max by (hall) (hallpulse_hall_last_event_timestamp_seconds{region="$region",hall=~"$hall"}) * 1000'
    since = 'max by (hall) (hallpulse:hall_silence:seconds{region="$region",hall=~"$hall"})'
    key = TableColumn(
        panels.say("大厅", "Hall"), 'max by (hall) (hallpulse_hall_info{region="$region",hall=~"$hall"})', "hall"
    )
    columns = [
        TableColumn(panels.say("最近上报", "Last event"), last, unit="dateTimeFromNow"),
        TableColumn(panels.say("静默", "Silent for"), since, unit="s", decimals=0),
    ]
    return table_of(panels, panels.say("大厅是否在上报", "Are halls sending?"), key, columns, span=10, height=12)


def _history(panels: Panels) -> AnyPanel:
    asks = [
        PanelQuery(
            f"sum(last_over_time({_open(state)}[1d]))",
            case_word(panels, state),
            chr(65 + n),
            range=True,
        )
        for n, state in enumerate(("due_soon", "overdue", "unaccepted_late", "suspended"))
    ]
    return panels.lines(panels.say("临期与超期走势", "Due and overdue over time"), asks, "none", span=24)
