"""Alerts that hold with any plan: halls that say nothing, refusals, figures that grow old, the suite itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from hallpulse.domain.plan import Plan
from services.boards.intervals import Intervals, Links, duration
from services.boards.promql import literal, number, select
from services.boards.rules.rule import Alert, Record

SILENCE = "hallpulse:hall_silence:seconds"
REFUSED = "hallpulse:events_refused:share"
HALL_REFUSED = "hallpulse:hall_events_refused:share"
OPEN_CASES = "hallpulse:cases_open:sum"
EVENTS = '{__name__=~"hallpulse_events_(duplicate_|refused_)?total"}'
REGION = "{{ $labels.region }}"
EPOCH, SHIFT = date(1970, 1, 1).toordinal(), 8 * 3_600
HALL = "{{ $labels.region }} 的大厅 {{ $labels.hall }}"


def suite_records(intervals: Intervals) -> list[Record]:
    span = duration(intervals.refused_over)
    every = f"sum by (region) (increase({EVENTS}[{span}]))"
    refused = f"sum by (region) (increase(hallpulse_events_refused_total[{span}]))"
    return [
        Record(SILENCE, "time() - hallpulse_hall_last_event_timestamp_seconds"),
        Record(OPEN_CASES, "sum by (region, state) (hallpulse_cases_open)"),
        Record(REFUSED, f"{refused} / ({every} >= {intervals.refused_events})"),
        Record(HALL_REFUSED, _hall_refused(intervals)),
    ]


def _hall_refused(intervals: Intervals) -> str:
    """Of registered halls: what others send under any name is nobody's to mend."""
    within = f'{{hall!="other"}}[{duration(intervals.hall_refused_over)}]'
    refused, stored, again = (
        f"sum by (region, hall) (increase(hallpulse_{name}_total{within}))"
        for name in ("hall_events_refused", "events", "events_duplicate")
    )
    # A hall of which nothing was ever stored has no series of what was.
    every = f"({refused} + ({stored} or {refused} * 0) + ({again} or {refused} * 0))"
    return f"{refused} / ({every} >= {intervals.refused_events})"


def hall_alerts(intervals: Intervals, links: Links) -> list[Alert]:
    silent = f"{SILENCE} > {number(intervals.silence.total_seconds())}{_while_open(intervals)}"
    never = "hallpulse_hall_info unless on (region, hall) hallpulse_hall_last_event_timestamp_seconds"
    tell = _Teller(
        "bureau", f"{links.grafana}/d/hallpulse-quality/?var-region={REGION}&var-hall={{{{ $labels.hall }}}}"
    )
    refused = f"{HALL_REFUSED} > {number(intervals.hall_refused_share)}"
    share = f"{HALL}近期上报有 {{{{ $value | humanizePercentage }}}} 被拒收"
    return [
        replace(tell, lead="hall").alert("HallEventsRefused", refused, "warning", share),
        tell.alert("HallSilent", silent, "warning", f"{HALL}已 {{{{ $value | humanizeDuration }}}} 没有上报"),
        replace(tell.alert("HallNeverReported", never, "info", f"{HALL}登记后从未上报"), lasting=intervals.unmeasured),
    ]


def _while_open(intervals: Intervals) -> str:
    """Only on working days, and once the hall has been open for as long as it may be silent."""
    if intervals.opens is None or intervals.closes is None:
        return ""
    first = intervals.opens * 3600 + round(intervals.silence.total_seconds())
    of_day = "vector((time() + 28800) % 86400)"
    return f" and on (region) hallpulse_working_day == 1 and on () ({of_day} >= {first} < {intervals.closes * 3600})"


def data_alerts(intervals: Intervals, links: Links) -> list[Alert]:
    tell = _Teller("bureau", f"{links.grafana}/d/hallpulse-quality/?var-region={REGION}")
    refused = f"{REFUSED} > {number(intervals.refused_share)}"
    share = f"{REGION} 近期上报有 {{{{ $value | humanizePercentage }}}} 被拒收"
    provisional = f"{REGION} 本期有年份尚无官方放假安排,工作日按暂定日历计算"
    return [
        tell.alert("EventsRefused", refused, "warning", share),
        tell.alert("CalendarProvisional", "hallpulse_provisional == 1", "info", provisional),
    ]


