"""The work of the service without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from hallpulse.metrics import NoticeMetrics
from hallpulse.store.notices import NoticeLedger, State

from .answers import entry_answer
from .channels import Channels
from .webhook import decode, notices_of
from .wording import messages_of


class Store(Protocol):
    """What is asked of the store."""

    @property
    def notices(self) -> NoticeLedger: ...

    def ping(self) -> None: ...


class NoticeDesk:
    """Every method raises Unavailable when the database cannot be reached: Alertmanager then tries again."""

    def __init__(self, store: Store, channels: Channels, clock: Callable[[], datetime], metrics: NoticeMetrics) -> None:
        self._store, self._channels, self._clock, self._metrics = store, channels, clock, metrics

    def take(self, body: bytes) -> int:
        """A notification of Alertmanager; how many notices it holds. Raises BadNotice."""
        webhook = decode(body)
        notices = notices_of(webhook)
        if notices:
            messages = messages_of(webhook.receiver, notices, self._channels)
            self._store.notices.record(notices, messages, self._clock())
            self._metrics.received(len(notices))
        return len(notices)

    def list(self, region: int | None, state: State | None, limit: int) -> dict[str, Any]:
        entries = self._store.notices.list(region, state, limit)
        return {"notices": [entry_answer(entry) for entry in entries]}

    def acknowledge(self, region: int, fingerprint: str, by: str) -> int:
        return self._store.notices.acknowledge(region, fingerprint, by, self._clock())

    def ping(self) -> None:
        self._store.ping()
