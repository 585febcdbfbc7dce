"""A gateway without servers: a store of canned figures, a publisher that remembers, a clock that stands still."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import uvicorn

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Coverage, Figure, Scope
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.integrity import CHECKS, Findings
from hallpulse.domain.ladder import Matter
from hallpulse.domain.measures import STATES
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Workdays
from hallpulse.metrics import GatewayMetrics, new_registry
from hallpulse.plans import load_plans
from hallpulse.store import (
    AuditLine,
    Draft,
    Grant,
    NewUpload,
    PublishedReport,
    ReadableBack,
    ReportFile,
    Review,
    TaskReport,
    Upload,
)
from services.gateway import server
from services.gateway.access import RateLimiter, TokenCache, hash_of
from services.gateway.access_audit import AccessAudit, Write
from services.gateway.app import create_app
from services.gateway.live import LiveHub
from services.gateway.live_look import IngestLook, LiveLook
from services.gateway.publishing import OutgoingMessage
from services.gateway.request import PublishedReports, Resources
from services.gateway.service_calls import Answer, Services
from services.gateway.sessions import SessionDoor
from services.gateway.shared_answers import SharedAnswers
from tests.moments import NEWEST, StatedStore

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
TODAY = date(2026, 11, 24)
COUNTY = 222424
READ_TOKEN = "reads-everything"
HALL_TOKEN = "of-hall-1"
HALL = Grant("hall", COUNTY, "hall-1", families=("case", "heartbeat"), name="222424.hall-1")
DEPARTMENT_TOKEN = "of-justice"
PLANS = Path(__file__).parents[1] / "plans"


_ALL = dict.fromkeys(COMPUTED, Figure(3, 4))
_FOUND: dict[str, Any] = {"region": COUNTY, "hall": "hall-1", "case_id": "A 1", "decided": TODAY, "elapsed": 3}


@dataclass(repr=False)
class FakeStore(StatedStore):
    """Every figure is 3 of 4, but for two that were declared; each department has a case in every state."""

    own: dict[str, Figure] = field(
        default_factory=lambda: {
            **_ALL,
            "leader_in_court": Figure(5, 6),
            "law_lectures": Figure(4, 1, count=True),
        }
    )
    by_department: dict[str, dict[str, Figure]] = field(
        default_factory=lambda: {"justice": dict.fromkeys(COMPUTED, Figure(30, 40)), "unlisted": {}}
    )
    counties: Sequence[int] = (222401, COUNTY)
    catalogue: Sequence[str] = ("justice",)
    open: dict[str, dict[str, int]] = field(default_factory=lambda: {"justice": dict.fromkeys(STATES, 1)})
    coverage: Coverage = field(default_factory=lambda: Coverage(5, 4, NEWEST))
    findings: Sequence[Findings] = tuple(Findings(check, 1, (_FOUND,)) for check in CHECKS)
    calendar: Workdays = field(default_factory=lambda: Workdays({}, (2027,)))
    tokens: dict[str, Grant] = field(
        default_factory=lambda: {
            hash_of(HALL_TOKEN): HALL,
            hash_of(DEPARTMENT_TOKEN): Grant("department", COUNTY, department="justice", name="justice"),
        }
    )


@dataclass
class FakePublisher:
    """Confirms everything while it is connected."""

    connected: bool = True
    delivered: list[OutgoingMessage] = field(default_factory=list)

    async def deliver(self, messages: Sequence[OutgoingMessage]) -> None:
        if not self.connected:
            raise Unavailable("the broker cannot be reached")
        self.delivered += messages


@dataclass
class FakeClock:
    now: datetime = NOW
    seconds: float = 1000.0


class NoReports:
    """An archive in which nothing was published."""

    def list(self, region: int | None = None, *, drafts: bool = False) -> list[PublishedReport]:
        del region, drafts
        return []

    def file(self, number: int, form: str) -> ReportFile | None:
        del number, form
        return None


class NoAccounts:
    """Accounts of which there are none."""

    def attempt(self, name: str, now: datetime) -> None:
        del name, now

    def find(self, id_hash: str, now: datetime) -> None:
        del id_hash, now


class NoReviews:
    """Monthly reports of which nobody said anything."""

    def add(self, review: Review) -> None:
        raise Unavailable(f"nothing is kept of {review}")

    def latest(self, region: int, department: str | None = None) -> dict[tuple[str, str], Review]:
        del region, department
        return {}


class NoMatters:
    """A ladder on which nothing stands."""

    def find(self, number: int) -> None:
        del number

    def list(self, scope: Scope, *, closed: bool = True, target: str | None = None) -> list[Matter]:
        del scope, closed, target
        return []

    def task_reports(self, region: int, plan: str) -> dict[tuple[str, str], list[TaskReport]]:
        del region, plan
        return {}


class NoUploads:
    """A suite to which nobody uploads anything."""

    def add(self, new: NewUpload, content: bytes, at: datetime) -> int:
        raise Unavailable(f"nothing is kept of {new}, {len(content)} bytes, {at}")

    def get(self, number: int, now: datetime, owner: str | None = None) -> Upload | None:
        del number, now, owner
        return None

    def list(self, region: int, owner: str, now: datetime) -> list[Upload]:
        del region, owner, now
        return []

    def owner(self, number: int) -> None:
        del number

    def rejected(self, number: int) -> bytes | None:
        del number
        return None

    def versions(self, number: int) -> bytes | None:
        del number
        return None

    def discard(self, number: int) -> bool:
        del number
        return False


class NoDrafts:
    """A suite in which nobody changes anything in thought."""

    def add(self, draft: Draft) -> int:
        raise Unavailable(f"nothing is kept of {draft}")

    def get(self, number: int) -> Draft | None:
        del number
        return None

    def whose(self, number: int) -> None:
        del number

    def list(self, region: int, department: str | None = None) -> list[Draft]:
        del region, department
        return []

    def hand_on(self, number: int, upload: int) -> None:
        del number, upload


class NoAuditEntries:
    """A suite in which nobody did anything."""

    def page(
        self, bounds: tuple[int, int], *, everywhere: bool, action: str = "", before: int | None = None, limit: int
    ) -> list[AuditLine]:
        del bounds, everywhere, action, before, limit
        return []


def sessions_of(accounts: Any, clock: FakeClock) -> SessionDoor:
    """The door of people's sessions, by a clock that stands still."""
    cache = TokenCache(lambda id_hash: accounts.find(id_hash, clock.now), "", lambda: clock.seconds, stale=0)
    return SessionDoor(accounts, cache, lambda: clock.now, lambda: clock.seconds)


