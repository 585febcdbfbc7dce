"""The suite's own health: lag, batches, refusals, queues, how old the figures are."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board

from hallpulse.domain.plan import Plan
from services.boards.board.frame import frame
from services.boards.board.look import AnyPanel, Ask, Look, row
from services.boards.board.refusals import stopped
from services.boards.board.shared import covered
from services.boards.board.status import yes_no
from services.boards.intervals import Links

SPAN = "[$__rate_interval]"


def health(look: Look, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = covered(look, frame(look, "health", plans, links))
    age = Ask("max(time() - hallpulse_snapshot_timestamp_seconds)")
    made = made.with_panel(look.stat(look.say("指标更新于", "Figures read"), age, "s", decimals=0))
    lag = Ask("max(hallpulse_ingest_lag_seconds)")
    made = made.with_panel(look.stat(look.say("入库滞后", "Ingest lag"), lag, "s", decimals=1))
    waiting = Ask('sum(rabbitmq_detailed_queue_messages_ready{queue=~"hall.ingest.*"})')
    made = made.with_panel(look.stat(look.say("排队事件", "Waiting"), waiting, "none"))
    made = made.with_panel(stopped(look))
    for panel in _services(look):
        made = made.with_panel(panel)
    made = made.with_row(row(look.say("入库", "Ingest")))
    for panel in (*_ingest(look), *_outside(look)):
        made = made.with_panel(panel)
    return made


def _services(look: Look) -> list[AnyPanel]:
    up = look.stat(look.say("服务", "Services"), Ask("min by (job) (up)", "{{job}}"), "none", span=14)
    mappings = yes_no(look, ("✔ 运行", "✔ up", "green"), ("✖ 停止", "✖ down", "red"))
    version = look.named(
        look.say("版本", "Version"), Ask("max by (version) (hallpulse_build_info)", "{{version}}"), span=6
    )
    return [up.mappings(mappings), version]


def _ingest(look: Look) -> list[AnyPanel]:
    seconds = "histogram_quantile(0.95, sum by (le) (rate(hallpulse_ingest_batch_seconds_bucket[1h])))"
    size = "sum(rate(hallpulse_ingest_batch_events_sum[1h])) / sum(rate(hallpulse_ingest_batch_events_count[1h]))"
    seen = look.say("秒", "seconds")
    counted = {
        look.say("入库", "stored"): f"sum(rate(hallpulse_events_total{SPAN}))",
        look.say("重复", "doubled"): f"sum(rate(hallpulse_events_duplicate_total{SPAN})) or vector(0)",
        look.say("拒收", "refused"): f"sum(rate(hallpulse_events_refused_total{SPAN})) or vector(0)",
    }
    flow = [Ask(expr, name, chr(65 + n), range=True) for n, (name, expr) in enumerate(counted.items())]
    return [
        look.lines(look.say("每秒事件", "Events a second"), flow),
        look.lines(
            look.say("批次(近一小时)", "Batches of the last hour"),
            [
                Ask(f"{seconds} >= 0", look.say("耗时 95 分位(秒)", "95th percentile of seconds"), "A", range=True),
                Ask(f"{size} >= 0", look.say("每批事件数", "events a batch"), "B", range=True),
            ],
        ),
        look.lines(
            look.say("滞后", "Lag"),
            [Ask("max(hallpulse_ingest_lag_seconds)", seen, range=True)],
            "s",
        ),
        look.lines(
            look.say("读取指标用时", "Reading the figures"),
            [Ask("max(hallpulse_refresh_seconds)", seen, range=True)],
            "s",
        ),
    ]


def _outside(look: Look) -> list[AnyPanel]:
    """The broker's own exporter, and what was passed on to people."""
    ready = 'sum by (queue) (rabbitmq_detailed_queue_messages_ready{queue=~"hall.*"})'
    notices = "sum(hallpulse_notices_total)"
    return [
        look.lines(look.say("队列深度", "Queue depth"), [Ask(ready, "{{queue}}", range=True)]),
        look.lines(look.say("已发出的通知", "Notices told"), [Ask(notices, look.say("通知", "notices"), range=True)]),
    ]
