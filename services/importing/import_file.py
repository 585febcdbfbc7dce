"""A catalogue file as events: every row a published version, a row with something wrong, or nothing new.

The id of an event follows from its source, time and content: the same file gives the same events whenever it is read.
Its time is the file's own (when it was last saved), so that of two files about one day the one saved later counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import EventType, HallEvent, ItemPublished
from hallpulse.domain.catalogue import Timeline, span_on
from hallpulse.domain.workdays import day_of

from .columns import ITEM_COLUMNS
from .departments import DepartmentCodes
from .items import item_of
from .rows import BadRow, Note, RowProblem
from .tables import Record, Source

NAMESPACE = uuid.UUID("6d1c5b6e-59a4-5a57-9a4e-0b9f5d3f0c11")
_canonical = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class CatalogueImport:
    """Whose catalogue it is and what its rows are compared with.

    saved, now: microseconds since 1970-01-01 UTC, when the file was saved and what the clock says; known: the
    catalogue as it is stored, empty where that cannot be asked.
    """

    region: int
    hall: str
    effective_from: date
    saved: int
    now: int
    codes: DepartmentCodes
    known: Mapping[str, Timeline]


@dataclass(frozen=True, slots=True)
class Published:
    """A row that says something new."""

    event: HallEvent
    notes: list[Note]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A row that says what is in force on its day already."""

    notes: list[Note]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not taken in."""

    record: Record
    problem: BadRow


Outcome = Published | Unchanged | Rejected


def read_catalogue(source: Source, wanted: CatalogueImport) -> Iterator[Outcome]:
    """What each row of the file comes to, in order. Raises TableError where the file is no catalogue."""
    seen: set[tuple[str, str]] = set()
    for record in source.records(ITEM_COLUMNS):
        try:
            yield _outcome(record, wanted, seen)
        except BadRow as problem:
            yield Rejected(record, problem)


def _outcome(record: Record, wanted: CatalogueImport, seen: set[tuple[str, str]]) -> Outcome:
    data, notes = item_of(record, wanted.effective_from, wanted.codes)
    key = (data.item_code, data.effective_from)
    if key in seen:
        raise BadRow(RowProblem.TWICE_IN_FILE, "item_code", data.item_code)
    time = _time(data, wanted)
    if time is None:
        seen.add(key)
        return Unchanged(notes)
    event = checked(item_event(wanted.region, wanted.hall, data, time), wanted.now)
    seen.add(key)
    return Published(event, notes)


def _time(data: ItemPublished, wanted: CatalogueImport) -> int | None:
    """None for what is in force already; now for what corrects a version of the same day, so that it counts."""
    day = day_of(date.fromisoformat(data.effective_from))
    span = span_on(wanted.known.get(data.item_code, ()), day)
    if span is not None and span.version == data.version:
        return None
    return wanted.now if span is not None and span.start == day else min(wanted.saved, wanted.now)


def item_event(region: int, hall: str, data: ItemPublished, time: int) -> HallEvent:
    """The event of a version, its id made from what it says."""
    said = f"/{region}/{hall}|{time}|{_canonical(data).decode()}"
    return HallEvent(region, hall, str(uuid.uuid5(NAMESPACE, said)), EventType.ITEM_PUBLISHED, time, data)


def checked(event: HallEvent, now: int) -> HallEvent:
    """The event, if the contract lets it in. Raises BadRow with the contract's reason."""
    outcome = decode_events(encode_event(event), content_type=EVENT_TYPE, now=now)[0]
    if isinstance(outcome, HallEvent):
        return outcome
    raise BadRow(outcome.reason, outcome.field, outcome.detail)
