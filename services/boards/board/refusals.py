"""Panels of refused events: reasons, senders, and the number that still waits for a person."""

from __future__ import annotations

from services.boards.board.panels import AnyPanel, PanelQuery, Panels
from services.boards.board.shared import HALLS, REGION
from services.boards.board.status import yes_no
from services.boards.rules.suite import REFUSED


def refusals(panels: Panels) -> list[AnyPanel]:
    share = PanelQuery(f"max({REFUSED}{REGION}) or vector(0)")
    kept = PanelQuery('sum(rabbitmq_detailed_queue_messages_ready{queue="hall.refused"}) or vector(0)')
    return [
        panels.stat(panels.say("近期拒收率", "Recent share refused"), share, "percentunit", span=12, decimals=1),
        panels.stat(panels.say("待处理（hall.refused）", "Kept in hall.refused"), kept, "none", span=12),
        _by_reason(panels),
        _by_hall(panels),
    ]


def stopped(panels: Panels) -> AnyPanel:
    """Return the panel that shows whether ingest has stopped at the refusal limit.

    It reads the queue that holds the reason, because a stopped ingest has no metrics.
    """
    ask = PanelQuery('max(rabbitmq_detailed_queue_messages_ready{queue="hall.stopped"}) or vector(0)')
    panel = panels.stat(panels.say("拒收上限", "Refusal limit"), ask, "none", span=4)
    halted = ("✖ 已停止入库", "✖ ingest stopped", "red")
    return panel.mappings(yes_no(panels, halted, ("✔ 正常", "✔ not reached", "green")))


def _by_reason(panels: Panels) -> AnyPanel:
    counted = 'sum by (reason) (hallpulse_events_refused_total{region=~"$region|other"})'
    none = 'label_replace(vector(0), "reason", "-", "", "")'
    ask = PanelQuery(f"sort_desc({counted} or {none})", "{{reason}}")
    return panels.bars(panels.say("拒收原因", "Why events were refused"), ask, "none")


def _by_hall(panels: Panels) -> AnyPanel:
    """Return the panel of refused events a minute by hall; all unregistered senders count as "other"."""
    rate = f"sum by (hall) (rate(hallpulse_hall_events_refused_total{HALLS}[$__rate_interval])) * 60"
    title = panels.say("各大厅每分钟被拒收的事件", "Events refused a minute, by hall")
    return panels.lines(title, [PanelQuery(rate, "{{hall}}", range=True)])
