"""The service of notices: HTTP, events and RPC, in a thin class over `NoticeRecords` and its neighbours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import eventlet
from eventlet import tpool

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.ladder import NotNow
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.metrics import new_registry
from hallpulse.settings import Settings
from hallpulse.store import Store
from hallpulse.store.notices import AlertKey, State
from services.hosting import Handed, Hosted, Outage
from services.notices.firing import MOST_TEXT, FiringAlerts
from services.notices.records import BadEvent, NoticeMetrics, NoticeRecords
from services.service_queues import event_handler, rpc

from .channels import Channels, ChannelsError, load_channels
from .door import Tokens, notices_application
from .sending import NoticeDispatcher, Senders
from .silencing import MOST_HOURS, MOST_REASON, Silencer
from .supervision import SupervisionRecords
from .webhook import RulesError, load_rules

NAME = "notices"
FAULTS = (ChannelsError, RulesError)
RECORDS, FIRING, SILENCER = "RECORDS", "FIRING", "SILENCER"
SUPERVISION, DATABASE = "SUPERVISION", "DATABASE"
RETRY_SECONDS = 2.0
MOST_LISTED = 1_000
_log = logging.getLogger(__name__)


@contextmanager
def build(settings: Settings, store: Store) -> Iterator[Hosted]:
    # httpx logs the address of every request, and a robot's address is a secret.
    logging.getLogger("httpx").setLevel(logging.ERROR)
    channels = load_channels(settings.channels) if settings.channels else Channels()
    rules = load_rules(settings.rules) if settings.rules else None
    registry = new_registry()
    metrics = NoticeMetrics(registry)
    ledger = tpool.Proxy(store.notices)  # psycopg would block eventlet's only thread while it waits
    records = NoticeRecords(ledger, channels, now, metrics, rules, page=settings.public_url)
    tokens = Tokens(settings.notices_token, settings.read_token, settings.metrics_token)
    door = notices_application(records, registry, tokens, lambda: tpool.execute(store.ping))
    dispatcher = NoticeDispatcher(ledger, Senders(channels), now, metrics)
    sending = eventlet.spawn(dispatcher.run)
    try:
        silencer = Silencer(settings.alertmanager_url, ledger)
        firing = FiringAlerts(settings.alertmanager_url, ledger, silences=silencer.active)
        supervision = SupervisionRecords(tpool.Proxy(store.matters), channels, now)
        outage = Outage("events of targets wait in their queue")
        given = {
            RECORDS: records,
            FIRING: firing,
            SILENCER: silencer,
            SUPERVISION: supervision,
            DATABASE: outage,
        }
        yield Hosted(NoticesService, given, door, address="/v1/alerts")
    finally:
        dispatcher.stop()
        with eventlet.Timeout(15, False):
            sending.wait()


def now() -> datetime:
    return datetime.now(UTC)


class NoticesService:
    """The service of notices. People are notified of Alertmanager's alerts; events of targets are only recorded."""

    name = NAME
    records: NoticeRecords = Handed(RECORDS)
    firing: FiringAlerts = Handed(FIRING)
    silencer: Silencer = Handed(SILENCER)
    supervision: SupervisionRecords = Handed(SUPERVISION)
    database: Outage = Handed(DATABASE)

    @event_handler("targets", "target_breached", requeue_on_error=True)  # type: ignore[untyped-decorator]
    def target_breached(self, payload: object) -> None:
        self._record("target_breached", payload)

    @event_handler("targets", "target_recovered", requeue_on_error=True)  # type: ignore[untyped-decorator]
    def target_recovered(self, payload: object) -> None:
        self._record("target_recovered", payload)

    def _record(self, kind: str, payload: object) -> None:
        """Record an event. Without a database it goes back to its queue after two seconds."""
        try:
            self.records.record_event(kind, payload)
        except BadEvent as error:
            _log.warning("%s: %s", kind, error)
        except Unavailable as error:
            self.database.began(error)
            eventlet.sleep(RETRY_SECONDS)
            raise
        else:
            self.database.over()

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def list(self, region: int | None = None, state: State | None = None, limit: int = 100) -> dict[str, Any]:
        """Return lines of the ledger, the newest first.

        region: only this region's lines; state: only open, acknowledged or resolved lines; limit: at most 1000.
        """
        if state not in (None, "open", "acknowledged", "resolved"):
            raise ValueError(f"state: expected open, acknowledged or resolved, got {state!r}")
        return self.records.list(None if region is None else int(region), state, min(max(int(limit), 1), MOST_LISTED))

    @rpc(expected_exceptions=(Unavailable,))  # type: ignore[untyped-decorator]
    def fires(self) -> dict[str, Any]:
        """Return the alerts that fire now, from Alertmanager, with people's acknowledgements and notes."""
        return self.firing.list()

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def note(self, region: int, fingerprint: str, text: str, by: str) -> None:
        """Keep a person's note on an alert. Raises ValueError if the text is empty, too long or not printable."""
        if not str(text).strip() or len(str(text)) > MOST_TEXT or not str(text).replace("\n", " ").isprintable():
            raise ValueError(f"text: expected 1 to {MOST_TEXT} printable characters")
        _check_name(by)
        self.records.note(int(region), str(fingerprint), str(text).strip(), str(by))

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def acknowledge(self, region: int, fingerprint: str, by: str) -> int:
        """Note who takes care of an alert, and return the number of lines of the ledger that this changed."""
        _check_name(by)
        return self.records.acknowledge(int(region), str(fingerprint), str(by))

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def silence(self, region: int, fingerprint: str, reason: str, hours: float, by: str) -> str:
        """Silence a firing alert for some hours; return the end as an ISO 8601 time in Asia/Shanghai."""
        _check_name(by)
        if not str(reason).strip() or len(str(reason)) > MOST_REASON or not str(reason).isprintable():
            raise ValueError(f"reason: expected 1 to {MOST_REASON} printable characters")
        if not 0 < float(hours) <= MOST_HOURS:
            raise ValueError(f"hours: expected more than 0 and at most {MOST_HOURS}")
        key = AlertKey(int(region), str(fingerprint))
        until = self.silencer.silence(key, str(by), str(reason).strip(), float(hours), now())
        return until.astimezone(SHANGHAI).isoformat(timespec="seconds")

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def end_silence(self, region: int, fingerprint: str, by: str) -> None:
        """End the silence of an alert early."""
        _check_name(by)
        self.silencer.end(AlertKey(int(region), str(fingerprint)), str(by))

    @rpc(expected_exceptions=(ValueError, NotNow, Unavailable))  # type: ignore[untyped-decorator]
    def open_matter(self, opening: dict[str, Any], by: str) -> int:
        """Open a matter of the ladder of supervision, and return its number."""
        return self.supervision.open(opening, by)

    @rpc(expected_exceptions=(ValueError, NotNow, Unavailable))  # type: ignore[untyped-decorator]
    def answer_matter(self, number: int, answer: dict[str, Any], by: str) -> None:
        """Keep a department's answer to a matter. answer: cause, measures, done_by."""
        self.supervision.answer(number, answer, by)

    @rpc(expected_exceptions=(ValueError, NotNow, Unavailable))  # type: ignore[untyped-decorator]
    def decide_matter(self, number: int, decision: dict[str, Any], by: str) -> None:
        """Keep the bureau's decision on a matter: its answer is returned, or the matter is raised or closed."""
        self.supervision.decide(number, decision, by)

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def report_task(self, said: dict[str, Any], by: str) -> None:
        """Keep a department's report on a task of the plan."""
        self.supervision.report_task(said, by)


def _check_name(by: str) -> None:
    if not str(by).isprintable() or not 1 <= len(str(by)) <= 100:
        raise ValueError("by: expected a name of 1 to 100 printable characters")
