"""The work of the service without HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from hallpulse.metrics import NoticeMetrics
from hallpulse.store.notices import Message, Notice, NoticeLedger, State, key_of

from .answers import entry_answer
from .channels import Channels
from .rules import RuleBook
from .webhook import WebhookAlert, decode, notices_of
from .wording import messages_of


class Store(Protocol):
    """What is asked of the store."""

    @property
    def notices(self) -> NoticeLedger: ...

    def ping(self) -> None: ...


class NoticeDesk:
    """Every method raises Unavailable when the database cannot be reached: Alertmanager then tries again.

    rules: by which foreign alerts are told; without them every alert is taken for ours.
    """

    def __init__(
        self,
        store: Store,
        channels: Channels,
        clock: Callable[[], datetime],
        metrics: NoticeMetrics,
        rules: RuleBook | None = None,
    ) -> None:
        self._store, self._channels, self._clock, self._metrics = store, channels, clock, metrics
        self._rules = rules

    def take(self, body: bytes) -> int:
        """A notification of Alertmanager; how many notices it holds. Raises BadNotice."""
        webhook = decode(body)
        notices = self._judged(notices_of(webhook, self._rules.can_have_made if self._rules else _is_ours))
        if notices:
            ours = [notice for notice in notices if notice.ours]
            self._store.notices.record(notices, self._messages(ours), self._clock())
            self._metrics.received(len(notices), foreign=len(notices) - len(ours))
        return len(notices)

    def _judged(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        """Of a rule that is gone since, people were told that it fires: they are told that it is over, too."""
        over = [notice for notice in notices if not notice.ours and notice.ended is not None]
        known = self._store.notices.told_as_ours(over) if over else set()
        return [replace(notice, ours=notice.ours or key_of(notice) in known) for notice in notices]

    def _messages(self, notices: Sequence[Notice]) -> Sequence[Message]:
        """One text for each receiver, of all that it is told at once."""
        receivers = dict.fromkeys(notice.receiver for notice in notices)
        told = {name: [notice for notice in notices if notice.receiver == name] for name in receivers}
        return [message for name, own in told.items() for message in messages_of(name, own, self._channels)]

    def list(self, region: int | None, state: State | None, limit: int) -> dict[str, Any]:
        entries = self._store.notices.list(region, state, limit)
        return {"notices": [entry_answer(entry) for entry in entries]}

    def acknowledge(self, region: int, fingerprint: str, by: str) -> int:
        return self._store.notices.acknowledge(region, fingerprint, by, self._clock())

    def ping(self) -> None:
        self._store.ping()


def _is_ours(_: WebhookAlert) -> bool:
    return True
