"""One row of a catalogue as the item version that it says."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from hallpulse.contract.events import Handling, ItemPublished

from .cells import limit, refuse_unreadable, required_text, word, yes_no
from .dates import NotADate, parse_day
from .departments import DepartmentCodes
from .rows import BadRow, Flag, Note, RowProblem
from .tables import Record
from .words import HANDLINGS, KINDS, meaning

_FLAGS = ("settled", "unified", "full_process", "tolerates_missing", "commitment")


def item_of(record: Record, effective_from: date, codes: DepartmentCodes) -> tuple[ItemPublished, list[Note]]:
    """The version, and what was converted or looks odd. effective_from: where the row names no day of its own.

    Raises BadRow.
    """
    refuse_unreadable(record)
    code = required_text(record, "item_code")
    statutory, of_statutory = limit(record, "statutory_days", code)
    promised, of_promised = limit(record, "promised_days", code)
    handling, of_handling = _handling(record, code, promised)
    department, renamed = _department(record, code, codes)
    kind = meaning(KINDS, record.cells.get("kind"))
    fields: dict[str, Any] = {
        "item_code": code,
        "basic_code": record.text("basic_code") or None,
        "name": required_text(record, "name"),
        "department": department,
        "kind": kind or "other",
        "handling": handling,
        "statutory_days": statutory,
        "promised_days": 0 if handling == "instant" else promised,
        "effective_from": _effective_from(record, effective_from).isoformat(),
        **{flag: bool(yes_no(record, flag)) for flag in _FLAGS},
    }
    notes = [*of_statutory, *of_promised, *of_handling, *renamed, *_odd(record, code, fields, promised)]
    return _converted(fields), notes


def _handling(record: Record, code: str, promised: int | None) -> tuple[Handling, list[Note]]:
    """As written; where nothing is written, a promise of 0 days is an instant item."""
    written = word(record, "handling", HANDLINGS)
    if written is None:
        derived: Handling = "instant" if promised == 0 else "promised"
        return derived, [Note(record.line, code, "handling", Flag.HANDLING_FROM_LIMIT, "", derived)]
    if written == "instant" and promised:
        raise BadRow(RowProblem.INSTANT_WITH_LIMIT, "promised_days", record.text("promised_days"))
    return written, []


def _department(record: Record, code: str, codes: DepartmentCodes) -> tuple[str, list[Note]]:
    written = required_text(record, "department")
    known = codes.code_of(written)
    renamed = [Note(record.line, code, "department", Flag.DEPARTMENT_RENAMED, written, known)]
    return known, renamed if known != written else []


def _effective_from(record: Record, default: date) -> date:
    try:
        return parse_day(record.cells.get("effective_from")) or default
    except NotADate:
        raise BadRow(RowProblem.BAD_DATE, "effective_from", record.text("effective_from")) from None


def _odd(record: Record, code: str, fields: dict[str, Any], promised: int | None) -> list[Note]:
    notes = []
    statutory = fields["statutory_days"]
    if statutory is not None and promised is not None and promised > statutory:
        note = Note(record.line, code, "promised_days", Flag.PROMISED_OVER_STATUTORY, f"{promised} > {statutory}")
        notes.append(note)
    if promised is None and fields["handling"] == "promised":
        notes.append(Note(record.line, code, "promised_days", Flag.NO_PROMISE, record.text("promised_days")))
    if fields["kind"] == "other" and meaning(KINDS, record.cells.get("kind")) is None:
        notes.append(Note(record.line, code, "kind", Flag.KIND_UNKNOWN, record.text("kind"), "other"))
    return notes


def _converted(fields: dict[str, Any]) -> ItemPublished:
    try:
        return msgspec.convert(fields, ItemPublished)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$.")
        raise BadRow("bad-field", field.rstrip("`"), message) from None
