"""Parts that every board has: a link to the other language, links to calendar windows, variables, a permanent uid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.plan import Plan
from services.boards.board.panels import DATA_SOURCE, Panels
from services.boards.intervals import Links
from services.boards.rules.suite import midnights

TITLES = {
    "overview": ("总览", "Overview"),
    "target": ("指标详情", "Target in depth"),
    "departments": ("部门比较", "Departments"),
    "halls": ("大厅实况", "Halls live"),
    "quality": ("上报质量", "Data quality"),
    "health": ("系统运行", "Suite health"),
}
TAG = "hallpulse"
Window = tuple[str, str, str, str]
WINDOWS: Sequence[Window] = (
    ("本月", "This month", "now/M", "now"),
    ("上月", "Last month", "now-1M/M", "now-1M/M"),
    ("本季度", "This quarter", "now/Q", "now"),
    ("上季度", "Last quarter", "now-1Q/Q", "now-1Q/Q"),
    ("本年", "This year", "now/y", "now"),
)
"""Calendar windows, not rolling ones, each as (zh, en, from, to)."""


def frame(panels: Panels, name: str, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    """Return a board that has its links and variables and no panels."""
    zh, en = TITLES[name]
    made = (
        board.Dashboard(f"Hallpulse · {panels.say(zh, en)}")
        .uid(panels.uid(name))
        .tags([TAG, panels.language])
        .timezone("Asia/Shanghai")
        .week_start("monday")
        .time("now/y", "now")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .editable()
    )
    for link in (*_boards(panels), _other_language(panels, name), *_windows(panels, name, plans)):
        made = made.link(link)
    return made.with_variable(_gateway(links)).with_variable(region(panels))


def _boards(panels: Panels) -> list[board.DashboardLink]:
    menu = board.DashboardLink(panels.say("看板", "Boards")).type(dashboard.DashboardLinkType.DASHBOARDS)
    return [menu.tags([TAG, panels.language]).as_dropdown(True).include_vars(True).keep_time(True)]


def _other_language(panels: Panels, name: str) -> board.DashboardLink:
    other = Panels("en" if panels.language == "zh" else "zh")
    return _link(panels.say("English", "中文"), f"/d/{other.uid(name)}/").keep_time(True)


def _windows(panels: Panels, name: str, plans: Sequence[Plan]) -> list[board.DashboardLink]:
    found = [
        _link(panels.say(zh, en), f"/d/{panels.uid(name)}/?from={start}&to={end}") for zh, en, start, end in WINDOWS
    ]
    for plan in plans:
        start, end = (moment * 1000 for moment in midnights(plan))
        title = panels.say(f"方案期 {plan.id}", f"Plan {plan.id}")
        found.append(_link(title, f"/d/{panels.uid(name)}/?from={start}&to={end - 1}"))
    return found


def _link(title: str, url: str) -> board.DashboardLink:
    return board.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url).include_vars(True)


def _gateway(links: Links) -> board.ConstantVariable:
    return board.ConstantVariable("gateway").value(links.gateway)


def region(panels: Panels) -> board.QueryVariable:
    return _labels("region", panels.say("地区", "Region"), "label_values(hallpulse_coverage_halls, region)")


def department(panels: Panels) -> board.QueryVariable:
    pattern = _named("department", panels)
    query = 'query_result(hallpulse_department_info{region="$region"})'
    return _all(_labels("department", panels.say("部门", "Department"), query).regex(pattern))


def hall(panels: Panels) -> board.QueryVariable:
    return _all(
        _labels("hall", panels.say("大厅", "Hall"), 'label_values(hallpulse_hall_info{region="$region"}, hall)')
    )


def target(panels: Panels) -> board.QueryVariable:
    query = 'query_result(hallpulse_target_info{region="$region"})'
    return _labels("target", panels.say("指标", "Target"), query).regex(_named("target", panels))


def indicator(panels: Panels) -> board.QueryVariable:
    query = (
        'query_result(hallpulse_indicator_info{region="$region"} and on (region, indicator)'
        ' group by (region, indicator) (hallpulse_department_indicator_ratio{region="$region"}))'
    )
    return _labels("indicator", panels.say("指标", "Indicator"), query).regex(_named("indicator", panels))


def _named(label: str, panels: Panels) -> str:
    """Return the regular expression for a variable that shows a name and holds an id.

    Prometheus lists labels in alphabetical order, so the two groups are sorted.
    """
    shown, taken = f'{panels.name}="(?<text>[^"]+)"', f'{label}="(?<value>[^"]+)"'
    first, second = sorted((shown, taken))
    return f"/{first}.*{second}/"


def _labels(name: str, label: str, query: str) -> board.QueryVariable:
    return (
        board.QueryVariable(name)
        .label(label)
        .datasource(DATA_SOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _all(variable: board.QueryVariable) -> board.QueryVariable:
    everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".*").current(everything)


def month_starts(plan: Plan) -> list[tuple[str, int, int]]:
    """Return every month of the plan's period as (2026-03, its first midnight, the next month's first midnight).

    Midnights are those of Asia/Shanghai, in seconds since 1970-01-01 UTC.
    """
    found, (year, month) = [], (plan.period.start.year, plan.period.start.month)
    while (year, month) <= (plan.period.end.year, plan.period.end.month):
        following = (year + month // 12, month % 12 + 1)
        found.append((f"{year}-{month:02}", _midnight(year, month), _midnight(*following)))
        year, month = following
    return found


def _midnight(year: int, month: int) -> int:
    return round(datetime(year, month, 1, tzinfo=UTC).timestamp()) - 8 * 3_600
