"""Building permits of a Dutch municipality (the "receipt" log, 4TU.ResearchData), known by their header.

They are real and public, with the dirt of real data, and so the file to try Hallpulse with. The Chinese calendar
applies to them, so that results can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hallpulse.contract.events import Channel, EventType
from hallpulse.domain.workdays import Workdays, local_day

from .case_rows import CaseRow, Place, case_event
from .cells import refuse_unreadable, required_text
from .dates import NotADate, parse_moment
from .limits import MAX_DAYS
from .rows import BadRow, Flag, Note, RowProblem
from .tables import Cell, Columns, Record

FIELDS = ("case_id", "group", "department", "channel", "startdate", "enddate_planned", "deadline", "enddate")
COLUMNS = Columns({field: (field,) for field in FIELDS}, frozenset(FIELDS))
ITEM_CODE = "building-permit"
_CHANNELS: dict[str, Channel] = {
    "Internet": "online",
    "e-mail": "online",
    "Desk": "window",
    "Post": "post",
    "Intern": "kiosk",
}


def is_dutch(header: Sequence[Cell]) -> bool:
    """Exactly these columns, in any order."""
    return {str(cell) for cell in header if cell is not None} == set(FIELDS)


def dutch_case_of(record: Record, place: Place, workdays: Workdays) -> CaseRow:
    """The events of a row; an impossible span is flagged and not refused. Raises BadRow."""
    refuse_unreadable(record)
    case_id = required_text(record, "case_id")
    received = _time(record, "startdate")
    if received is None:
        raise BadRow(RowProblem.MISSING_FIELD, "startdate")
    promised, of_promised = _span(record, case_id, "enddate_planned", received, workdays)
    statutory, of_statutory = _span(record, case_id, "deadline", received, workdays)
    opening = {
        **_door(record),
        "item_code": ITEM_CODE,
        "department": _department(record),
        "promised_days": promised,
        "statutory_days": statutory,
    }
    events = [
        case_event(place, EventType.CASE_RECEIVED, received, {"case_id": case_id, **opening}),
        case_event(place, EventType.CASE_ACCEPTED, received, {"case_id": case_id}),
    ]
    notes = [*of_promised, *of_statutory]
    decided = _time(record, "enddate")
    if decided is not None:
        events.append(case_event(place, EventType.CASE_DECIDED, decided, {"case_id": case_id, "outcome": "other"}))
        if decided < received:
            written = (record.text("enddate"), f"< {record.text('startdate')}")
            notes.append(Note(record.line, case_id, "enddate", Flag.STEPS_REVERSED, *written))
    return CaseRow(events, notes)


def _door(record: Record) -> dict[str, Any]:
    written = required_text(record, "channel")
    if written not in _CHANNELS:
        raise BadRow(RowProblem.BAD_WORD, "channel", written)
    return {"channel": _CHANNELS[written], "unified": written == "Desk"}


def _department(record: Record) -> str:
    return " / ".join(filter(None, (required_text(record, "department"), record.text("group"))))


def _time(record: Record, field: str) -> int | None:
    try:
        moment = parse_moment(record.cells.get(field))
    except NotADate:
        raise BadRow(RowProblem.BAD_DATE, field, record.text(field)) from None
    return None if moment is None else moment.time


def _span(record: Record, case_id: str, field: str, received: int, workdays: Workdays) -> tuple[int | None, list[Note]]:
    """Working days from receipt to the day named: none where the file names none, or one that cannot be."""
    end = _time(record, field)
    if end is None:
        return None, []
    days = workdays.count(local_day(received), local_day(end))
    if end < received:
        return days, [Note(record.line, case_id, field, Flag.SPAN_REVERSED, record.text(field), str(days))]
    if days > MAX_DAYS:
        return None, [Note(record.line, case_id, field, Flag.SPAN_LONG, record.text(field))]
    return days, []
