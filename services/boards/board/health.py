"""The board of the suite's health: lag, batches, refusals, queues, age of the figures."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as board

from hallpulse.domain.plan import Plan
from services.boards.board.frame import frame
from services.boards.board.panels import AnyPanel, PanelQuery, Panels, row
from services.boards.board.refusals import stopped
from services.boards.board.shared import covered
from services.boards.board.status import yes_no
from services.boards.intervals import Links

SPAN = "[$__rate_interval]"


def health(panels: Panels, plans: Sequence[Plan], links: Links) -> board.Dashboard:
    made = covered(panels, frame(panels, "health", plans, links))
    age = PanelQuery("max(time() - hallpulse_snapshot_timestamp_seconds)")
    made = made.with_panel(panels.stat(panels.say("指标更新于", "Figures read"), age, "s", decimals=0))
    lag = PanelQuery("max(hallpulse_ingest_lag_seconds)")
    made = made.with_panel(panels.stat(panels.say("入库滞后", "Ingest lag"), lag, "s", decimals=1))
    waiting = PanelQuery('sum(rabbitmq_detailed_queue_messages_ready{queue=~"hall.ingest.*"})')
    made = made.with_panel(panels.stat(panels.say("排队事件", "Waiting"), waiting, "none"))
    made = made.with_panel(stopped(panels))
    for panel in _services(panels):
        made = made.with_panel(panel)
    made = made.with_row(row(panels.say("入库", "Ingest")))
    for panel in (*_ingest(panels), *_outside(panels)):
        made = made.with_panel(panel)
    return made


def _services(panels: Panels) -> list[AnyPanel]:
    up = panels.stat(panels.say("服务", "Services"), PanelQuery("min by (job) (up)", "{{job}}"), "none", span=14)
    mappings = yes_no(panels, ("✔ 运行", "✔ up", "green"), ("✖ 停止", "✖ down", "red"))
    version = panels.named(
        panels.say("版本", "Version"), PanelQuery("max by (version) (hallpulse_build_info)", "{{version}}"), span=6
    )
    return [up.mappings(mappings), version]


def _ingest(panels: Panels) -> list[AnyPanel]:
    seconds = "histogram_quantile(0.95, sum by (le) (rate(hallpulse_ingest_batch_seconds_bucket[1h])))"
    size = "sum(rate(hallpulse_ingest_batch_events_sum[1h])) / sum(rate(hallpulse_ingest_batch_events_count[1h]))"
    seen = panels.say("秒", "seconds")
    counted = {
        panels.say("入库", "stored"): f"sum(rate(hallpulse_events_total{SPAN}))",
        panels.say("重复", "doubled"): f"sum(rate(hallpulse_events_duplicate_total{SPAN})) or vector(0)",
        panels.say("拒收", "refused"): f"sum(rate(hallpulse_events_refused_total{SPAN})) or vector(0)",
    }
    flow = [PanelQuery(expr, name, chr(65 + n), range=True) for n, (name, expr) in enumerate(counted.items())]
    return [
        panels.lines(panels.say("每秒事件", "Events a second"), flow),
        panels.lines(
            panels.say("批次（近一小时）", "Batches of the last hour"),
            [
                PanelQuery(
                    f"{seconds} >= 0", panels.say("耗时 95 分位（秒）", "95th percentile of seconds"), "A", range=True
                ),
                PanelQuery(f"{size} >= 0", panels.say("每批事件数", "events a batch"), "B", range=True),
            ],
        ),
        panels.lines(
            panels.say("滞后", "Lag"),
            [PanelQuery("max(hallpulse_ingest_lag_seconds)", seen, range=True)],
            "s",
        ),
        panels.lines(
            panels.say("读取指标用时", "Reading the figures"),
            [PanelQuery("max(hallpulse_refresh_seconds)", seen, range=True)],
            "s",
        ),
    ]


def _outside(panels: Panels) -> list[AnyPanel]:
    """Return the panels of the queues' depths, from the broker's exporter, and of the notices sent."""
    ready = 'sum by (queue) (rabbitmq_detailed_queue_messages_ready{queue=~"hall.*"})'
    notices = "sum(hallpulse_notices_total)"
    return [
        panels.lines(panels.say("队列深度", "Queue depth"), [PanelQuery(ready, "{{queue}}", range=True)]),
        panels.lines(
            panels.say("已发出的通知", "Notices told"), [PanelQuery(notices, panels.say("通知", "notices"), range=True)]
        ),
    ]
