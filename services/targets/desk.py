"""The work of the service without its framework: a plain object that a test or another runner can hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.targets import evaluate, read_tables
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.store import Readable

from .changes import Announcements, Change, Key, evaluation_answer
from .snapshot import Memory, Snapshot, read_regions

_log = logging.getLogger(__name__)


class Outage:
    """Says once that something is away, and once that it is back."""

    def __init__(self, consequence: str) -> None:
        self._consequence = consequence
        self._cause = ""

    def began(self, error: Exception) -> None:
        if not self._cause:
            self._cause = str(error) or type(error).__name__
            _log.warning("%s: %s", self._cause, self._consequence)

    def over(self) -> None:
        if self._cause:
            _log.warning("over: %s", self._cause)
            self._cause = ""


class Attempts:
    """When a reading last began, whatever came of it. clock: seconds since 1970-01-01 UTC."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.last = clock()

    def begin(self) -> float:
        self.last = self._clock()
        return self.last

    def silent_for(self) -> float:
        """Seconds since then: more than a few mean that the timer stands or a reading hangs."""
        return self._clock() - self.last


class TargetDesk:
    """Reads, judges, remembers.

    The last snapshot stays when a reading fails, and says how old it is. clock: seconds since 1970-01-01 UTC.
    """

    def __init__(self, store: Readable, plans: Sequence[Plan], clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = tuple(plans)
        self._clock = clock
        self._memory = Memory(clock)
        self.database = Outage("keeping the last figures")
        self.broker = Outage("keeping what there is to announce")
        self.announcements = Announcements()
        self.snapshot: Snapshot | None = None
        self.attempts = Attempts(clock)

    def refresh(self) -> Snapshot:
        """Read everything again. Raises Unavailable or Halt, and then keeps what was read before."""
        began = self.attempts.begin()
        today = self._day(began)
        with self._store.read() as moment:
            regions = read_regions(moment, self._plans, today, self._memory)
            flagged = self._memory.flagged(moment)
            last_events = moment.last_event_times()
            halls = tuple((hall.region, hall.hall) for hall in moment.halls())
        took = self._clock() - began
        self.snapshot = Snapshot(began, took, regions, last_events, halls, flagged)
        return self.snapshot

    def evaluate(self, region: int, on: date | None = None) -> dict[str, Any]:
        """The targets of the plan in force in a region on a day (today, unless it is named)."""
        day = on or self._day(self._clock())
        plan = plan_for(self._plans, region, day)
        if plan is None:
            return evaluation_answer(region, day, None, [])
        with self._store.read() as moment:
            tables = read_tables(plan, day, moment.figure_table)
        results = evaluate(plan, day, tables)
        return evaluation_answer(region, day, plan, results)

    def due(self) -> list[Change]:
        """The breaches and recoveries that are still to be announced."""
        return self.announcements.due(self.snapshot) if self.snapshot is not None else []

    def told(self, keys: Iterable[Key]) -> None:
        """These changes, of those last due, were announced."""
        self.announcements.told(keys)

    @staticmethod
    def _day(seconds: float) -> date:
        return date_of(local_day(int(seconds * 1_000_000)))
