"""What Alertmanager posts (webhook version 4), decoded once at the door."""

from __future__ import annotations

from collections.abc import Mapping
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


def notices_of(webhook: Webhook) -> list[Notice]:
    """A line of the ledger for each alert, as this receiver is told of it; a hall's is REGION.HALL."""
    return [_notice(_receiver(webhook.receiver, alert.labels), alert) for alert in webhook.alerts]


def _receiver(name: str, labels: Mapping[str, str]) -> str:
    region, hall = labels.get("region", ""), labels.get("hall", "")
    return f"{region}.{hall}" if name == HALLS and region and hall else name


def _notice(receiver: str, alert: WebhookAlert) -> Notice:
    labels = _clean(alert.labels)
    annotations = _clean(alert.annotations)
    region = labels.get("region", "")
    return Notice(
        region=int(region) if region.isascii() and region.isdigit() and len(region) == 6 else 0,
        fingerprint=alert.fingerprint.replace("\0", ""),
        started=alert.startsAt,
        receiver=receiver.replace("\0", ""),
        alert=labels.get("alertname", ""),
        severity=labels.get("severity", ""),
        summary=annotations.get("summary", labels.get("alertname", "")),
        labels=labels,
        annotations=annotations,
        ended=alert.endsAt if alert.status == "resolved" else None,
    )


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    """PostgreSQL's texts hold any character but NUL."""
    return {name.replace("\0", ""): text.replace("\0", "") for name, text in texts.items()}
