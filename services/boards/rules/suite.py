"""Alerts that do not depend on a plan's targets: silent halls, refusals, old figures, the suite's health."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.plan import Names, Plan
from services.boards.intervals import Intervals, Links, duration
from services.boards.promql import HALL_NAME, LASTED, PERCENT, REGION_NAME, literal, number, select
from services.boards.rules.rule import Alert, RecordingRule

SERIOUS = frozenset({
    "statutory_raised", "limits_changed_after", "eve_suspensions", "withdrawn_and_back", "decided_before_accepted",
    "ratings_in_a_burst", "uncounted_numbers",
})  # fmt: skip
"""Checks whose findings come from what a person did; these raise a warning."""
SILENCE = "hallpulse:hall_silence:seconds"
REFUSED = "hallpulse:events_refused:share"
HALL_REFUSED = "hallpulse:hall_events_refused:share"
OPEN_CASES = "hallpulse:cases_open:sum"
EVENTS = '{__name__=~"hallpulse_events_(duplicate_|refused_)?total"}'
REGION = "{{ $labels.region }}"
COUNT = '{{ $value | printf "%.0f" }}'
EPOCH, SHIFT = date(1970, 1, 1).toordinal(), 8 * 3_600
HALL = Names(f"{REGION_NAME.zh} {HALL_NAME.zh}", f"{REGION_NAME.en}, {HALL_NAME.en}")


def suite_records(intervals: Intervals) -> list[RecordingRule]:
    span = duration(intervals.refused_over)
    every = f"sum by (region) (increase({EVENTS}[{span}]))"
    refused = f"sum by (region) (increase(hallpulse_events_refused_total[{span}]))"
    return [
        RecordingRule(SILENCE, "time() - hallpulse_hall_last_event_timestamp_seconds"),
        RecordingRule(OPEN_CASES, "sum by (region, state) (hallpulse_cases_open)"),
        RecordingRule(REFUSED, f"{refused} / ({every} >= {intervals.refused_events})"),
        RecordingRule(HALL_REFUSED, _hall_refused(intervals)),
    ]


def _hall_refused(intervals: Intervals) -> str:
    """Return the share of refused events by registered hall; other senders have no owner whom a notice could reach."""
    within = f'{{hall!="other"}}[{duration(intervals.hall_refused_over)}]'
    refused, stored, again = (
        f"sum by (region, hall) (increase(hallpulse_{name}_total{within}))"
        for name in ("hall_events_refused", "events", "events_duplicate")
    )
    # A hall that never had an event stored has no series of stored events: it counts as 0.
    every = f"({refused} + ({stored} or {refused} * 0) + ({again} or {refused} * 0))"
    return f"{refused} / ({every} >= {intervals.refused_events})"


def hall_alerts(intervals: Intervals, links: Links) -> list[Alert]:
    silent = f"{SILENCE} > {number(intervals.silence.total_seconds())}{_while_open(intervals)}"
    never = "hallpulse_hall_info unless on (region, hall) hallpulse_hall_last_event_timestamp_seconds"
    writer = _AlertWriter(
        "bureau", f"{links.grafana}/d/hallpulse-quality/?var-region={REGION}&var-hall={{{{ $labels.hall }}}}"
    )
    refused = f"{HALL_REFUSED} > {number(intervals.hall_refused_share)}"
    share = Names(f"{HALL.zh}近期上报有 {PERCENT} 被拒收", f"{HALL.en}: {PERCENT} of what it sent recently is refused")
    lasted = Names(f"{HALL.zh}已 {LASTED.zh}没有上报", f"{HALL.en}: nothing for {LASTED.en}")
    unheard = Names(f"{HALL.zh}登记后从未上报", f"{HALL.en}: registered, and never sent anything")
    return [
        replace(writer, lead="hall").alert("HallEventsRefused", refused, "warning", share),
        writer.alert("HallSilent", silent, "warning", lasted),
        replace(writer.alert("HallNeverReported", never, "info", unheard), lasting=intervals.unmeasured),
    ]


def _while_open(intervals: Intervals) -> str:
    """Return the condition that halls are open on a working day, for at least as long as the permitted silence."""
    if intervals.opens is None or intervals.closes is None:
        return ""
    first = intervals.opens * 3600 + round(intervals.silence.total_seconds())
    of_day = "vector((time() + 28800) % 86400)"
    return f" and on (region) hallpulse_working_day == 1 and on () ({of_day} >= {first} < {intervals.closes * 3600})"


def data_alerts(intervals: Intervals, links: Links) -> list[Alert]:
    writer = _AlertWriter("bureau", f"{links.grafana}/d/hallpulse-quality/?var-region={REGION}")
    refused = f"{REFUSED} > {number(intervals.refused_share)}"
    here = REGION_NAME
    share = Names(f"{here.zh}近期上报有 {PERCENT} 被拒收", f"{here.en}: {PERCENT} of what was sent recently is refused")
    provisional = Names(
        f"{here.zh}本期有年份尚无官方放假安排，工作日按暂定日历计算",
        f"{here.en}: official holidays of a year are not published yet; working days are computed",
    )
    return [
        writer.alert("EventsRefused", refused, "warning", share),
        writer.alert("CalendarProvisional", "hallpulse_provisional == 1", "info", provisional),
    ]


def integrity_alerts(links: Links) -> list[Alert]:
    """Return one alert for each integrity check: a warning for the checks of SERIOUS, information for the others."""
    writer = _AlertWriter("bureau", f"{links.grafana}/d/hallpulse-quality/?var-region={REGION}")
    here = REGION_NAME
    return [
        _of_check(
            writer.alert(
                "IntegrityFindings",
                f"{select('hallpulse_integrity_findings', check=check.id)} > 0",
                "warning" if check.id in SERIOUS else "info",
                Names(
                    f"{here.zh}真实性检查：{literal(check.zh)}，{COUNT} 处",
                    f"{here.en}: {literal(check.en)}, {COUNT} found",
                ),
            ),
            f"{links.gateway}/v1/integrity?region={REGION}",
        )
        for check in CHECKS
    ]


def _of_check(alert: Alert, findings: str) -> Alert:
    return replace(alert, annotations={**alert.annotations, "cases_url": findings})


_STANDING = Names("指标已停止更新，板上的数字是旧的", "figures stand still: those on the boards are old")
_BEHIND = Names(f"入库滞后 {LASTED.zh}", f"storing is behind by {LASTED.en}")
_STUCK = Names("队列里有事件，却没有一条入库", "events wait in the queues, and none is stored")
_NO_METRICS = Names("入库服务没有指标", "the service that stores events shows no metrics")
_DOWN = Names(
    "{{ $labels.job }}（{{ $labels.instance }}）没有应答",
    "{{ $labels.job }} ({{ $labels.instance }}) does not answer",
)
_DROPS = Names(
    f"消息代理对队列 {{{{ $labels.queue }}}} 设有投递次数上限（{COUNT} 次），多次退回的消息会被它移出队列",
    f"the broker takes messages off queue {{{{ $labels.queue }}}} that are given back {COUNT} times",
)
_HALTED = Names(
    "入库已停止，等人处理：hallpulse status 说明原因",
    "storing is stopped and waits for a person: hallpulse status says why",
)
_FAILING = Names(
    "{{ $labels.part }} 反复退出，仍在重试，间隔越来越长：hallpulse status 说明原因",
    "{{ $labels.part }} keeps failing and is tried ever more seldom: hallpulse status says why",
)


def health_alerts(intervals: Intervals, links: Links) -> list[Alert]:
    alert = _AlertWriter("operators", f"{links.grafana}/d/hallpulse-health/").alert
    stale, lag = number(intervals.stale.total_seconds()), number(intervals.lag.total_seconds())
    newest, waited = "hallpulse_snapshot_timestamp_seconds", "hallpulse_ingest_lag_seconds"
    waits = 'sum(rabbitmq_detailed_queue_messages_ready{queue=~"hall\\\\.ingest.*"}) > 0'
    stuck = f"{waits} and on () sum(rate({EVENTS}[{duration(intervals.refused_over)}])) == 0"
    old = f"max(time() - {newest}) > {stale} or absent({newest})"
    stopped = 'max(rabbitmq_detailed_queue_messages_ready{queue="hall.stopped"}) > 0'
    lasting = [
        alert("FiguresStale", old, "critical", _STANDING),
        alert("IngestLag", f"max({waited}) > {lag}", "warning", _BEHIND),
        alert("IngestStuck", stuck, "critical", _STUCK),
        alert("IngestAbsent", f"absent({waited})", "critical", _NO_METRICS),
        alert("ServiceDown", "up == 0", "critical", _DOWN),
        alert("BrokerMayDrop", "min by (queue) (hallpulse_ingest_delivery_limit) < +Inf", "critical", _DROPS),
    ]
    return [
        alert("IngestStopped", stopped, "critical", _HALTED),
        alert("PartFailing", "hallpulse_suite_part_failing == 1", "critical", _FAILING),
        *(replace(one, lasting=intervals.lag_for) for one in lasting),
    ]


def plan_alert(plan: Plan, intervals: Intervals, links: Links) -> Alert:
    """Return the alert for a plan that has no figures in its period, which can only be a fault."""
    start, end = midnights(plan)
    known = select("hallpulse_plan_info", region=plan.region, plan=plan.id)
    expr = f"absent({known}) and on () (vector(time()) >= {start} < {end})"
    words = Names(
        f"{literal(plan.names.zh)}没有任何数据：指标服务未运行，或没有装入这个方案",
        f"{literal(plan.names.en)}: no data at all: `targets` does not run, or has not this plan",
    )
    alert = _AlertWriter("operators", f"{links.grafana}/d/hallpulse-health/").alert(
        "PlanNotMeasured", expr, "critical", words
    )
    return replace(alert, lasting=intervals.lag_for)


def midnights(plan: Plan) -> tuple[int, int]:
    """Return the midnights at which the plan's period begins and ends, in seconds since 1970-01-01 UTC.

    They are those of Asia/Shanghai, which has no summer time.
    """
    first, last = (day.toordinal() - EPOCH for day in (plan.period.start, plan.period.end))
    return first * 86_400 - SHIFT, (last + 1) * 86_400 - SHIFT


@dataclass(frozen=True, slots=True)
class _AlertWriter:
    """Makes alerts that share a recipient and a linked board. lead: the recipient; board: the board's address."""

    lead: str
    board: str

    def alert(self, name: str, expr: str, severity: str, words: Names) -> Alert:
        annotations = {
            "summary": words.zh,
            "summary_en": words.en,
            "value": '{{ $value | printf "%.6g" }}',
            "board_url": self.board,
        }
        return Alert(name, expr, {"severity": severity, "lead": self.lead}, annotations)