class NoServices:
    """A suite in which no other service runs."""

    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = 1.0, **_: Any
    ) -> Answer:
        del kind, method, args, seconds
        raise Unavailable(f"{service} does not run")


def make_resources(
    store: ReadableBack,
    publisher: FakePublisher | None = None,
    clock: FakeClock | None = None,
    *,
    rate: float = 0,
    plans: Sequence[Plan] | None = None,
    find: Callable[[str], Grant | None] | None = None,
    record: Write = lambda *_: None,
    archive: PublishedReports | None = None,
    accounts: Any = None,
    reviews: Any = None,
    matters: Any = None,
    services: Services | None = None,
    uploads: Any = None,
    drafts: Any = None,
    audit_entries: Any = None,
    ingest: IngestLook | None = None,
    provider: Any = None,
) -> Resources:
    clock = clock or FakeClock()
    registry = new_registry()
    metrics = GatewayMetrics(registry)
    live = LiveHub(LiveLook(store, lambda: clock.now, ingest))
    return Resources(
        store=store,
        archive=archive or NoReports(),
        plans=load_plans(PLANS) if plans is None else plans,
        publisher=publisher or FakePublisher(),
        token_cache=TokenCache(find or FakeStore().find, READ_TOKEN, lambda: clock.seconds),
        rate_limiter=RateLimiter(rate),
        clock=lambda: clock.now,
        monotonic=lambda: clock.seconds,
        metrics=metrics,
        registry=registry,
        audit=AccessAudit(metrics, record),
        sessions=sessions_of(accounts or NoAccounts(), clock),
        reviews=reviews or NoReviews(),
        matters=matters or NoMatters(),
        services=services or NoServices(),
        uploads=uploads or NoUploads(),
        drafts=drafts or NoDrafts(),
        audit_entries=audit_entries or NoAuditEntries(),
        live=live,
        shared=SharedAnswers(lambda: live.number),
        provider=provider,
    )


@contextmanager
def serving(resources: Resources) -> Iterator[int]:
    """The gateway's own server on a thread of the test; its port."""
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(resources), **server.CONFIG)
        running = server.Server(config, ready.set, resources.live.close)
        thread = threading.Thread(target=lambda: asyncio.run(running._serve([listener])))
        thread.start()
        try:
            assert ready.wait(20)
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
