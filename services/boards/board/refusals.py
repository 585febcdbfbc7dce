"""What was refused: why, of whom, and how much of it still waits for somebody to look."""

from __future__ import annotations

from services.boards.board.look import AnyPanel, Ask, Look
from services.boards.board.shared import HALLS, REGION
from services.boards.board.status import yes_no
from services.boards.rules.suite import REFUSED


def refusals(look: Look) -> list[AnyPanel]:
    share = Ask(f"max({REFUSED}{REGION}) or vector(0)")
    kept = Ask('sum(rabbitmq_detailed_queue_messages_ready{queue="hall.refused"}) or vector(0)')
    return [
        look.stat(look.say("近期拒收率", "Share refused of late"), share, "percentunit", span=12, decimals=1),
        look.stat(look.say("待处理(hall.refused)", "Kept in hall.refused"), kept, "none", span=12),
        _by_reason(look),
        _by_hall(look),
    ]


def stopped(look: Look) -> AnyPanel:
    """Whether ingest stopped itself: its own metrics are gone then, the queue that says why is not."""
    ask = Ask('max(rabbitmq_detailed_queue_messages_ready{queue="hall.stopped"}) or vector(0)')
    panel = look.stat(look.say("拒收上限", "Refusal limit"), ask, "none", span=4)
    halted = ("✖ 已停止入库", "✖ ingest stopped", "red")
    return panel.mappings(yes_no(look, halted, ("✔ 正常", "✔ not reached", "green")))


def _by_reason(look: Look) -> AnyPanel:
    counted = 'sum by (reason) (hallpulse_events_refused_total{region=~"$region|other"})'
    none = 'label_replace(vector(0), "reason", "-", "", "")'
    ask = Ask(f"sort_desc({counted} or {none})", "{{reason}}")
    return look.bars(look.say("拒收原因", "Why events were refused"), ask, "none")


def _by_hall(look: Look) -> AnyPanel:
    """Registered halls stand at nought; what others send under any name is "other"."""
    rate = f"sum by (hall) (rate(hallpulse_hall_events_refused_total{HALLS}[$__rate_interval])) * 60"
    title = look.say("各大厅每分钟被拒收的事件", "Events refused a minute, by hall")
    return look.lines(title, [Ask(rate, "{{hall}}", range=True)])
