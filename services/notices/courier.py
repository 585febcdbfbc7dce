"""Sends what is to be passed on, again and again until it arrives or a day has gone by."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from hallpulse.domain.errors import HallpulseError
from hallpulse.metrics import NoticeMetrics
from hallpulse.store.notices import DueMessage, Message, NoticeLedger

from .senders import NoSuchAddress, NotSent

PATIENCE = timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
MOST_ATTEMPTS = 30
IDLE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Sender(Protocol):
    def send(self, message: Message) -> None:
        """Raises NotSent."""
        ...


class Courier:
    """One thread; several processes may run one each: a message is taken by one of them."""

    def __init__(
        self, ledger: NoticeLedger, sender: Sender, clock: Callable[[], datetime], metrics: NoticeMetrics
    ) -> None:
        self._ledger, self._sender, self._clock, self._metrics = ledger, sender, clock, metrics
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            if not self._round():
                self._stopping.wait(IDLE_SECONDS)

    def stop(self) -> None:
        self._stopping.set()

    def send_due(self) -> int:
        """Everything whose time has come; how many messages that were. Raises Unavailable."""
        due = self._ledger.due(self._clock(), PATIENCE)
        for message in due:
            self._send(message)
        return len(due)

    def _round(self) -> int:
        try:
            return self.send_due()
        except HallpulseError as error:
            _log.warning("%s: notices wait", error)
            return 0

    def _send(self, due: DueMessage) -> None:
        try:
            self._sender.send(due.message)
        except NotSent as error:
            self._failed(due, error)
        else:
            self._ledger.sent(due.id, self._clock())
            self._metrics.passed_on(due.message.channel, "sent")

    def _failed(self, due: DueMessage, error: NotSent) -> None:
        given_up = isinstance(error, NoSuchAddress) or due.attempts >= MOST_ATTEMPTS
        wait = min(FIRST_WAIT * 2 ** min(due.attempts - 1, 12), LONGEST_WAIT)
        self._ledger.failed(due.id, str(error), None if given_up else self._clock() + wait)
        self._metrics.passed_on(due.message.channel, "given_up" if given_up else "failed")
        if given_up:
            _log.warning("gave up a message to %s by %s: %s", due.message.receiver, due.message.channel, error)
