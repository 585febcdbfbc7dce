"""What a region looked like before, and its calendar: changes slowly, so it is read anew only after a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from hallpulse.domain.figures import FigureTable, Scope, Window
from hallpulse.domain.integrity import Check
from hallpulse.domain.lowering import COMPRESSION, ItemChange, Lowering, lowerings
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Workdays, day_of

DAYS_AGO = (1, 7)
DROP_DAYS = 7
MOST_NAMED = 10
LASTING_SECONDS = 10.0
INTEGRITY_LASTING_SECONDS = 120.0


class Found(Protocol):
    """What an integrity check found."""

    @property
    def check(self) -> Check: ...

    @property
    def count(self) -> int: ...


class Sources(Protocol):
    """What is asked of the store."""

    def figure_table(self, region: int, window: Window) -> FigureTable: ...

    def item_changes(self, region: int, before: date, after: date) -> Sequence[ItemChange]: ...

    def workdays(self, region: int) -> Workdays: ...

    def flagged_cases(self) -> Mapping[tuple[int, str], int]: ...

    def integrity(self, scope: Scope, window: Window, today: date) -> Sequence[Found]: ...


@dataclass(frozen=True, slots=True)
class Background:
    """before: days ago → the figures of the period up to then; none of a day before the period.

    provisional: no official holiday list is known for a year of the period so far; working: today is a working day.
    """

    before: Mapping[int, FigureTable]
    provisional: bool
    working: bool


def read_background(sources: Sources, region: int, plan: Plan | None, today: date) -> Background:
    workdays = sources.workdays(region)
    before = {}
    for days in DAYS_AGO:
        window = window_of(plan, today - timedelta(days=days))
        if window is not None:
            before[days] = sources.figure_table(region, window)
    period = window_of(plan, today) or Window(today, today)
    provisional = bool(workdays.provisional_in(period.start, period.end))
    return Background(before, provisional, workdays.is_working(day_of(today)))


def window_of(plan: Plan | None, on: date) -> Window | None:
    """The plan's period up to a day, without a plan the day's calendar year."""
    return Window(on.replace(month=1, day=1), on) if plan is None else plan.window(on)


def read_lowerings(sources: Sources, table: FigureTable, background: Background) -> list[Lowering]:
    """The items that lowered the compression most; they are looked for only where it fell."""
    earlier = background.before.get(DROP_DAYS)
    if earlier is None:
        return []
    was, now = earlier.figure(COMPRESSION), table.figure(COMPRESSION)
    if was.value is None or now.value is None or now.value >= was.value:
        return []
    changes = sources.item_changes(table.region, earlier.window.end, table.window.end)
    return lowerings(was, now, changes, MOST_NAMED)


class Memory:
    """Keeps each region's background for a while. clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[int, tuple[float, date, Plan | None, Background]] = {}
        self._integrity: dict[int, tuple[float, Mapping[str, int]]] = {}
        self._integrity_read = float("-inf")
        self._flagged: tuple[float, Mapping[tuple[int, str], int]] = (float("-inf"), {})

    def flagged(self, sources: Sources) -> Mapping[tuple[int, str], int]:
        """(region, hall) → cases with a flag."""
        now = self._clock()
        if not 0 <= now - self._flagged[0] < LASTING_SECONDS:
            self._flagged = now, sources.flagged_cases()
        return self._flagged[1]

    def integrity(self, sources: Sources, region: int, window: Window) -> Mapping[str, int]:
        """Check → findings. The checks read cases: one region at most is read anew a second, the others wait."""
        now, kept = self._clock(), self._integrity.get(region)
        stale = kept is None or not 0 <= now - kept[0] < INTEGRITY_LASTING_SECONDS
        if stale and now - self._integrity_read >= 1:
            self._integrity_read = now
            found = sources.integrity(Scope(region), window, window.end)
            kept = self._integrity[region] = now, {one.check.id: one.count for one in found}
        return kept[1] if kept is not None else {}

    def background(self, sources: Sources, region: int, plan: Plan | None, today: date) -> Background:
        now, kept = self._clock(), self._kept.get(region)
        if kept is not None and kept[1:3] == (today, plan) and 0 <= now - kept[0] < LASTING_SECONDS:
            return kept[3]
        background = read_background(sources, region, plan, today)
        self._kept[region] = (now, today, plan, background)
        return background
