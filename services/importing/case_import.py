"""Whose cases are imported, and a row of them as events: ids that follow from what is said, checked by the contract."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from hallpulse.contract.events import Data, EventType, HallEvent
from hallpulse.contract.personal import is_personal
from hallpulse.contract.validation import EARLIEST
from hallpulse.domain.case import CaseEvent, in_force
from hallpulse.domain.catalogue import Timeline
from hallpulse.domain.workdays import Workdays, time_text

from .fields import STEPS
from .items import NAMESPACE, checked
from .notes import Note, Oddity
from .problems import BadRow

_canonical = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class HallOfCases:
    """The hall whose cases they are."""

    region: int
    hall: str


@dataclass(slots=True)
class CaseImport:
    """Whose cases they are; workdays: of the hall's county; now: microseconds since 1970-01-01 UTC.

    catalogue: as it is stored; checked: openings that the contract has let in, whatever their case.
    """

    place: HallOfCases
    workdays: Workdays
    now: int
    catalogue: Mapping[str, Timeline] = field(default_factory=dict)
    checked: set[Any] = field(default_factory=set)
    _plain: tuple[str, int] = ("", 0)
    _by_name: dict[str, list[str]] | None = None
    _by_number: dict[str, list[str]] | None = None

    def is_plain(self, case_id: str, time: int) -> bool:
        """Return whether the contract surely takes a case's number at a time; the last look is remembered."""
        year = 1970 + time // _YEAR
        if self._plain != (case_id, year):
            if _PLAIN(case_id) is None or is_personal(case_id, year):
                return False
            self._plain = (case_id, year)
        return True

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


ANY_CASE = "x"
"""The number in data that many cases share until they are published."""


class UnderstoodCase(NamedTuple):
    """A row that was understood. steps: (type, time, data of any case), without the contract's look at them.

    is_open: its status says that it goes on.
    """

    line: int
    case_id: str
    steps: Sequence[tuple[EventType, int, Data]]
    notes: Sequence[Note]
    is_open: bool = False

    def events(self, place: HallOfCases) -> list[HallEvent]:
        """The row's events, each id following from what the event says, so that saying it again is a duplicate."""
        return [_event(place, kind, time, self._own(data)) for kind, time, data in self.steps]

    def _own(self, data: Data) -> Data:
        return msgspec.structs.replace(data, case_id=self.case_id)

    def reopened(self, stored: Sequence[CaseEvent]) -> list[Note]:
        """Say where a case is open, as its status says, but stored as ended: an empty cell takes nothing back."""
        ended = [event for event in in_force(stored) if event.kind in _ENDINGS] if self.is_open else []
        return [
            Note(self.line, self.case_id, "status", Oddity.OPEN_BUT_ENDED, "", time_text(event.time)) for event in ended
        ]

    def differences(self, stored: Sequence[CaseEvent]) -> list[Note]:
        """The steps that are stored with other times than the row's."""
        known = {event.kind: event.time for event in sorted(in_force(stored), key=lambda event: (event.time, event.id))}
        return [
            Note(
                self.line,
                self.case_id,
                _STEP_OF[kind],
                Oddity.OTHER_THAN_STORED,
                time_text(known[kind]),
                time_text(time),
            )
            for kind, time, _ in self.steps
            if known.get(int(kind), time) != time
        ]

    def check(self, wanted: CaseImport) -> None:
        """Raise BadRow for what the contract would refuse: all of a row or nothing, half a case is a wrong figure."""
        times = [time for _, time, _ in self.steps]
        first, last = min(times), max(times)
        surely = (
            first >= EARLIEST
            and last <= wanted.now
            and last - first < _YEAR
            and wanted.is_plain(self.case_id, first)
            and wanted.is_plain(self.case_id, last)
        )
        for kind, time, data in self.steps:
            if not surely or kind is EventType.CASE_REJECTED:
                _check(wanted, kind, time, self._own(data))
            elif kind is EventType.CASE_RECEIVED and data not in wanted.checked:
                _check(wanted, kind, time, data)
                wanted.checked.add(data)


def _event(place: HallOfCases, kind: EventType, time: int, data: Data) -> HallEvent:
    return HallEvent(place.region, place.hall, _id_of(place.region, place.hall, kind, time, data), kind, time, data)


def event_id(event: HallEvent, number: int = 0) -> str:
    """The id of an imported event; number: how often the same had been said and taken back before."""
    return _id_of(event.region, event.hall, event.type, event.time, event.data, number)


def _id_of(  # noqa: PLR0917 - an event's own fields
    region: int, hall: str, kind: EventType, time: int, data: Data, number: int = 0
) -> str:
    said = f"/{region}/{hall}|{int(kind)}|{time}|{_canonical(data).decode()}"
    return str(uuid.uuid5(NAMESPACE, said if number == 0 else f"{said}|{number}"))


def _check(wanted: CaseImport, kind: EventType, time: int, data: Data) -> None:
    try:
        checked(HallEvent(wanted.place.region, wanted.place.hall, "x", kind, time, data), wanted.now)
    except BadRow as bad:
        raise BadRow(bad.reason, _STEP_OF[kind] if bad.field == "time" else bad.field, bad.detail) from None


_ENDINGS = (EventType.CASE_DECIDED, EventType.CASE_REJECTED, EventType.CASE_WITHDRAWN)
_STEP_OF = {kind: step for step, kind in STEPS.items()}
_PLAIN = re.compile(r"[0-9A-Za-z\u4e00-\u9fff](?:[-0-9A-Za-z_.\u4e00-\u9fff]{0,62}[0-9A-Za-z\u4e00-\u9fff])?").fullmatch
_YEAR = 31_556_952_000_000
"""Microseconds; within one of them there are two calendar years at most."""
