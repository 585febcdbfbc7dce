"""A row that was imported before and says something else now: the new event corrects the earlier one.

Only events that an import made are corrected, never what the hall itself has sent; and only where the row dates that
step again: an empty cell says nothing. What has no new event of its type to take its place, such as a decision of a
case that was withdrawn after all, is retracted. Without a look at what is stored, of two dates of one step the later
would count, and a typing error could only ever be corrected forwards.
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
"""Steps that end a case: a row that says another ending takes the one before it back."""

CaseEvents = Mapping[str, Sequence[CaseEvent]]
FullHistory = Callable[[str], Sequence[HallEvent]]


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrections of stored cases by the rows of a file.

    known: cases → their stored events, as the store has them; history: one case's events in full.
    """

    place: HallOfCases
    known: Callable[[Sequence[str]], CaseEvents]
    history: FullHistory

    def apply(self, rows: Sequence[Sequence[HallEvent]]) -> list[HallEvent]:
        """Return the events to publish so that the rows hold: all of theirs, and retractions of those they replace."""
        known = self.known([events[0].data.entity for events in rows])
        return [event for events in rows for event in self.of_case(events, known.get(events[0].data.entity, ()))]

    def of_case(self, events: Sequence[HallEvent], stored: Sequence[CaseEvent]) -> Iterable[HallEvent]:
        """The events of one row, with what they correct, and the retractions that it needs.

        stored: what is known of its case.
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
        """Earlier events of imports that count still and that the row says no more, in order of time."""
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
    """An id that was taken out stays so for ever: what is said again after a correction gets the next one."""
    for number in range(_GENERATIONS):
        id_ = event_id(event, number)
        if id_ in counting or id_ not in stored:
            return msgspec.structs.replace(event, id=id_)
    return event


def _as_stored(event: HallEvent, stored: CaseEvent) -> HallEvent:
    """An event that was published before says what it corrects as it did then, and is a duplicate."""
    return event if stored.corrects is None else _correcting(event, unpack_id(stored.corrects))


def _correcting(event: HallEvent, id_: str) -> HallEvent:
    return msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, corrects=id_))


def _may_be_ours(id_: str) -> bool:
    return id_[_VERSION_AT : _VERSION_AT + 1] == _VERSION_OF_OURS


def _is_ours(event: HallEvent) -> bool:
    """Return whether the id follows from what the event says, as an import makes it."""
    if not _may_be_ours(event.id) or not hasattr(event.data, "corrects"):
        return False
    said = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, corrects=None))
    return any(event.id == event_id(said, number) for number in range(_GENERATIONS))
