"""What Alertmanager posts (webhook version 4), decoded once at the door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

import msgspec

from hallpulse.store.notices import Notice

MAX_BYTES = 4 << 20
MAX_ALERTS = 10_000
HALLS = "halls"
"""Alertmanager's receiver of what concerns a hall's owner."""


class BadNotice(Exception):
    """Not a notice of Alertmanager; the message says what was expected."""


class WebhookAlert(msgspec.Struct, frozen=True):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: datetime  # noqa: N815
    endsAt: datetime  # noqa: N815
    fingerprint: str


class Webhook(msgspec.Struct, frozen=True):
    """One notification: alerts of one group, for one receiver."""

    version: Literal["4"]
    receiver: str
    status: Literal["firing", "resolved"]
    alerts: list[WebhookAlert]


_DECODER = msgspec.json.Decoder(Webhook)


def decode(body: bytes) -> Webhook:
    """Raises BadNotice."""
    if len(body) > MAX_BYTES:
        raise BadNotice(f"expected at most {MAX_BYTES} bytes, got {len(body)}")
    try:
        webhook = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadNotice(f"expected a notification of Alertmanager, version 4: {error}") from None
    if len(webhook.alerts) > MAX_ALERTS:
        raise BadNotice(f"expected at most {MAX_ALERTS} alerts, got {len(webhook.alerts)}")
    if any(alert.startsAt.tzinfo is None or alert.endsAt.tzinfo is None for alert in webhook.alerts):
        raise BadNotice("expected startsAt and endsAt with an offset")
    return webhook


def notices_of(webhook: Webhook, is_ours: Callable[[WebhookAlert], bool] = lambda _: True) -> list[Notice]:
    """A line of the ledger for each alert, as this receiver is told of it; a hall's is REGION.HALL."""
    return [
        replace(_notice(_receiver(webhook.receiver, alert.labels), alert), ours=is_ours(alert))
        for alert in webhook.alerts
    ]


def _receiver(name: str, labels: Mapping[str, str]) -> str:
    region, hall = labels.get("region", ""), labels.get("hall", "")
    return f"{region}.{hall}" if name == HALLS and region and hall else name


def _notice(receiver: str, alert: WebhookAlert) -> Notice:
    labels = _clean(alert.labels)
    annotations = _clean(alert.annotations)
    region = labels.get("region", "")
    return Notice(
        region=int(region) if region.isascii() and region.isdigit() and len(region) == 6 else 0,
        fingerprint=plain(alert.fingerprint),
        started=alert.startsAt,
        receiver=plain(receiver),
        alert=labels.get("alertname", ""),
        severity=labels.get("severity", ""),
        summary=annotations.get("summary", labels.get("alertname", "")),
        labels=labels,
        annotations=annotations,
        ended=alert.endsAt if alert.status == "resolved" else None,
    )


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(text) for name, text in texts.items()}


def plain(text: str) -> str:
    """A text as a ledger, a terminal and a robot's group can show it: without what steers them.

    Line ends and tabs become blanks; other control characters, and those that turn the direction of writing, go.
    """
    return text.translate(_STEERING)


_TURNS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_BLANKS = (*b"\t\n\v\f\r", 0x85, 0x2028, 0x2029)
_STEERING = dict.fromkeys((*_CONTROLS, *_TURNS), "") | dict.fromkeys(_BLANKS, " ")
