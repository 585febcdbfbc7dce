"""A dry run of events: tells what would be refused or flagged, and how cases and items would stand. Nothing is sent.

It reads only the moment of the store that it is given. `hallpulse validate` uses it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from hallpulse.contract.events import HallEvent, ItemPublished, Received
from hallpulse.contract.reasons import Reason
from hallpulse.domain.catalogue import ItemSpan, Timeline
from hallpulse.domain.clock import Case
from hallpulse.domain.clockface import flag_names
from hallpulse.domain.workdays import date_of
from hallpulse.store import Fate, Foresight, Moment
from services.gateway.case_history import state_of
from services.gateway.problems import EventResult


class CaseStanding(msgspec.Struct, frozen=True):
    """A case at one time. state: for an open case as in cases_open, else decided, withdrawn or rejected.

    elapsed: working days of a decided case; due: the last day that keeps the promised limit.
    """

    state: str
    item_code: str
    department: str
    received: date
    accepted: date | None
    decided: date | None
    due: date | None
    elapsed: int | None
    promised_days: int | None
    statutory_days: int | None
    flags: list[str]


class CaseForeseen(msgspec.Struct, frozen=True):
    """A case before and after the events; null without its `received`. new_flags: flags that the events bring."""

    region: str
    hall: str
    case_id: str
    before: CaseStanding | None
    after: CaseStanding | None
    new_flags: list[str]


class VersionForeseen(msgspec.Struct, frozen=True):
    """A version of an item. until: the day before which it ends, null if it has no end."""

    effective_from: date
    until: date | None
    statutory_days: int | None
    promised_days: int | None
    event_id: str


class ItemForeseen(msgspec.Struct, frozen=True):
    """An item's versions before and after the events."""

    item_code: str
    before: list[VersionForeseen]
    after: list[VersionForeseen]


class Foreseen(msgspec.Struct, frozen=True):
    """The outcome of a dry run: a result for each event, and the cases and items that the events are about."""

    results: list[EventResult]
    cases: list[CaseForeseen]
    items: list[ItemForeseen]


def foresee(moment: Moment, results: Sequence[EventResult], events: Mapping[int, HallEvent], today: date) -> Foreseen:
    """Return the outcome of events that were checked against the contract.

    results: of the contract's check, completed here with what the store knows; events: index among the results → event
    that keeps the contract.
    """
    indexes = sorted(events)
    found = moment.foresight([events[index] for index in indexes])
    fates = dict(zip(indexes, found.fates, strict=True))
    told = [
        _told(result, fates[result.index], _notes(moment, events[result.index], found))
        if result.index in fates
        else result
        for result in results
    ]
    day = (today - date(1970, 1, 1)).days
    cases = [
        CaseForeseen(
            str(region),
            hall,
            case_id,
            _standing(one.before, day),
            _standing(one.after, day),
            _new(one.before, one.after),
        )
        for (region, hall, case_id), one in found.cases.items()
    ]
    items = [ItemForeseen(code, _versions(one.before), _versions(one.after)) for (_, code), one in found.items.items()]
    return Foreseen(told, cases, items)


def _told(result: EventResult, fate: Fate, notes: list[str]) -> EventResult:
    match fate:
        case Fate.DUPLICATE:
            return msgspec.structs.replace(result, status="duplicate")
        case Fate.REUSED:
            detail = "expected an id that was not used for another event of this source"
            return msgspec.structs.replace(
                result, status="refused", reason=Reason.ID_REUSED.value, field="id", detail=detail
            )
    return msgspec.structs.replace(result, notes=notes or None)


def _notes(moment: Moment, event: HallEvent, found: Foresight) -> list[str]:
    """Return notes on an event: a receipt that the catalogue contradicts, a promised limit over the statutory one."""
    data = event.data
    if isinstance(data, Received):
        stored = found.items.get((event.region, data.item_code))
        spans = stored.after if stored is not None else moment.versions(event.region, data.item_code)
        if not spans:
            return ["unknown_item"]
        return [] if any(span.version.department == data.department for span in spans) else ["other_department"]
    if isinstance(data, ItemPublished) and data.promised_days is not None and data.statutory_days is not None:
        return ["promised_over_statutory"] if data.promised_days > data.statutory_days else []
    return []


def _standing(case: Case | None, today: int) -> CaseStanding | None:
    if case is None:
        return None
    return CaseStanding(
        state=state_of(case, today),
        item_code=case.item_code,
        department=case.department,
        received=date_of(case.received),
        accepted=_date(case.accepted),
        decided=_date(case.decided),
        due=_date(case.due),
        elapsed=case.elapsed,
        promised_days=case.promised_days,
        statutory_days=case.statutory_days,
        flags=flag_names(case.flags),
    )


def _new(before: Case | None, after: Case | None) -> list[str]:
    return flag_names((after.flags if after else 0) & ~(before.flags if before else 0))


def _versions(spans: Timeline) -> list[VersionForeseen]:
    return [_version(span) for span in spans]


def _version(span: ItemSpan) -> VersionForeseen:
    version = span.version
    return VersionForeseen(date_of(span.start), _date(span.end), version.statutory_days, version.promised_days, span.id)


def _date(day: int | None) -> date | None:
    return None if day is None else date_of(day)
