"""The effects of an import on the figures, computed before it is published: by month for cases, or for a catalogue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from hallpulse.contract.events import (
    Data,
    EventType,
    HallEvent,
    ItemPublished,
    Received,
)
from hallpulse.domain.case import CaseEvent, Opening, case_event_of, pack_id
from hallpulse.domain.catalogue import ItemRecord, Timeline, span_on, timeline
from hallpulse.domain.clock import fold
from hallpulse.domain.figures import Figure, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import COLUMNS, ITEM_COLUMNS, Entry, entries_of, item_amounts
from hallpulse.domain.workdays import Workdays, date_of, day_of, local_day


class Effect(NamedTuple):
    """An indicator's figure of a month (`2026-03`) or a day, before and after the import."""

    period: str
    indicator: str
    before: Figure
    after: Figure


def case_event(kind: EventType, time: int, data: Data, id_: str = "") -> CaseEvent:
    """Return an imported event in the form that folding a case's events (`fold`) takes.

    time: microseconds since 1970-01-01 UTC; data: the event's data; id_: its id, empty if it has none yet.
    """
    return CaseEvent(int(kind), time, pack_id(id_) if id_ else b"", *_said(kind, data))


@lru_cache(maxsize=16_384)
def _said(kind: EventType, data: Data) -> tuple[int | None, str | None, Opening | None, bytes | None]:
    """Return the number, text, opening and packed id of the corrected event, as `CaseEvent` has them."""
    return case_event_of(int(kind), 0, b"", msgspec.structs.astuple(data)[1:])[3:]


@lru_cache(maxsize=4096)
def _month(day: int) -> str:
    return date_of(day).isoformat()[:7]


Step = tuple[EventType, int, Data]
"""A step of a case: event type, time in microseconds since 1970-01-01 UTC, data."""
_INTRICATE = frozenset(
    (EventType.CASE_SUSPENDED, EventType.CASE_RESUMED, EventType.CASE_EXTENDED, EventType.CASE_REJECTED)
)
_MOST_COURSES = 50_000


@dataclass(slots=True)
class _Course:
    """Cases with the same course, which affect figures alike. steps: the steps of the first of them."""

    steps: Sequence[Step]
    cases: int = 1


@dataclass(slots=True)
class CaseEffects:
    """Sums up what cases add to the figures of each month: new cases, and changed cases compared with stored ones."""

    workdays: Workdays
    catalogue: Mapping[str, Timeline]
    _before: Counter[Entry] = field(default_factory=Counter)
    _after: Counter[Entry] = field(default_factory=Counter)
    _courses: dict[object, _Course] = field(default_factory=dict)
    _sums: dict[tuple[str, int], int] | None = None

    def add_new(self, steps: Sequence[Step]) -> None:
        """Add a new case, of which nothing is stored. Cases with the same course are counted and computed once."""
        key = self._key(steps)
        if key is None:
            self.add((), [case_event(*step) for step in steps])
            return
        self._sums = None
        course = self._courses.get(key)
        if course is not None:
            course.cases += 1
            return
        if len(self._courses) >= _MOST_COURSES:
            self._fold_courses()
        self._courses[key] = _Course(steps)

    def _key(self, steps: Sequence[Step]) -> object:
        """Return all that the figures of a case depend on: its days, its limits or its item's, two flags and a rating.

        Return None for a case that must be folded by itself: suspended, extended or rejected.
        """
        days: list[int] = []
        received: Received | None = None
        accepted = decided = rated = None
        for kind, time, data in steps:
            if kind in _INTRICATE:
                return None
            day = local_day(time)
            days += (kind, day)
            if kind is EventType.CASE_RECEIVED:
                assert isinstance(data, Received)
                received, first = data, day
            elif kind is EventType.CASE_ACCEPTED:
                accepted = day
            elif kind is EventType.CASE_DECIDED:
                decided = day
            elif kind is EventType.CASE_RATED:
                rated = data
        if received is None:
            return None
        if accepted is None and decided is not None:
            accepted = first
        spans = self.catalogue.get(received.item_code)
        span = span_on(spans, accepted) if spans and accepted is not None else None
        of_item = None if span is None else span.version[3:6]
        own = (received.unified, received.full_process, received.statutory_days, received.promised_days)
        return tuple(days), own, of_item, rated

    def _fold_courses(self) -> None:
        for course in self._courses.values():
            case = fold([case_event(*step) for step in course.steps], self.workdays, self.catalogue)
            if case is not None:
                for entry in entries_of(case):
                    self._after[entry] += course.cases
        self._courses.clear()

    def add(self, before: Sequence[CaseEvent], after: Sequence[CaseEvent]) -> None:
        """Add a changed case: its events before the import are subtracted, those after it are added."""
        self._sums = None
        for events, entries in ((before, self._before), (after, self._after)):
            case = fold(events, self.workdays, self.catalogue) if events else None
            if case is not None:
                entries.update(entries_of(case))

    def sums(self) -> Mapping[tuple[str, int], int]:
        """Return the amount that the cases add to each sum: (month, column) → amount."""
        if self._sums is None:
            self._fold_courses()
            sums: defaultdict[tuple[str, int], int] = defaultdict(int)
            for entries, sign in ((self._before, -1), (self._after, 1)):
                for (day, column, amount), times in entries.items():
                    sums[_month(day), column] += sign * amount * times
            self._sums = sums
        return self._sums

    def months(self) -> list[str]:
        return sorted({month for (month, _), amount in self.sums().items() if amount})

    def effects(self, month: str, before: Mapping[str, Figure]) -> list[Effect]:
        """Return the indicators of cases that change in a month. before: the month's figures before the import."""
        sums = {COLUMNS[column]: amount for (of, column), amount in self.sums().items() if of == month}
        found = []
        for name, indicator in COMPUTED.items():
            change = indicator.figure(sums)
            if indicator.kind == "case" and (change.numerator or change.denominator):
                old = before.get(name, Figure(0, 0))
                found.append(Effect(month, name, old, old + change))
        return found


def window_of(month: str) -> Window:
    """Return the window of a month, such as 2026-03."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return Window(first, following - timedelta(days=1))


def catalogue_effects(known: Mapping[str, Timeline], events: Iterable[HallEvent], on: date) -> list[Effect]:
    """Return the catalogue's indicators on a day, as stored and with the versions that are about to be published.

    known: the stored catalogue; events: the events about to be published.
    """
    day = day_of(on)
    before, after = [0] * len(ITEM_COLUMNS), [0] * len(ITEM_COLUMNS)
    published: dict[str, list[ItemRecord]] = {}
    for event in events:
        if isinstance(event.data, ItemPublished):
            start = day_of(date.fromisoformat(event.data.effective_from))
            record = ItemRecord(event.hall, event.id, event.time, start, event.data.version)
            published.setdefault(event.data.item_code, []).append(record)
    for code in {*known, *published}:
        spans = known.get(code, ())
        _add(before, spans, day)
        stored = [ItemRecord(span.hall, span.id, 0, span.start, span.version) for span in spans]
        _add(after, timeline([*stored, *published[code]]) if code in published else spans, day)
    found = []
    for name, indicator in COMPUTED.items():
        if indicator.kind == "catalogue":
            figures = [indicator.figure(dict(zip(ITEM_COLUMNS, sums, strict=True))) for sums in (before, after)]
            found.append(Effect(on.isoformat(), name, *figures))
    return found


def _add(sums: list[int], spans: Timeline, day: int) -> None:
    span = span_on(spans, day)
    if span is not None:
        for position, amount in enumerate(item_amounts(span.version)):
            sums[position] += amount
