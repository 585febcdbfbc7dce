"""Foresight: events are judged as if they were sent now, without storing anything."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection

from hallpulse.contract.events import CaseData, Family, HallEvent
from hallpulse.domain.case import CaseEvent, pack_id
from hallpulse.domain.catalogue import Timeline, Timelines
from hallpulse.domain.clock import Case, fold
from hallpulse.store.cases import CaseKey
from hallpulse.store.database import case_event
from hallpulse.store.in_force import CalendarCache, Item, ends_of, timelines
from hallpulse.store.item_versions import spans_of
from hallpulse.store.ledger import LedgerEntry, entries_about
from hallpulse.store.merge import EventKey, stored_events

from .stored import read_case_events


class Fate(StrEnum):
    """The outcome that an event would have in the store."""

    NEW = "new"
    DUPLICATE = "duplicate"
    REUSED = "id-reused"


class ForeseenCase(NamedTuple):
    """A case as it is, and as it would be; None while its `received` event is missing."""

    before: Case | None
    after: Case | None


class ForeseenItem(NamedTuple):
    """An item's versions as they are, and as they would be."""

    before: Timeline
    after: Timeline


class Foresight(NamedTuple):
    """The outlook for a batch. fates: of the events, in their order; cases, items: those that the new events change."""

    fates: Sequence[Fate]
    cases: dict[CaseKey, ForeseenCase]
    items: dict[Item, ForeseenItem]


def read_foresight(connection: Connection, calendars: CalendarCache, events: Sequence[HallEvent]) -> Foresight:
    """Judge events by the stored ones and by those before them; item versions among them also apply to the cases."""
    keys = [(event.region, event.hall, pack_id(event.id)) for event in events]
    known: dict[EventKey, HallEvent] = stored_events(connection, sorted(set(keys)))
    fates, new = [], []
    for key, event in zip(keys, events, strict=True):
        other = known.setdefault(key, event)
        fate = Fate.NEW if other is event else Fate.DUPLICATE if event.same_content(other) else Fate.REUSED
        fates.append(fate)
        if fate is Fate.NEW:
            new.append(event)
    items = _items(connection, [event for event in new if event.type.family is Family.ITEM])
    return Foresight(fates, _cases(connection, calendars, new, items), items)


def _items(connection: Connection, events: Sequence[HallEvent]) -> dict[Item, ForeseenItem]:
    about: dict[Item, list[LedgerEntry]] = {}
    for event in events:
        entry = LedgerEntry(event.hall, event.id, event.time, event.type, event.data)
        about.setdefault((event.region, event.entity), []).append(entry)
    stored = entries_about(connection, Family.ITEM, sorted(about)) if about else {}
    ended = ends_of(connection, {region for region, _ in about})
    return {
        item: ForeseenItem(
            spans_of(stored[item], ended.get(item[0])), spans_of([*stored[item], *about[item]], ended.get(item[0]))
        )
        for item in about
    }


def _cases(
    connection: Connection, calendars: CalendarCache, events: Sequence[HallEvent], items: dict[Item, ForeseenItem]
) -> dict[CaseKey, ForeseenCase]:
    about: dict[CaseKey, list[CaseEvent]] = {}
    for event in events:
        if isinstance(event.data, CaseData):
            key = event.region, event.hall, event.data.case_id
            about.setdefault(key, []).append(case_event(event, pack_id(event.id)))
    stored: dict[CaseKey, Sequence[CaseEvent]] = {}
    for region, hall in sorted({key[:2] for key in about}):
        ids = [case_id for one, other, case_id in about if (one, other) == (region, hall)]
        found = read_case_events(connection, region, hall, ids)
        stored |= {(region, hall, case_id): history for case_id, history in found.items()}
    current = calendars.current(connection)
    catalogues: dict[int, tuple[Timelines, Timelines]] = {}
    foreseen = {}
    for key, added in about.items():
        region = key[0]
        if region not in catalogues:
            catalogues[region] = _catalogues(connection, region, items)
        before, after = catalogues[region]
        workdays, known = current.workdays(region), stored.get(key, ())
        foreseen[key] = ForeseenCase(fold(known, workdays, before), fold([*known, *added], workdays, after))
    return foreseen


def _catalogues(connection: Connection, region: int, items: dict[Item, ForeseenItem]) -> tuple[Timelines, Timelines]:
    """Return a region's items as they are, and as they would be."""
    stored: dict[str, Timeline] = dict(timelines(connection, region))
    return stored, stored | {code: item.after for (of, code), item in items.items() if of == region}
