"""One row of a table of cases as the events of that case."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hallpulse.contract.events import DATA_OF, EventType, HallEvent

from .case_words import CHANNELS, OUTCOMES, PROCEDURES, score_of
from .cells import limit, refuse_unreadable, required_text, word, yes_no
from .import_file import NAMESPACE
from .rows import BadRow, Flag, Note, RowProblem
from .steps import STEPS, step_times
from .tables import Record

_BOOLEANS = ("unified", "full_process", "tolerated_missing", "commitment")
_canonical = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Place:
    """The hall whose cases they are."""

    region: int
    hall: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row that was understood."""

    events: Sequence[HallEvent]
    notes: Sequence[Note]


DepartmentOf = Callable[[str, str], str]
"""(department as written, item code) → the department's code; empty where nobody knows it."""


def case_of(record: Record, place: Place, department_of: DepartmentOf) -> CaseRow:
    """The events that a row tells, the ones that the contract checks not yet done. Raises BadRow."""
    refuse_unreadable(record)
    case_id = required_text(record, "case_id")
    opening, notes = _opening(record, case_id, department_of)
    times = step_times(record)
    if "received" not in times:
        raise BadRow(RowProblem.MISSING_FIELD, "received")
    _complete(record, times)
    details = {"received": opening, **_details(record, times)}
    events = [
        case_event(place, STEPS[step], time, {"case_id": case_id, **details.get(step, {})})
        for step in STEPS
        if (time := times.get(step)) is not None
    ]
    return CaseRow(events, [*notes, *_reversed(record, case_id, times)])


def case_event(place: Place, kind: EventType, time: int, fields: Mapping[str, Any]) -> HallEvent:
    """An event whose id follows from what it says, so that saying it again is a duplicate. Raises BadRow."""
    try:
        data = msgspec.convert(fields, DATA_OF[kind])
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$.")
        raise BadRow("bad-field", field.rstrip("`"), message) from None
    event = HallEvent(place.region, place.hall, "", kind, time, data)
    return msgspec.structs.replace(event, id=event_id(event))


def event_id(event: HallEvent, number: int = 0) -> str:
    """The id of an imported event; number: how often the same had been said and taken back before."""
    said = f"/{event.region}/{event.hall}|{int(event.type)}|{event.time}|{_canonical(event.data).decode()}"
    return str(uuid.uuid5(NAMESPACE, said if number == 0 else f"{said}|{number}"))


def _opening(record: Record, case_id: str, department_of: DepartmentOf) -> tuple[dict[str, Any], list[Note]]:
    item_code = required_text(record, "item_code")
    department = department_of(record.text("department"), item_code)
    if not department:
        raise BadRow(RowProblem.MISSING_FIELD, "department")
    statutory, of_statutory = limit(record, "statutory_days", case_id)
    promised, of_promised = limit(record, "promised_days", case_id)
    channel = word(record, "channel", CHANNELS)
    notes = [*of_statutory, *of_promised]
    if channel is None:
        notes.append(Note(record.line, case_id, "channel", Flag.CHANNEL_ASSUMED, "", "window"))
    return {
        "item_code": item_code,
        "department": department,
        "channel": channel or "window",
        "statutory_days": statutory,
        "promised_days": promised,
        **{name: yes_no(record, name) for name in _BOOLEANS},
    }, notes


def _complete(record: Record, times: dict[str, int]) -> None:
    """A rating or an extension without a day of its own belongs to the step before it."""
    if "rated" not in times and record.text("score") and "decided" in times:
        times["rated"] = times.get("delivered", times["decided"]) + 1_000_000
    if "extended" not in times and record.text("extended_days") not in ("", "0") and "accepted" in times:
        times["extended"] = times["accepted"] + 1_000_000


def _details(record: Record, times: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    details: dict[str, dict[str, Any]] = {
        "rejected": {"reason": record.text("reject_reason") or None},
        "suspended": {"procedure": PROCEDURES.get(record.text("procedure").lower(), "other")},
        "decided": {"outcome": OUTCOMES.get(record.text("outcome").lower(), "other")},
    }
    if "extended" in times:
        details["extended"] = {"days": _extension(record)}
    if "rated" in times:
        score = score_of(record.cells.get("score"))
        if score is None:
            raise BadRow(RowProblem.BAD_NUMBER, "score", record.text("score"))
        details["rated"] = {"score": score}
    return details


def _extension(record: Record) -> int:
    renamed = Record(record.line, {"statutory_days": record.cells.get("extended_days")}, ())
    try:
        days, _ = limit(renamed, "statutory_days", "")
    except BadRow as problem:
        raise BadRow(problem.reason, "extended_days", problem.detail) from None
    if not days:
        raise BadRow(RowProblem.BAD_NUMBER, "extended_days", record.text("extended_days"))
    return days


def _reversed(record: Record, case_id: str, times: Mapping[str, int]) -> list[Note]:
    """Steps in an impossible order are published all the same: the figures leave such cases out and list them."""
    first = times.get("accepted", times["received"])
    if times.get("decided", first) < first:
        written, became = record.text("decided"), record.text("accepted") or record.text("received")
        return [Note(record.line, case_id, "decided", Flag.STEPS_REVERSED, written, f"< {became}")]
    return []
