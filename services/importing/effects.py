"""The effects of an import on the figures, before it is published: each month of a file of cases, or the catalogue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from hallpulse.contract.events import (
    CaseRetracted,
    Data,
    EventType,
    Extended,
    HallEvent,
    ItemPublished,
    Rated,
    Received,
    Suspended,
    corrects_of,
)
from hallpulse.domain.case import AUTOMATIC, CaseEvent, Opening, pack_id
from hallpulse.domain.catalogue import ItemRecord, Timeline, span_on, timeline
from hallpulse.domain.clock import fold
from hallpulse.domain.figures import Figure, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import COLUMNS, ITEM_COLUMNS, Entry, entries_of, item_amounts
from hallpulse.domain.workdays import Workdays, date_of, day_of


class Effect(NamedTuple):
    """An indicator of a month (`2026-03`) or a day before and after."""

    period: str
    indicator: str
    before: Figure
    after: Figure


def case_event(kind: EventType, time: int, data: object, id_: str = "") -> CaseEvent:
    """Return an imported event as the fold needs it."""
    return CaseEvent(int(kind), time, pack_id(id_) if id_ else b"", *_said(kind, data))


@lru_cache(maxsize=16_384)
def _said(kind: EventType, data: object) -> tuple[int | None, str | None, Opening | None, bytes | None]:
    """Return number, text, opening and packed id of the corrected event, as an event of the fold has them."""
    number: int | None = None
    text: str | None = None
    opening: Opening | None = None
    if isinstance(data, Received):
        opening = Opening(*msgspec.structs.astuple(data)[1:-1])
    elif kind is EventType.CASE_ACCEPTED:
        opening = Opening()
    elif isinstance(data, Extended):
        number = data.days
    elif isinstance(data, Rated):
        number, text = data.score, AUTOMATIC if data.automatic else None
    elif isinstance(data, Suspended):
        text = data.procedure
    elif isinstance(data, CaseRetracted):
        text = data.event_id
    named = corrects_of(data) if isinstance(data, Data) else None
    return number, text, opening, None if named is None else pack_id(named)


@lru_cache(maxsize=4096)
def _month(day: int) -> str:
    return date_of(day).isoformat()[:7]


@dataclass(slots=True)
class CaseEffects:
    """Adds up what cases put on each month: new ones, and changed ones against what is stored of them."""

    workdays: Workdays
    catalogue: Mapping[str, Timeline]
    _before: Counter[Entry] = field(default_factory=Counter)
    _after: Counter[Entry] = field(default_factory=Counter)
    _sums: dict[tuple[str, int], int] | None = None

    def add(self, before: Sequence[CaseEvent], after: Sequence[CaseEvent]) -> None:
        """Put a case's figures in the place of those that it had."""
        self._sums = None
        for events, entries in ((before, self._before), (after, self._after)):
            case = fold(events, self.workdays, self.catalogue) if events else None
            if case is not None:
                entries.update(entries_of(case))

    def sums(self) -> Mapping[tuple[str, int], int]:
        """(month, column) → what is added to it."""
        if self._sums is None:
            sums: defaultdict[tuple[str, int], int] = defaultdict(int)
            for entries, sign in ((self._before, -1), (self._after, 1)):
                for (day, column, amount), times in entries.items():
                    sums[_month(day), column] += sign * amount * times
            self._sums = sums
        return self._sums

    def months(self) -> list[str]:
        return sorted({month for (month, _), amount in self.sums().items() if amount})

    def effects(self, month: str, before: Mapping[str, Figure]) -> list[Effect]:
        """The case indicators that change in a month. before: its figures as they are."""
        sums = {COLUMNS[column]: amount for (of, column), amount in self.sums().items() if of == month}
        found = []
        for name, indicator in COMPUTED.items():
            change = indicator.figure(sums)
            if indicator.kind == "case" and (change.numerator or change.denominator):
                old = before.get(name, Figure(0, 0))
                found.append(Effect(month, name, old, old + change))
        return found


def window_of(month: str) -> Window:
    """The days of a month written 2026-03."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return Window(first, following - timedelta(days=1))


def catalogue_effects(known: Mapping[str, Timeline], events: Iterable[HallEvent], on: date) -> list[Effect]:
    """The catalogue's indicators on a day, as stored and with the versions that are about to be published."""
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
