"""Whose cases are imported, and a row of them as events: ids that follow from what is said, checked by the contract."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hallpulse.contract.events import EventType, HallEvent
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.workdays import Workdays

from .items import NAMESPACE, checked
from .problems import BadRow, Note

STEPS: Mapping[str, EventType] = {
    "received": EventType.CASE_RECEIVED,
    "supplement_requested": EventType.CASE_SUPPLEMENT_REQUESTED,
    "supplemented": EventType.CASE_SUPPLEMENTED,
    "accepted": EventType.CASE_ACCEPTED,
    "rejected": EventType.CASE_REJECTED,
    "suspended": EventType.CASE_SUSPENDED,
    "resumed": EventType.CASE_RESUMED,
    "extended": EventType.CASE_EXTENDED,
    "decided": EventType.CASE_DECIDED,
    "delivered": EventType.CASE_DELIVERED,
    "rated": EventType.CASE_RATED,
    "withdrawn": EventType.CASE_WITHDRAWN,
}
"""Steps in the order of a case's life, which is their order where they are dated to the day only."""
_canonical = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Place:
    """The hall whose cases they are."""

    region: int
    hall: str


@dataclass(slots=True)
class CaseImport:
    """Whose cases they are; workdays: of the hall's county; now: microseconds since 1970-01-01 UTC.

    catalogue: as it is stored; today: days since 1970-01-01.
    """

    place: Place
    workdays: Workdays
    now: int
    catalogue: Mapping[str, Timeline] = field(default_factory=dict)
    _by_name: dict[str, list[str]] | None = None
    _by_number: dict[str, list[str]] | None = None

    def by_name(self, name: str) -> list[str]:
        """Codes of the items of that name."""
        if self._by_name is None:
            self._by_name = {}
            for code, spans in self.catalogue.items():
                for version_name in {span.version.name for span in spans}:
                    self._by_name.setdefault(version_name, []).append(code)
        return self._by_name.get(name, [])

    def by_number(self, code: str) -> list[str]:
        """Codes that differ from a number by zeros before it."""
        if self._by_number is None:
            self._by_number = {}
            for known in self.catalogue:
                self._by_number.setdefault(known.lstrip("0"), []).append(known)
        return self._by_number.get(code.lstrip("0"), [])

    def department_of(self, item_code: str) -> str:
        """The department of an item's last version; empty for an unknown one."""
        spans = self.catalogue.get(item_code, ())
        return spans[-1].version.department if spans else ""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row that was understood. steps: (type, time, data), without the contract's look at them."""

    line: int
    case_id: str
    steps: Sequence[tuple[EventType, int, Any]]
    notes: Sequence[Note]

    def events(self, place: Place) -> list[HallEvent]:
        """The row's events, each id following from what the event says, so that saying it again is a duplicate."""
        made = (HallEvent(place.region, place.hall, "", kind, time, data) for kind, time, data in self.steps)
        return [msgspec.structs.replace(event, id=event_id(event)) for event in made]


def event_id(event: HallEvent, number: int = 0) -> str:
    """The id of an imported event; number: how often the same had been said and taken back before."""
    said = f"/{event.region}/{event.hall}|{int(event.type)}|{event.time}|{_canonical(event.data).decode()}"
    return str(uuid.uuid5(NAMESPACE, said if number == 0 else f"{said}|{number}"))


def check_row(row: CaseRow, wanted: CaseImport) -> None:
    """Raise BadRow for what the contract would refuse: all of a row or nothing, half a case would be wrong figures."""
    place = wanted.place
    for kind, time, data in row.steps:
        if kind is EventType.CASE_RECEIVED or kind is EventType.CASE_REJECTED or not _in_range(time, wanted.now):
            try:
                checked(HallEvent(place.region, place.hall, "x", kind, time, data), wanted.now)
            except BadRow as bad:
                raise BadRow(bad.reason, _STEP_OF[kind] if bad.field == "time" else bad.field, bad.detail) from None


_STEP_OF = {kind: step for step, kind in STEPS.items()}
_EARLIEST = 694_195_200_000_000


def _in_range(time: int, now: int) -> bool:
    return _EARLIEST <= time <= now
