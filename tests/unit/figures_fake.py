"""A store's figures as a test states them; what it says of a real one is held against it in tests/integration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.integrity import CHECKS
from hallpulse.domain.lowering import ItemChange
from hallpulse.domain.workdays import Workdays
from hallpulse.store import Findings


@dataclass(frozen=True)
class FakeElapsed:
    counts: tuple[int, ...]
    total_days: int


@dataclass(frozen=True)
class FakeCoverage:
    halls: int = 2
    reporting: int = 1
    newest: int | None = 1_790_000_000_000_000


@dataclass(frozen=True)
class FakeHall:
    region: int
    hall: str


@dataclass
class FakeHalls:
    times: dict[tuple[int, str], int] = field(default_factory=dict)

    def list(self) -> Sequence[FakeHall]:
        return [FakeHall(region, hall) for region, hall in self.times]

    def last_event_times(self) -> Mapping[tuple[int, str], int]:
        return self.times


@dataclass
class FakeFigures:
    """The same figures whatever the window; `away` is a database that does not answer."""

    own: dict[str, Figure] = field(default_factory=dict)
    by_department: dict[str, dict[str, Figure]] = field(default_factory=dict)
    catalogue: Sequence[str] = ()
    counties: Sequence[int] = (222424,)
    open: dict[str, dict[str, int]] = field(default_factory=dict)
    elapsed: dict[str, FakeElapsed] = field(default_factory=dict)
    halls: FakeHalls = field(default_factory=FakeHalls)
    away: bool = False
    windows: list[Window] = field(default_factory=list)
    earlier: dict[date, dict[str, Figure]] = field(default_factory=dict)
    changes: Sequence[ItemChange] = ()
    calendar: Workdays = field(default_factory=lambda: Workdays({}))

    @contextmanager
    def snapshot(self) -> Iterator[FakeFigures]:
        yield self

    def regions(self) -> list[int]:
        if self.away:
            raise Unavailable("database: no answer")
        return list(self.counties)

    def departments(self, region: int) -> list[str]:
        return list(self.catalogue) if region in self.counties else []

    def figure_table(self, region: int, window: Window) -> FigureTable:
        if self.away:
            raise Unavailable("database: no answer")
        self.windows.append(window)
        return FigureTable(
            region,
            window,
            self.earlier.get(window.end, dict(self.own)),
            {d: dict(f) for d, f in self.by_department.items()},
        )

    def coverage(self, scope: Scope, window: Window) -> FakeCoverage:
        assert (scope.department, scope.hall) == (None, None)
        assert window.start <= window.end
        return FakeCoverage()

    def open_cases_by_department(self, region: int, today: date) -> Mapping[str, Mapping[str, int]]:
        assert today >= date(2026, 1, 1)
        return self.open if region in self.counties else {}

    def elapsed_histograms(self, region: int, window: Window) -> Mapping[str, FakeElapsed]:
        assert window.start <= window.end
        return self.elapsed if region in self.counties else {}

    def item_changes(self, region: int, before: date, after: date) -> Sequence[ItemChange]:
        assert before < after
        return self.changes if region in self.counties else []

    def flagged_cases(self) -> Mapping[tuple[int, str], int]:
        return {}

    def integrity(self, scope: Scope, window: Window, today: date) -> list[Findings]:
        assert window.start <= window.end <= today
        return [Findings(check, 2, ()) for check in CHECKS] if scope.region in self.counties else []

    def workdays(self, region: int) -> Workdays:
        assert region
        return self.calendar
