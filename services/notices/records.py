"""The records of notices: who is notified of what and in which words; also the breaches that targets announced."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from prometheus_client import CollectorRegistry, Counter

from hallpulse.domain.workdays import SHANGHAI
from hallpulse.metrics import add_build_info
from hallpulse.store.notices import AlertKey, Notice, NoticeLedger, NoticeLine, NoticeMessage, NoticeNote, State, key_of
from services.notices.channels import Channels
from services.notices.webhook import RuleBook, WebhookAlert, decode, notices_of, plain

EVENTS_RECEIVER = "targets"
"""The receiver's name for breaches and recoveries that targets announces. They are only in the ledger, not sent."""


class BadEvent(Exception):
    """The payload is not an event of targets; the message says what was expected."""


class TargetTurned(msgspec.Struct, frozen=True):
    """A breach or recovery that targets announced. id: of the target; at: when the figures were read."""

    region: int
    plan: str
    id: str
    indicator: str
    state: str
    at: datetime
    department: str | None = None
    value: float | None = None
    goal: float | None = None
    gap: float | None = None


class NoticeMetrics:
    """Metrics of the notices service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = Counter("hallpulse_notices_total", "Notices written to the ledger.", (), registry=registry)
        self._foreign = Counter(
            "hallpulse_notices_foreign_total", "Of these, alerts that no rule of this suite made.", (),
            registry=registry,
        )  # fmt: skip
        self._messages = Counter(
            "hallpulse_notice_messages_total", "Attempts to pass a notice on: sent, failed (tried again), given_up.",
            ("channel", "outcome"), registry=registry,
        )  # fmt: skip
        add_build_info(registry)

    def received(self, count: int, foreign: int = 0) -> None:
        self._received.inc(count)
        self._foreign.inc(foreign)

    def passed_on(self, channel: str, outcome: str) -> None:
        self._messages.labels(channel, outcome).inc()


class NoticeRecords:
    """Writes notices and their messages to the ledger. Every method raises Unavailable without a database.

    rules: the suite's alerting rules, which tell foreign alerts; without them every alert counts as ours; page: the
    address of the suite's page, with which links in messages begin.
    """

    def __init__(
        self,
        ledger: NoticeLedger,
        channels: Channels,
        clock: Callable[[], datetime],
        metrics: NoticeMetrics,
        rules: RuleBook | None = None,
        *,
        page: str = "",
    ) -> None:
        self._ledger, self._channels, self._clock, self._metrics = ledger, channels, clock, metrics
        self._rules, self._page = rules, page.rstrip("/")

    def take(self, body: bytes) -> int:
        """Record a notification of Alertmanager and return the number of its notices. Raises BadNotice."""
        webhook = decode(body)
        notices = self._judged(notices_of(webhook, self._rules.can_have_made if self._rules else _is_ours))
        if notices:
            ours = [notice for notice in notices if notice.ours]
            self._ledger.record(notices, self._messages(ours), self._clock())
            self._metrics.received(len(notices), foreign=len(notices) - len(ours))
        return len(notices)

    def _judged(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Return the notices, with a foreign alert as ours if it is over and people were told that it fired.

        Such an alert comes from a rule that has been removed since; people must also be told that it is over.
        """
        over = [notice for notice in notices if not notice.ours and notice.ended is not None]
        known = self._ledger.told_as_ours(over) if over else set()
        return [replace(notice, ours=notice.ours or key_of(notice) in known) for notice in notices]

    def _messages(self, notices: Sequence[Notice]) -> Sequence[NoticeMessage]:
        """Return the messages: each receiver gets one text about all its notices."""
        receivers = dict.fromkeys(notice.receiver for notice in notices)
        told = {name: [notice for notice in notices if notice.receiver == name] for name in receivers}
        return [message for name, own in told.items() for message in messages_of(name, own, self._channels, self._page)]

    def list(self, region: int | None, state: State | None, limit: int) -> dict[str, Any]:
        entries = self._ledger.list(region, state, limit)
        return {"notices": [entry_answer(entry) for entry in entries]}

    def acknowledge(self, region: int, fingerprint: str, by: str) -> int:
        return self._ledger.acknowledge(region, fingerprint, by, self._clock())

    def note(self, region: int, fingerprint: str, text: str, by: str) -> None:
        """Keep a person's note on an alert."""
        self._ledger.note(AlertKey(region, fingerprint), NoticeNote(self._clock(), by, text))

    def record_event(self, kind: str, payload: object) -> None:
        """Write a breach or recovery to the ledger, only once if it is delivered again. Raises BadEvent.

        The line is resolved from the start: only Alertmanager's lines are open, and its alert on the same target
        reaches people.
        """
        try:
            turned = msgspec.convert(payload, TargetTurned)
        except msgspec.ValidationError as error:
            raise BadEvent(f"expected an event of targets: {error}") from None
        self._ledger.record([_notice_of(kind, turned)], [], self._clock())


