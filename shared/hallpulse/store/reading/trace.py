"""The trace of one event of a hall: whether it is stored or refused, its effect, and what took it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, null, select, text

from hallpulse.contract.events import CaseData, Family, HallEvent, corrects_of
from hallpulse.domain.case import CaseEvent, Kind, pack_id, taken_out
from hallpulse.domain.figures import current
from hallpulse.domain.standing import standing
from hallpulse.domain.workdays import Workdays
from hallpulse.store.archiving.packed_events import ARRIVED, archived_rows, event_columns
from hallpulse.store.database import unpack_history
from hallpulse.store.item_versions import record_of
from hallpulse.store.ledger import LedgerEntry, entity_of, entries_about, report_of
from hallpulse.store.merge import EVENT_COLUMNS, EventKey, event_of
from hallpulse.store.receipts import SentAgain, read_sent_again
from hallpulse.store.refused_rows import READ, KeptRefusal, RefusedFilter, after, kept_of
from hallpulse.store.tables import refused

from .stored import CaseHistory, read_history

MOST_REFUSALS = 100
_WITHOUT_BODY = [null() if column.name == "body" else column for column in READ]
"""The columns of refusals without bodies, which the gateway does not show and may not read."""


class TracedEffect(StrEnum):
    """The effect of a stored event."""

    COUNTS = "counts"
    SUPERSEDED = "superseded"
    CORRECTED = "corrected"
    RETRACTED = "retracted"
    WAITS = "waits"
    """The `received` event of its case is missing."""
    NAMES_NOTHING = "names-nothing"
    """It is a retraction whose event is not there, or not about the same case, item, day or figure."""


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A stored event with its effect.

    arrived: minutes since 1970-01-01 UTC; by: the ids of the events that took it out, or of the one that counts
    instead; history: that of its case, None for other events.
    """

    event: HallEvent
    arrived: int
    effect: TracedEffect
    by: Sequence[str]
    history: CaseHistory | None


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of an id.

    stored: None if nothing is stored under it; refusals: those of this id from this hall, the oldest first; again: None
    if the stored event did not come again.
    """

    stored: StoredTrace | None
    refusals: Sequence[KeptRefusal]
    again: SentAgain | None


def read_trace(connection: Connection, workdays: Workdays, hall: tuple[int, str], id_: str, today: int) -> Trace:
    """Read a trace. hall: region and name; today: days since 1970-01-01, for the clock of an open case."""
    packed = pack_id(id_)
    row = _row(connection, (*hall, packed))
    stored = None if row is None else _stored(connection, workdays, event_of(row[:-1]), row[-1], today)
    mine = (refused.c.region == hall[0], refused.c.hall == hall[1], refused.c.event_id == id_)
    query = select(*_WITHOUT_BODY).where(*mine).order_by(refused.c.refused_at, refused.c.number).limit(MOST_REFUSALS)
    again = None if row is None else read_sent_again(connection, (*hall, packed), today)
    return Trace(stored, [kept_of(one) for one in connection.execute(query)], again)


_EVENT = text(f"SELECT {EVENT_COLUMNS}, arrived FROM events WHERE region = :region AND hall = :hall AND id = :id")


def _row(connection: Connection, key: EventKey) -> Sequence[Any] | None:
    """Return the columns of a stored event and when it arrived, also of an archived one; None if there is none."""
    found = connection.execute(_EVENT, dict(zip(("region", "hall", "id"), key, strict=True))).one_or_none()
    if found is not None:
        return tuple(found)
    archived = archived_rows(connection, [key]).get(key)
    return None if archived is None else (*event_columns(archived), archived[ARRIVED])


_HISTORY = text("SELECT history FROM cases WHERE region = :region AND hall = :hall AND case_id = :case_id")


def _stored(connection: Connection, workdays: Workdays, event: HallEvent, arrived: int, today: int) -> StoredTrace:
    if isinstance(event.data, CaseData):
        case = event.region, event.hall, event.data.case_id
        packed = connection.execute(_HISTORY, dict(zip(("region", "hall", "case_id"), case, strict=True))).scalar_one()
        effect, by = _of_case(unpack_history(bytes(packed)), pack_id(event.id))
        return StoredTrace(event, arrived, effect, by, read_history(connection, workdays, case, today))
    if event.type.family is Family.HEARTBEAT:
        return StoredTrace(event, arrived, TracedEffect.COUNTS, (), None)
    entity = entity_of(event)
    effect, by = _of_ledger(event, entries_about(connection, event.type.family, [entity])[entity])
    return StoredTrace(event, arrived, effect, by, None)


_SEVERAL = frozenset({Kind.SUSPENDED, Kind.RESUMED, Kind.EXTENDED})


def _of_case(events: Sequence[CaseEvent], key: bytes) -> tuple[TracedEffect, Sequence[str]]:
    mine = next(event for event in events if event.key == key)
    out = taken_out(events)
    if key in out:
        corrected = any(event.corrects == key for event in out[key])
        return TracedEffect.CORRECTED if corrected else TracedEffect.RETRACTED, [event.id for event in out[key]]
    if mine.kind == Kind.RETRACTED:
        named = pack_id(mine.text or "")
        return (TracedEffect.COUNTS if mine in out.get(named, ()) else TracedEffect.NAMES_NOTHING), ()
    counting = [event for event in events if event.key not in out]
    if not any(event.kind == Kind.RECEIVED for event in counting):
        return TracedEffect.WAITS, ()
    later = [event for event in counting if event.kind == mine.kind and event.is_later(mine)]
    if mine.kind in _SEVERAL or not later:
        return TracedEffect.COUNTS, ()
    return TracedEffect.SUPERSEDED, [max(later, key=lambda event: (event.time, event.id)).id]


def _of_ledger(event: HallEvent, entries: Sequence[LedgerEntry]) -> tuple[TracedEffect, Sequence[str]]:
    """Return the effect of an event about an item, a tally or a declared figure, by all events about it."""
    own = [entry for entry in entries if entry.hall == event.hall]
    corrections = [one.id for one in own if one.type is event.type and corrects_of(one.data) == event.id]
    if corrections:
        return TracedEffect.CORRECTED, corrections
    corrected = {(one.type, named) for one in own if (named := corrects_of(one.data)) is not None}
    in_force = [one for one in own if (one.type, one.id) not in corrected]
    named = getattr(event.data, "event_id", None)
    if named is not None:
        there = any(one.id == named and not hasattr(one.data, "event_id") for one in own)
        return (TracedEffect.COUNTS if there else TracedEffect.NAMES_NOTHING), ()
    retractions = [one.id for one in in_force if getattr(one.data, "event_id", None) == event.id]
    if retractions:
        return TracedEffect.RETRACTED, retractions
    chosen = _chosen(event, entries)
    counts = chosen == (event.hall, event.id)
    return (TracedEffect.COUNTS, ()) if counts else (TracedEffect.SUPERSEDED, [chosen[1]])


def _chosen(event: HallEvent, entries: Sequence[LedgerEntry]) -> tuple[str, str]:
    """Return hall and id of the event that counts: among an item's versions of the same day, or among all reports."""
    if event.type.family is Family.ITEM:
        records = standing(map(record_of, entries))
        mine = next(record for record in records if (record.hall, record.id) == (event.hall, event.id))
        same_day = [record for record in records if record.effective_from == mine.effective_from]
        last = max(same_day, key=lambda record: (record.time, record.id, record.hall))
        return last.hall, last.id
    report: Any = current(map(report_of, entries))
    return report.hall, report.id


def read_refusals(connection: Connection, wanted: RefusedFilter, limit: int, after_id: str) -> list[KeptRefusal]:
    """Return refused events, the oldest first; those after `after_id` if given. Raises KeyError if it is unknown."""
    query = (
        select(*_WITHOUT_BODY).where(*wanted.conditions()).order_by(refused.c.refused_at, refused.c.number).limit(limit)
    )
    if after_id:
        place = select(refused.c.refused_at, refused.c.number)
        place = place.where(refused.c.id == bytes.fromhex(after_id), *wanted.conditions())
        found = connection.execute(place).one_or_none()
        if found is None:
            raise KeyError(after_id)
        query = query.where(after((found.refused_at, found.number)))
    return [kept_of(row) for row in connection.execute(query)]
