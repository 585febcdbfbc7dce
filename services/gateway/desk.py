"""What the handlers work with, as one plain object: the store, the plans, the courier, the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from prometheus_client import CollectorRegistry

from hallpulse.domain.plan import Names, Plan, plan_for
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.metrics import GatewayMetrics
from hallpulse.store import Readable

from .courier import Courier
from .crowds import Crowds
from .doorkeeper import Doorkeeper
from .rates import Rates
from .records import Records
from .suite import SuiteParts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """clock: now, with a time zone; monotonic: seconds, for rates."""

    store: Readable
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
