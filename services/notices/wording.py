"""From a notification to a text that a person reads: what is wrong, since when, where to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from hallpulse.store.notices import Message, Notice

from .channels import Channels

SHANGHAI = timezone(timedelta(hours=8))
SIGNS = {"critical": "✖ 严重", "warning": "▲ 警告", "info": "● 提示"}
RESOLVED = "✔ 已恢复"
MOST_SHOWN = 20


def messages_of(receiver: str, notices: Sequence[Notice], channels: Channels) -> list[Message]:
    """The notification once for each address of its receiver."""
    addresses, title, body = channels.of(receiver), title_of(notices), body_of(notices)
    counts = {"email": len(addresses.email), "wecom": len(addresses.wecom), "dingtalk": len(addresses.dingtalk)}
    return [
        Message(receiver, channel, place, title, body) for channel, count in counts.items() for place in range(count)
    ]


def title_of(notices: Sequence[Notice]) -> str:
    firing = [notice for notice in notices if notice.ended is None]
    first = firing[0] if firing else notices[0]
    sign = SIGNS.get(first.severity, first.severity) if firing else RESOLVED
    more = f" 等 {len(firing or notices)} 条" if len(firing or notices) > 1 else ""
    return f"{sign} {first.summary}{more}"


def body_of(notices: Sequence[Notice]) -> str:
    """Markdown, which reads well as plain text too."""
    shown = [_paragraph(notice) for notice in notices[:MOST_SHOWN]]
    if len(notices) > MOST_SHOWN:
        shown.append(f"……另有 {len(notices) - MOST_SHOWN} 条")
    return "\n\n".join(shown)


def _paragraph(notice: Notice) -> str:
    sign = RESOLVED if notice.ended else SIGNS.get(notice.severity, notice.severity)
    lines = [
        f"**{sign}** {notice.summary}",
        notice.annotations.get("description", ""),
        f"起始:{_local(notice.started)}",
    ]
    if notice.ended:
        lines.append(f"恢复:{_local(notice.ended)}")
    for name, words in (("cases_url", "相关办件"), ("board_url", "看板"), ("runbook_url", "处置办法")):
        if notice.annotations.get(name):
            lines.append(f"{words}:{notice.annotations[name]}")
    return "\n".join(line for line in lines if line)


def _local(time: datetime) -> str:
    return time.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
