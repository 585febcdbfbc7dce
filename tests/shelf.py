"""An import without servers: a store in memory behind it, and the figures by brute force from what it published."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import CaseData, FigureReported, HallEvent, ItemPublished, ItemRetired
from hallpulse.domain.case import CaseEvent, pack_id
from hallpulse.domain.catalogue import ItemRecord, Timeline, timeline
from hallpulse.domain.figures import Figure, Window
from hallpulse.domain.workdays import Workdays, day_of, workdays_of
from hallpulse.plans import load_plans
from hallpulse.store import FigureReport, Status
from hallpulse.store.database import case_event
from services.importing.case_import import HallOfCases
from services.importing.corrections import Corrections
from services.importing.departments import DepartmentCodes
from services.importing.fields import Kind
from services.importing.figure_import import FigureImport
from services.importing.importer import Job, Options, RejectedRow, opened
from services.importing.understanding import Understanding, understanding_of
from tests.oracle import brute

SHARED = Path(os.environ.get("SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
"""Data beside the checkout, which a user of the product does not have."""
NOW = 1_796_000_000_000_000
"""2026-11-30, as microseconds since 1970-01-01 UTC."""
CALENDARS = Path(__file__).parents[1] / "calendars"
PLANS = load_plans(Path(__file__).parents[1] / "plans")
_calendars = {calendar.scope: calendar for calendar in [national_calendar(), *load_overrides(CALENDARS)]}


@dataclass
class Shelf:
    """What a store would have, as `Stored` shows it to an import."""

    place: HallOfCases = field(default_factory=lambda: HallOfCases(222401, "import"))
    events: dict[tuple[str, str], HallEvent] = field(default_factory=dict)
    now: int = NOW

    def at(self, region: int, hall: str) -> Shelf:
        return Shelf(HallOfCases(region, hall), self.events, self.now)

    def put(self, event: HallEvent) -> bool:
        """Whether it is new. What the contract refuses, or an id that says something else, fails the test."""
        (decoded,) = decode_events(encode_event(event), content_type=EVENT_TYPE, now=self.now)
        assert isinstance(decoded, HallEvent), decoded
        key = (f"{event.region}/{event.hall}", event.id)
        assert self.events.get(key, event).same_content(event), event
        new = key not in self.events
        self.events[key] = event
        return new

    def catalogue(self) -> Mapping[str, Timeline]:
        records: dict[str, list[ItemRecord]] = {}
        for event in self.events.values():
            if isinstance(event.data, ItemPublished | ItemRetired) and event.region == self.place.region:
                start = day_of(date.fromisoformat(event.data.effective_from))
                version = event.data.version if isinstance(event.data, ItemPublished) else None
                record = ItemRecord(event.hall, event.id, event.time, start, version)
                records.setdefault(event.data.item_code, []).append(record)
        return {code: timeline(found) for code, found in records.items()}

    def workdays(self) -> Workdays:
        return workdays_of(self.place.region, _calendars)

    def figures(self, window: Window) -> Mapping[str, Figure]:
        return {name: Figure(*figure) for name, figure in self.indicators(window.start, window.end).items()}

    def indicators(
        self, start: date = date(2026, 1, 1), end: date = date(2026, 11, 30), hall: str | None = None
    ) -> dict[str, tuple[int, int]]:
        events = [json.loads(encode_event(event)) for event in self.events.values()]
        return brute.indicators(events, str(self.place.region), start, end, hall=hall)

    def case_events(self, case_ids: Sequence[str]) -> Mapping[str, Sequence[CaseEvent]]:
        found: dict[str, list[CaseEvent]] = {}
        wanted = set(case_ids)
        for event in self.events.values():
            mine = (event.region, event.hall) == (self.place.region, self.place.hall)
            if mine and isinstance(event.data, CaseData) and event.data.case_id in wanted:
                found.setdefault(event.data.case_id, []).append(case_event(event, pack_id(event.id)))
        return found

    def elsewhere(self, case_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, set[str]] = {}
        for event in self.events.values():
            mine = event.hall == self.place.hall or event.region != self.place.region
            if not mine and isinstance(event.data, CaseData) and event.data.case_id in case_ids:
                found.setdefault(event.data.case_id, set()).add(event.hall)
        return {case_id: sorted(halls) for case_id, halls in found.items()}

    def history(self, case_id: str) -> Sequence[HallEvent]:
        return [event for event in self.events.values() if event.data.entity == case_id]

    def figure_import(self, saved: int) -> FigureImport:
        """Reports of figures in their order: the highest revision counts."""
        said = [e for e in self.events.values() if isinstance(e.data, FigureReported) and e.region == self.place.region]
        found: list[FigureReport] = []
        seen: set[str] = set()
        for event in sorted(said, key=lambda e: (e.data.revision, e.time, e.id), reverse=True):  # type: ignore[attr-defined]
            data = event.data
            assert isinstance(data, FigureReported)
            status: Status = "superseded" if data.entity in seen else "counted"
            seen.add(data.entity)
            found.append(
                FigureReport(
                    event.region, data.indicator, data.department or "", data.period, data.numerator, data.denominator,
                    data.revision, event.hall, event.id, event.time, self.now // 60_000_000, status,
                )
            )  # fmt: skip
        return FigureImport(self.place.region, self.place.hall, PLANS, saved, self.now, found)

    def corrections(self) -> Corrections:
        return Corrections(self.place, self.case_events, self.history)


@dataclass
class Import:
    """What an import came to. published: events; new: how many of them were not there before."""

    told: Understanding
    rejected: list[RejectedRow] = field(default_factory=list)
    published: list[HallEvent] = field(default_factory=list)
    new: int = 0
    job: Job | None = None

    @property
    def reasons(self) -> dict[int, str]:
        return {one.line: one.problem.reason for one in self.rejected}

    @property
    def asked(self) -> list[str]:
        return [question["id"] for question in self.told.questions if question["answer"] is None]

    def notes(self, what: str) -> int:
        return next((note["rows"] for note in self.told.notes if note["what"] == what), 0)


def take(file: Path, kind: Kind, shelf: Shelf, *, publish: bool = True, **options: Any) -> Import:
    """Import a file into a shelf. Raises TableError."""
    with opened(file, kind, shelf, Options(**options), DepartmentCodes()) as job:  # type: ignore[arg-type]
        job.understand()
        told = understanding_of(job, shelf, lambda _: None)  # type: ignore[arg-type]
        done = Import(told, job=job)
        if told.open or not publish:
            return done
        for outcome in job.outcomes():
            if isinstance(outcome, RejectedRow):
                done.rejected.append(outcome)
                continue
            for event in job.published(outcome):
                done.new += shelf.put(event)
                done.published.append(event)
        return done
