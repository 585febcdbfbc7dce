"""Panels and expressions that several boards have."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders.stat import Panel

from hallpulse.domain.indicators import COMPUTED
from services.boards.board.look import Ask, Look, query_of
from services.boards.board.status import yes_no

REGION = '{region="$region"}'
HALLS = '{region="$region",hall=~"$hall|other"}'
CASES_BEHIND = (
    "${gateway}/v1/cases?region=${region}&indicator=${__data.fields.%s}&part=%s"
    "&from=${__from:date:YYYY-MM-DD}&to=${__to:date:YYYY-MM-DD}"
)


def case_indicators() -> str:
    """The indicators that are added up over days, as a regular expression."""
    return "|".join(i.id for i in COMPUTED.values() if i.kind == "case")


def covered(look: Look, made: board.Dashboard) -> board.Dashboard:
    """Beside every figure: which halls it speaks of, how fresh it is, whether the calendar is final."""
    for panel in (_coverage(look), _freshness(look), _calendar(look)):
        made = made.with_panel(panel)
    return made


def _coverage(look: Look) -> Panel:
    asks = (
        Ask(f"hallpulse_coverage_reporting{REGION}", look.say("已上报大厅", "reporting"), "A"),
        Ask(f"hallpulse_coverage_halls{REGION}", look.say("大厅总数", "halls"), "B"),
    )
    panel = look.stat(look.say("数据覆盖", "Coverage"), asks[0], "none", span=4)
    return panel.with_target(query_of(asks[1]))


def _freshness(look: Look) -> Panel:
    ask = Ask(f"hallpulse_newest_event_timestamp_seconds{REGION} * 1000", look.say("最新事件", "newest event"))
    return look.stat(look.say("数据时效", "Freshness"), ask, "dateTimeFromNow", span=4)


def _calendar(look: Look) -> Panel:
    ask = Ask(f"hallpulse_provisional{REGION}", look.say("工作日历", "calendar"))
    final = ("✔ 正式日历", "✔ official calendar", "green")
    provisional = ("▲ 暂定日历", "▲ provisional calendar", "orange")
    panel = look.stat(look.say("工作日历", "Calendar"), ask, "none", span=4)
    return panel.mappings(yes_no(look, provisional, final))


def scaled(expr: str, share: str) -> str:
    """In percent where `share` selects anything, which is where the unit is a share; otherwise as it is."""
    return f"({expr}) * scalar(1 + 99 * (count(last_over_time({share}[1d] @ end())) or vector(0)))"


def over_window(amount: str, labels: str) -> str:
    """What was added to a sum over the plan's period during the board's window.

    Nothing is known where the sum at the window's beginning is not, unless the plan's period began in the window.
    """
    now = f"last_over_time({amount}{labels}[1d])"
    before = f"last_over_time({amount}{labels}[1d] offset $__range)"
    start = f"max by (region) (last_over_time(hallpulse_plan_start_timestamp_seconds{REGION}[1d]))"
    began = f"({start} >= time() - $__range_s - 3600)"
    return f"(({now} - {before} >= 0) or ({now} and on (region) {began}))"
