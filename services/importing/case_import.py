"""Import of cases: a row becomes events; their ids follow from their content, and the contract checks them."""

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
    """The hall whose cases are imported."""

    region: int
    hall: str


@dataclass(slots=True)
class CaseImport:
    """The context of an import of cases.

    place: the hall; workdays: the working days of its county; now: microseconds since 1970-01-01 UTC; catalogue: the
    stored catalogue; checked: openings that the contract has accepted, whatever their case.
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
        """Return whether the contract surely accepts a case id in an event of that time. The last result is cached.

        time: microseconds since 1970-01-01 UTC.
        """
        year = 1970 + time // _YEAR
        if self._plain != (case_id, year):
            if _PLAIN(case_id) is None or is_personal(case_id, year):
                return False
            self._plain = (case_id, year)
        return True

    def by_name(self, name: str) -> list[str]:
        """Return the codes of the items that have, or had, this name."""
        if self._by_name is None:
            self._by_name = {}
            for code, spans in self.catalogue.items():
                for version_name in {span.version.name for span in spans}:
                    self._by_name.setdefault(version_name, []).append(code)
        return self._by_name.get(name, [])

    def by_number(self, code: str) -> list[str]:
        """Return the item codes that equal a number but for leading zeros."""
        if self._by_number is None:
            self._by_number = {}
            for known in self.catalogue:
                self._by_number.setdefault(known.lstrip("0"), []).append(known)
        return self._by_number.get(code.lstrip("0"), [])

    def department_of(self, item_code: str) -> str:
        """Return the department of an item's last version; empty for an unknown item."""
        spans = self.catalogue.get(item_code, ())
        return spans[-1].version.department if spans else ""


ANY_CASE = "x"
"""The case id in data that many cases share; it is replaced when events are made."""


class UnderstoodCase(NamedTuple):
    """A row of cases that was understood.

    steps: type, time (microseconds since 1970-01-01 UTC) and data of each event, with ANY_CASE as case id and not yet
    checked by the contract; is_open: whether the row's status says that the case is open.
    """

    line: int
    case_id: str
    steps: Sequence[tuple[EventType, int, Data]]
    notes: Sequence[Note]
    is_open: bool = False

    def events(self, place: HallOfCases) -> list[HallEvent]:
        """Return the row's events. An id follows from the event's content, so the same event again is a duplicate."""
        return [_event(place, kind, time, self._own(data)) for kind, time, data in self.steps]

    def _own(self, data: Data) -> Data:
        return msgspec.structs.replace(data, case_id=self.case_id)

    def reopened(self, stored: Sequence[CaseEvent]) -> list[Note]:
        """Return a note for each stored ending of a case whose row says that it is open.

        The stored ending stays: an empty cell retracts nothing.
        """
        ended = [event for event in in_force(stored) if event.kind in _ENDINGS] if self.is_open else []
        return [
            Note(self.line, self.case_id, "status", Oddity.OPEN_BUT_ENDED, "", time_text(event.time)) for event in ended
        ]

    def differences(self, stored: Sequence[CaseEvent]) -> list[Note]:
        """Return a note for each step that is stored with another time than the row gives."""
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
        """Raise BadRow if the contract would refuse any event of the row: half a case would make wrong figures."""
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
    """Return the id of an imported event. number: how often the same event was published and retracted before."""
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
"""A year in microseconds; two times less than a year apart lie in at most two calendar years."""
