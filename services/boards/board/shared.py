"""Panels and expressions common to several boards."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.stat import Panel

from hallpulse.domain.indicators import COMPUTED
from services.boards.board.panels import PanelQuery, Panels, query_of
from services.boards.board.status import yes_no

REGION = '{region="$region"}'
HALLS = '{region="$region",hall=~"$hall|other"}'
CASES_BEHIND = (
    "${gateway}/v1/cases?region=${region}&indicator=${__data.fields.%s}&part=%s"
    "&from=${__from:date:YYYY-MM-DD}&to=${__to:date:YYYY-MM-DD}"
)


def case_indicators() -> str:
    """Return a regular expression that matches the indicators that are sums over days."""
    return "|".join(i.id for i in COMPUTED.values() if i.kind == "case")


def covered(panels: Panels, made: board.Dashboard) -> board.Dashboard:
    """Add the panels that stand on every board: coverage, age of the figures and state of the calendar."""
    for panel in (_coverage(panels), _freshness(panels), _calendar(panels)):
        made = made.with_panel(panel)
    return made


def _coverage(panels: Panels) -> Panel:
    asks = (
        PanelQuery(f"hallpulse_coverage_reporting{REGION}", panels.say("已上报大厅", "reporting"), "A"),
        PanelQuery(f"hallpulse_coverage_halls{REGION}", panels.say("大厅总数", "halls"), "B"),
    )
    panel = panels.stat(panels.say("数据覆盖", "Coverage"), asks[0], "none", span=4)
    return panel.with_target(query_of(asks[1]))


def _freshness(panels: Panels) -> Panel:
    ask = PanelQuery(f"hallpulse_newest_event_timestamp_seconds{REGION} * 1000", panels.say("最新事件", "newest event"))
    return panels.stat(panels.say("数据时效", "Freshness"), ask, "dateTimeFromNow", span=4)


def _calendar(panels: Panels) -> Panel:
    ask = PanelQuery(f"hallpulse_provisional{REGION}", panels.say("工作日历", "calendar"))
    final = ("✔ 正式日历", "✔ official calendar", "green")
    provisional = ("▲ 暂定日历", "▲ provisional calendar", "orange")
    panel = panels.stat(panels.say("工作日历", "Calendar"), ask, "none", span=4)
    return panel.mappings(yes_no(panels, provisional, final))


def scaled(expr: str, share: str) -> str:
    """Return the expression, multiplied by 100 if the figure is a share.

    share: a selector that finds a series only if the figure is a share.
    """
    return f"({expr}) * scalar(1 + 99 * (count(last_over_time({share}[1d] @ end())) or vector(0)))"


def over_window(amount: str, labels: str) -> str:
    """Return how much a sum over the plan's period increased during the board's window.

    There is no value if the sum at the window's beginning is unknown, unless the plan's period began in the window.
    """
    now = f"last_over_time({amount}{labels}[1d])"
    before = f"last_over_time({amount}{labels}[1d] offset $__range)"
    start = f"max by (region) (last_over_time(hallpulse_plan_start_timestamp_seconds{REGION}[1d]))"
    began = f"({start} >= time() - $__range_s - 3600)"
    return f"(({now} - {before} >= 0) or ({now} and on (region) {began}))"