def health_alerts(intervals: Intervals, links: Links) -> list[Alert]:
    tell = _Teller("operators", f"{links.grafana}/d/hallpulse-health/")
    stale, lag = number(intervals.stale.total_seconds()), number(intervals.lag.total_seconds())
    newest, waited = "hallpulse_snapshot_timestamp_seconds", "hallpulse_ingest_lag_seconds"
    waits = 'sum(rabbitmq_detailed_queue_messages_ready{queue=~"hall\\\\.ingest.*"}) > 0'
    stuck = f"{waits} and on () sum(rate({EVENTS}[{duration(intervals.refused_over)}])) == 0"
    old = f"max(time() - {newest}) > {stale} or absent({newest})"
    down = "{{ $labels.job }}({{ $labels.instance }})没有应答"
    stopped = 'max(rabbitmq_detailed_queue_messages_ready{queue="hall.stopped"}) > 0'
    halted = "入库已停止,等人处理:hallpulse status 说明原因"
    failing = "{{ $labels.part }}反复退出,仍在重试,间隔越来越长:hallpulse status 说明原因"
    drops = "消息代理对队列 {{ $labels.queue }} 设有投递次数上限({{ $value }} 次),多次退回的消息会被它移出队列"
    alerts = [
        tell.alert("FiguresStale", old, "critical", "指标已停止更新,板上的数字是旧的"),
        tell.alert("IngestLag", f"max({waited}) > {lag}", "warning", "入库滞后 {{ $value | humanizeDuration }}"),
        tell.alert("IngestStuck", stuck, "critical", "队列里有事件,却没有一条入库"),
        tell.alert("IngestAbsent", f"absent({waited})", "critical", "入库服务没有指标"),
        tell.alert("ServiceDown", "up == 0", "critical", down),
        tell.alert("BrokerMayDrop", "min by (queue) (hallpulse_ingest_delivery_limit) < +Inf", "critical", drops),
    ]
    return [
        tell.alert("IngestStopped", stopped, "critical", halted),
        tell.alert("PartFailing", "hallpulse_suite_part_failing == 1", "critical", failing),
        *(replace(alert, lasting=intervals.lag_for) for alert in alerts),
    ]


def plan_alert(plan: Plan, intervals: Intervals, links: Links) -> Alert:
    """A plan is in its period, but nothing is known of it: that is not silence, it is a fault."""
    start, end = midnights(plan)
    known = select("hallpulse_plan_info", region=plan.region, plan=plan.id)
    expr = f"absent({known}) and on () (vector(time()) >= {start} < {end})"
    words = f"{literal(plan.names.zh)}没有任何数据:指标服务未运行,或没有装入这个方案"
    alert = _Teller("operators", f"{links.grafana}/d/hallpulse-health/").alert(
        "PlanNotMeasured", expr, "critical", words
    )
    return replace(alert, lasting=intervals.lag_for)


def midnights(plan: Plan) -> tuple[int, int]:
    """In Asia/Shanghai, which has no summer time: before the period's first day and after its last."""
    first, last = (day.toordinal() - EPOCH for day in (plan.period.start, plan.period.end))
    return first * 86_400 - SHIFT, (last + 1) * 86_400 - SHIFT


@dataclass(frozen=True, slots=True)
class _Teller:
    """Who is told, and which board shows it."""

    lead: str
    board: str

    def alert(self, name: str, expr: str, severity: str, words: str) -> Alert:
        annotations = {
            "summary": words,
            "description": f"{words}。",
            "value": "{{ $value }}",
            "board_url": self.board,
        }
        return Alert(name, expr, {"severity": severity, "lead": self.lead}, annotations)
