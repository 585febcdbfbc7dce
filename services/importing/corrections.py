"""Corrections: if an imported row has changed since, its new events correct the earlier ones.

Only events that an import published are corrected, never events that the hall itself has sent; and only steps that the
row dates again, because an empty cell says nothing. An earlier event without a new event of its type, such as the
decision of a case that was withdrawn after all, is retracted. Without corrections, the later of two dates of a step
would count, and a date could never be corrected to an earlier one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from hallpulse.contract.events import CaseRetracted, EventType, HallEvent
from hallpulse.domain.case import CaseEvent, Kind, in_force, unpack_id

from .case_import import HallOfCases, event_id
from .items import NAMESPACE

_VERSION_OF_OURS = "5"
_VERSION_AT = 14
_GENERATIONS = 20
_ENDS = frozenset({int(Kind.REJECTED), int(Kind.DECIDED), int(Kind.WITHDRAWN)})
"""Steps that end a case: a row with another ending retracts the stored one."""

CaseEvents = Mapping[str, Sequence[CaseEvent]]
FullHistory = Callable[[str], Sequence[HallEvent]]


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrections of stored cases by the rows of a file.

    known: returns the stored events of cases by their ids; history: returns the full events of one case.
    """

    place: HallOfCases
    known: Callable[[Sequence[str]], CaseEvents]
    history: FullHistory

    def apply(self, rows: Sequence[Sequence[HallEvent]]) -> list[HallEvent]:
        """Return the events to publish for the rows: all events of the rows, and the retractions that they need."""
        known = self.known([events[0].data.entity for events in rows])
        return [event for events in rows for event in self.of_case(events, known.get(events[0].data.entity, ()))]

    def of_case(self, events: Sequence[HallEvent], stored: Sequence[CaseEvent]) -> Iterable[HallEvent]:
        """Return the events of one row, each with the event that it corrects, and the retractions that the row needs.

        stored: the stored events of its case.
        """
        by_id = {event.id: event for event in stored}
        counting = {event.id for event in in_force(stored)}
        wanted = [_numbered(event, by_id, counting) for event in events]
        replaced = self._replaced(wanted, stored, counting)
        said = [_as_stored(event, by_id[event.id]) for event in wanted if event.id in by_id]
        for event in wanted:
            if event.id not in by_id:
                earlier = next((one for one in replaced if one.kind == event.type), None)
                if earlier is not None:
                    replaced.remove(earlier)
                said.append(event if earlier is None else _correcting(event, earlier.id))
        retractions = [self._retraction(events[0].data.entity, event) for event in replaced]
        return [*retractions, *sorted(said, key=lambda event: event.time)]

    def _replaced(
        self, wanted: Sequence[HallEvent], stored: Sequence[CaseEvent], counting: set[str]
    ) -> list[CaseEvent]:
        """Return the earlier imported events that still count and that the row no longer has, in order of time."""
        ids, kinds = {event.id for event in wanted}, {int(event.type) for event in wanted}
        if kinds & _ENDS:
            kinds |= _ENDS
        found = [e for e in stored if e.kind in kinds and e.id in counting and e.id not in ids and _may_be_ours(e.id)]
        if not found:
            return []
        ours = {event.id for event in self.history(wanted[0].data.entity) if _is_ours(event)}
        return sorted((event for event in found if event.id in ours), key=lambda event: event.time)

    def _retraction(self, case_id: str, event: CaseEvent) -> HallEvent:
        data = CaseRetracted(case_id, event.id, "再次导入时更正 corrected by a later import")
        id_ = str(uuid.uuid5(NAMESPACE, f"retract|/{self.place.region}/{self.place.hall}|{event.id}"))
        return HallEvent(self.place.region, self.place.hall, id_, EventType.CASE_RETRACTED, event.time, data)


def _numbered(event: HallEvent, stored: Mapping[str, CaseEvent], counting: set[str]) -> HallEvent:
    """Return the event with its first id that counts or is unused: the id of a corrected event never counts again."""
    for number in range(_GENERATIONS):
        id_ = event_id(event, number)
        if id_ in counting or id_ not in stored:
            return msgspec.structs.replace(event, id=id_)
    return event


def _as_stored(event: HallEvent, stored: CaseEvent) -> HallEvent:
    """Return an event that was published before with the correction that it had then, so that it is a duplicate."""
    return event if stored.corrects is None else _correcting(event, unpack_id(stored.corrects))


def _correcting(event: HallEvent, id_: str) -> HallEvent:
    return msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, corrects=id_))


def _may_be_ours(id_: str) -> bool:
    return id_[_VERSION_AT : _VERSION_AT + 1] == _VERSION_OF_OURS


def _is_ours(event: HallEvent) -> bool:
    """Return whether the event's id follows from its content, as the ids of imported events do."""
    if not _may_be_ours(event.id) or not hasattr(event.data, "corrects"):
        return False
    said = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, corrects=None))
    return any(event.id == event_id(said, number) for number in range(_GENERATIONS))
