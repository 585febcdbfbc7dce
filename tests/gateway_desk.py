"""A gateway without servers: a store of canned figures, a courier that remembers, a clock that stands still."""

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
from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.measures import STATES
from hallpulse.domain.plan import Plan
from hallpulse.metrics import GatewayMetrics, new_registry
from hallpulse.plans import load_plans
from hallpulse.store import BadCursor, CaseFilter, CaseHistory, CasePage, Coverage, Findings, Grant, Overview
from services.gateway import server
from services.gateway.app import create_app
from services.gateway.courier import Message
from services.gateway.desk import Desk, Reader
from services.gateway.doorkeeper import Doorkeeper, hash_of
from services.gateway.rates import Rates

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
TODAY = date(2026, 11, 24)
COUNTY = 222424
READ_TOKEN = "reads-everything"
HALL_TOKEN = "of-hall-1"
HALL = Grant("hall", COUNTY, "hall-1", families=("case", "heartbeat"))
DEPARTMENT_TOKEN = "of-justice"
PLANS = Path(__file__).parents[1] / "plans"


@dataclass
class FakeStore:
    """Every figure is 3 of 4; what was asked is remembered. `fault`: raised by every method."""

    fault: Exception | None = None
    asked: list[Any] = field(default_factory=list)
    history: CaseHistory | None = None
    page: CasePage = field(default_factory=lambda: CasePage(total=0))
    tokens: dict[str, Grant] = field(
        default_factory=lambda: {
            hash_of(HALL_TOKEN): HALL,
            hash_of(DEPARTMENT_TOKEN): Grant("department", COUNTY, department="justice"),
        }
    )

    def find(self, token_hash: str) -> Grant | None:
        self._note("find", token_hash)
        return self.tokens.get(token_hash)

    def ping(self) -> None:
        self._note("ping")

    def overview(self, scope: Scope, window: Window, today: date) -> Overview:
        self._note("overview", scope, window, today)
        return Overview(
            figures=_figures(scope),
            percentiles={"p50": 2, "p90": 7, "p95": None},
            open_cases=dict.fromkeys(STATES, 2),
            coverage=Coverage(5, 4, 1_790_000_000_000_000),
            provisional=window.end.year > 2026,
        )

    def figures(self, scope: Scope, window: Window) -> dict[str, Figure]:
        self._note("figures", scope, window)
        return _figures(scope)

    def figure_table(self, region: int, window: Window) -> FigureTable:
        self._note("figure_table", region, window)
        figures = dict.fromkeys(COMPUTED, Figure(30, 40))
        return FigureTable(region, window, figures, {"justice": figures, "unlisted": {}})

    def open_cases_by_department(self, region: int, today: date) -> dict[str, dict[str, int]]:
        self._note("open_cases_by_department", region, today)
        return {"justice": dict.fromkeys(STATES, 1)}

    def list_cases(self, wanted: CaseFilter, today: date, cursor: str | None = None, limit: int = 100) -> CasePage:
        self._note("list_cases", wanted, today, cursor, limit)
        if cursor == "rubbish":
            raise BadCursor
        if wanted.indicator is not None and wanted.indicator not in COMPUTED:
            return CasePage(total=getattr(_figures(wanted.scope).get(wanted.indicator, Figure(0, 0)), wanted.part))
        return self.page

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> CaseHistory | None:
        self._note("case_history", region, hall, case_id, today)
        return self.history

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        self._note("integrity", scope, window, today)
        row = {"region": COUNTY, "hall": "hall-1", "case_id": "A 1", "decided": today, "elapsed": 3}
        return [Findings(check, 1, (row,)) for check in CHECKS]

    def regions(self) -> list[int]:
        self._note("regions")
        return [222401, COUNTY]

    def departments(self, region: int) -> list[str]:
        self._note("departments", region)
        return ["justice"]

    def _note(self, *what: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.asked.append(what)


def _figures(scope: Scope) -> dict[str, Figure]:
    if scope.hall is not None:
        return {i.id: Figure(3, 4) for i in COMPUTED.values() if i.kind == "case"}
    return {name: Figure(3, 4) for name in COMPUTED} | {
        "leader_in_court": Figure(5, 6),
        "law_lectures": Figure(4, 1, count=True),
    }


@dataclass
class FakeCourier:
    """Confirms everything while it is connected."""

    connected: bool = True
    delivered: list[Message] = field(default_factory=list)

    async def deliver(self, messages: Sequence[Message]) -> None:
        if not self.connected:
            raise Unavailable("the broker cannot be reached")
        self.delivered += messages


@dataclass
class FakeClock:
    now: datetime = NOW
    seconds: float = 1000.0


def make_desk(
    store: Reader,
    courier: FakeCourier | None = None,
    clock: FakeClock | None = None,
    *,
    rate: float = 0,
    plans: Sequence[Plan] | None = None,
    find: Callable[[str], Grant | None] | None = None,
) -> Desk:
    clock = clock or FakeClock()
    registry = new_registry()
    return Desk(
        store=store,
        plans=load_plans(PLANS) if plans is None else plans,
        courier=courier or FakeCourier(),
        doorkeeper=Doorkeeper(find or FakeStore().find, READ_TOKEN, lambda: clock.seconds),
        rates=Rates(rate),
        clock=lambda: clock.now,
        monotonic=lambda: clock.seconds,
        metrics=GatewayMetrics(registry),
        registry=registry,
    )


@contextmanager
def serving(desk: Desk) -> Iterator[int]:
    """The gateway's own server on a thread of the test; its port."""
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = server.Server(uvicorn.Config(create_app(desk), **server.CONFIG), ready.set)
        thread = threading.Thread(target=lambda: asyncio.run(running._serve([listener])))
        thread.start()
        try:
            assert ready.wait(20)
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