def _notice_of(kind: str, turned: TargetTurned) -> Notice:
    name = (str(turned.region), turned.plan, turned.id, turned.department or "", kind)
    labels = {"plan": turned.plan, "target": turned.id, "indicator": turned.indicator, "state": turned.state}
    amounts = {"value": turned.value, "goal": turned.goal, "gap": turned.gap}
    return Notice(
        region=turned.region,
        fingerprint=hashlib.sha256("\0".join(name).encode()).hexdigest()[:16],
        started=turned.at,
        receiver=EVENTS_RECEIVER,
        alert=kind,
        severity="info",
        summary=f"{turned.id}: {kind}",
        labels=labels | ({"department": turned.department} if turned.department else {}),
        annotations={name: f"{amount:.6g}" for name, amount in amounts.items() if amount is not None},
        ended=turned.at,
    )


def _is_ours(_: WebhookAlert) -> bool:
    return True


def entry_answer(entry: NoticeLine) -> dict[str, Any]:
    """Return a line of the ledger as JSON values.

    foreign: no rule of this suite made the alert. Texts are cleaned, because lines of an earlier version may hold
    characters that are no longer stored.
    """
    notice = entry.notice
    annotations = _plain(notice.annotations)
    return {
        "region": notice.region,
        "receiver": plain(notice.receiver),
        "alert": plain(notice.alert),
        "severity": plain(notice.severity),
        "summary": plain(notice.summary),
        "value": annotations.get("value"),
        "goal": annotations.get("goal"),
        "gap": annotations.get("gap"),
        "labels": _plain(notice.labels),
        "annotations": annotations,
        "fingerprint": notice.fingerprint,
        "started": _time(notice.started),
        "told": _time(entry.told),
        "last_told": _time(entry.last_told),
        "times": entry.times,
        "acknowledged": _time(entry.acknowledged),
        "acknowledged_by": plain(entry.acknowledged_by) if entry.acknowledged_by else None,
        "resolved": _time(notice.ended),
        "foreign": not notice.ours,
    }


def _plain(texts: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(text) for name, text in texts.items()}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


SIGNS = {"critical": "✖ 严重", "warning": "▲ 警告", "info": "● 提示"}
RESOLVED = "✔ 已恢复"
MOST_SHOWN = 20


def messages_of(receiver: str, notices: Sequence[Notice], channels: Channels, page: str = "") -> list[NoticeMessage]:
    """Return the message about the notices for each address of the receiver."""
    addresses, title, body = channels.of(receiver), title_of(notices), body_of(notices, page)
    counts = {"email": len(addresses.email), "wecom": len(addresses.wecom), "dingtalk": len(addresses.dingtalk)}
    tells = digest_of(notices)
    return [
        NoticeMessage(receiver, channel, place, title, body, tells)
        for channel, count in counts.items()
        for place in range(count)
    ]


def digest_of(notices: Sequence[Notice]) -> str:
    """Return a digest of a message's alerts and their states, without their figures."""
    states = sorted((one.region, one.fingerprint, f"{_time(one.started)} {_time(one.ended)}") for one in notices)
    return hashlib.sha256(repr(states).encode()).hexdigest()[:32]


def title_of(notices: Sequence[Notice]) -> str:
    firing = [notice for notice in notices if notice.ended is None]
    first = firing[0] if firing else notices[0]
    sign = SIGNS.get(first.severity, first.severity) if firing else RESOLVED
    more = f" 等 {len(firing or notices)} 条" if len(firing or notices) > 1 else ""
    return f"{sign} {first.summary}{more}"


def body_of(notices: Sequence[Notice], page: str = "") -> str:
    """Return the notices as Markdown, which also reads well as plain text: Chinese first, then the English summary."""
    shown = [_paragraph(notice, page) for notice in notices[:MOST_SHOWN]]
    if len(notices) > MOST_SHOWN:
        shown.append(f"……另有 {len(notices) - MOST_SHOWN} 条")
    return "\n\n".join(shown)


def _paragraph(notice: Notice, page: str) -> str:
    sign = RESOLVED if notice.ended else SIGNS.get(notice.severity, notice.severity)
    lines = [
        f"**{sign}** {notice.summary}",
        notice.annotations.get("description", ""),
        notice.annotations.get("summary_en", ""),
        f"起始：{_local(notice.started)}",
    ]
    if notice.ended:
        lines.append(f"恢复：{_local(notice.ended)}")
    elif page:
        lines.append(f"打开告警：{page}/#/alerts?{urlencode(_opened_by(notice))}")
    for name, words in (("cases_url", "相关办件"), ("board_url", "看板"), ("runbook_url", "处置办法")):
        if address := _absolute(notice.annotations.get(name, ""), page):
            lines.append(f"{words}：{address}")
    return "\n".join(line for line in lines if line)


def _opened_by(notice: Notice) -> dict[str, str]:
    """Return the query with which the page opens an alert. An alert of the suite itself has no region."""
    return ({"region": str(notice.region)} if notice.region else {}) | {"alert": notice.fingerprint}


def _absolute(address: str, page: str) -> str:
    """Return the address as one that opens from anywhere; "" if it is relative to something else than the page."""
    if address.startswith("/v1/") and page:
        return f"{page}{address}"
    return address if address.startswith(("http://", "https://")) else ""


def _local(time: datetime) -> str:
    return time.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
