"""A gateway on a real database with an account of each role, and how people ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from litestar.testing import TestClient

from hallpulse import passwords
from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.domain.plan import Plan
from hallpulse.store import AuditLine, Grant, Store, person_grant
from services.gateway.app import Gateway, create_app
from services.gateway.publishing import OutgoingMessage
from services.gateway.service_calls import Services
from tests.gateway_ground import COUNTY, FakeClock, FakePublisher, make_resources

PASSWORD = "correct horse 42"
_HASHED = passwords.hashed(PASSWORD)
OTHER_COUNTY = 222401
SCOPES: Mapping[str, Grant] = {
    "bureau": Grant("bureau", COUNTY),
    "department": Grant("department", COUNTY, department="justice"),
    "hall": Grant("hall", COUNTY, hall="hall-1"),
    "leader": Grant("leader", COUNTY),
    "operator": Grant("operator"),
}
"""Account → what it opens; the accounts are named by their roles."""


@dataclass
class Signed:
    """A browser in which somebody is signed in."""

    client: TestClient[Any]
    cookie: str
    csrf: str

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(path, params=parameters, headers={"cookie": self.cookie})

    def upload(self, content: bytes, *, name: str = "table.xlsx", **parameters: Any) -> Any:
        headers = {"cookie": self.cookie, "x-csrf-token": self.csrf, "content-type": "application/octet-stream"}
        return self.client.post("/v1/uploads", content=content, params={"name": name, **parameters}, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        given = {"cookie": self.cookie, "x-csrf-token": self.csrf, **headers}
        return self.client.post(path, json=body, headers=given)


@dataclass
class StoringPublisher(FakePublisher):
    """Stores what is sent at once, as broker and ingest do within a second. store: None remembers only."""

    store: Store | None = None
    clock: FakeClock = field(default_factory=FakeClock)

    async def deliver(self, messages: Sequence[OutgoingMessage]) -> None:
        await super().deliver(messages)
        if self.store is not None:
            await asyncio.to_thread(self.take)

    def take(self) -> None:
        """Store what waits, as events that arrive now."""
        assert self.store is not None
        now = int(self.clock.now.timestamp() * 1_000_000)
        for message in self.delivered:
            (event,) = decode_events(message.body, content_type=EVENT_TYPE, now=now)
            assert isinstance(event, HallEvent)
            self.store.merge([event], self.clock.now)
        self.delivered.clear()


@dataclass
class Peopled:
    """The gateway, its clock, and all that it sent to the broker."""

    store: Store
    clock: FakeClock = field(default_factory=FakeClock)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    services: Services | None = None
    provider: Any = None
    plans: Sequence[Plan] | None = None

    def __post_init__(self) -> None:
        for name, scope in SCOPES.items():
            self.add(name, scope)
        resources = make_resources(
            self.store,
            self.publisher,
            self.clock,
            find=self.store.tokens.find,
            record=self.store.audit.record,
            archive=self.store.reports,
            accounts=self.store.accounts,
            reviews=self.store.reviews,
            matters=self.store.matters,
            services=self.services,
            uploads=self.store.uploads,
            drafts=self.store.drafts,
            provider=self.provider,
            audit_entries=self.store.audit,
            plans=self.plans,
        )
        self.app: Gateway = create_app(resources)
        self.audit = resources.audit
        self.client: TestClient[Any] = TestClient(self.app)

    def add(self, name: str, scope: Grant, person: str = "", *, one_time: bool = False) -> None:
        grant = person_grant(name, person or f"王{name}", scope)
        assert self.store.accounts.add(grant, _HASHED, one_time=one_time)

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on; what was remembered of sessions is looked up again."""
        self.clock.now += timedelta(seconds=seconds)
        self.clock.seconds += seconds

    def try_sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> Any:
        self.clock.seconds += 1  # as many as one likes in a second is another test
        self.client.cookies.clear()
        answer = self.client.post("/v1/session", json={"name": name, "password": password}, headers=headers)
        self.client.cookies.clear()
        return answer

    def sign_in(self, name: str, password: str = PASSWORD) -> Signed:
        answer = self.try_sign_in(name, password)
        assert answer.status_code == 201, answer.text
        cookie = answer.headers["set-cookie"].partition(";")[0]
        return Signed(self.client, cookie, answer.json()["csrf"])

    async def _write(self) -> None:
        await self.audit.write(self.clock.now)

    def lines(self, action: str = "") -> Sequence[AuditLine]:
        """The lines of the audit so far, the oldest first."""

        asyncio.run(self._write())
        return self.store.audit.list(action=action, limit=1000)[::-1]
