"""What the handlers work with, as one plain object: the store, the plans, the courier, the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from prometheus_client import CollectorRegistry

from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.plan import Names, Plan, plan_for
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.metrics import GatewayMetrics
from hallpulse.store import CaseFilter, CaseHistory, CasePage, Findings, Overview

from .courier import Courier
from .crowds import Crowds
from .doorkeeper import Doorkeeper
from .rates import Rates
from .records import Records
from .suite import SuiteParts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reader(Protocol):
    """What is asked of the store; every method raises Unavailable when it cannot be reached."""

    def ping(self) -> None: ...

    def overview(self, scope: Scope, window: Window, today: date) -> Overview: ...

    def figures(self, scope: Scope, window: Window) -> dict[str, Figure]: ...

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def open_cases_by_department(self, region: int, today: date) -> dict[str, dict[str, int]]: ...

    def list_cases(self, wanted: CaseFilter, today: date, cursor: str | None = None, limit: int = 100) -> CasePage: ...

    def case_history(self, region: int, hall: str, case_id: str, today: date) -> CaseHistory | None: ...

    def is_of(self, region: int, hall: str, case_id: str, department: str) -> bool: ...

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]: ...

    def regions(self) -> list[int]: ...

    def departments(self, region: int) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """clock: now, with a time zone; monotonic: seconds, for rates."""

    store: Reader
    plans: Sequence[Plan]
    courier: Courier
    doorkeeper: Doorkeeper
    rates: Rates
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    metrics: GatewayMetrics
    registry: CollectorRegistry
    records: Records
    crowds: Crowds = field(default_factory=Crowds)
    suite: SuiteParts = field(default_factory=SuiteParts)

    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return int((self.clock() - _EPOCH).total_seconds() * 1_000_000)

    def today(self) -> date:
        """The day in Asia/Shanghai."""
        return date_of(local_day(self.now()))

    def plan(self, region: int, on: date) -> Plan | None:
        """The plan in force."""
        return plan_for(self.plans, region, on)

    def department_names(self, region: int, on: date) -> Mapping[str, Names]:
        """Names of the departments, from the plan in force or else from the region's latest plan."""
        plan = self.plan(region, on) or max(
            (p for p in self.plans if p.region == region), key=lambda p: p.period.start, default=None
        )
        return {d.id: d.names for d in plan.departments} if plan else {}
