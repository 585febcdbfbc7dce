"""A row that was imported before and says something else now: the earlier event is taken back, the new one counts.

Only events that an import made are taken back, never what the hall itself has sent; and only where the row dates that
step again: an empty cell says nothing. Without a look at what is stored, of two dates of one step the later would
count, and a typing error could only ever be corrected forwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from hallpulse.contract.events import CaseRetracted, EventType, HallEvent
from hallpulse.domain.case import CaseEvent, Kind

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
    """known: cases → their stored events, as the store has them; history: one case's events in full."""

    place: HallOfCases
    known: Callable[[Sequence[str]], CaseEvents]
    history: FullHistory

    def apply(self, rows: Sequence[Sequence[HallEvent]]) -> list[HallEvent]:
        """Return the events to publish so that the rows hold: all of theirs, and retractions of those they replace."""
        known = self.known([events[0].data.entity for events in rows])
        return [event for events in rows for event in self.of_case(events, known.get(events[0].data.entity, ()))]

    def of_case(self, events: Sequence[HallEvent], stored: Sequence[CaseEvent]) -> Iterable[HallEvent]:
        """The events of one row and the retractions that it needs; stored: what is known of its case."""
        taken_back = {event.text for event in stored if event.kind == Kind.RETRACTED}
        wanted = [_not_taken_back(event, taken_back) for event in events]
        ids, kinds = {event.id for event in wanted}, {int(event.type) for event in wanted}
        if kinds & _ENDS:
            kinds |= _ENDS
        replaced = [
            event
            for event in stored
            if event.kind in kinds
            and event.id not in ids
            and event.id not in taken_back
            and event.id[_VERSION_AT : _VERSION_AT + 1] == _VERSION_OF_OURS
        ]
        if replaced:
            yield from self._retractions(events[0].data.entity, {event.id for event in replaced})
        yield from wanted

    def _retractions(self, case_id: str, ids: set[str]) -> Iterable[HallEvent]:
        for event in self.history(case_id):
            if event.id in ids and any(event.id == event_id(event, number) for number in range(_GENERATIONS)):
                data = CaseRetracted(case_id, event.id, "再次导入时更正 corrected by a later import")
                id_ = str(uuid.uuid5(NAMESPACE, f"retract|/{self.place.region}/{self.place.hall}|{event.id}"))
                kind = EventType.CASE_RETRACTED
                yield HallEvent(self.place.region, self.place.hall, id_, kind, event.time, data)


def _not_taken_back(event: HallEvent, taken_back: set[str | None]) -> HallEvent:
    """An id that was taken back stays so for ever: what is said again after a correction gets the next one."""
    for number in range(_GENERATIONS):
        id_ = event_id(event, number)
        if id_ not in taken_back:
            return msgspec.structs.replace(event, id=id_)
    return event
