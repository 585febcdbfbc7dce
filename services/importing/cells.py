"""Cells of a record as values: required texts, yes and no, words, limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from .limits import BadLimit, parse_limit
from .rows import BadRow, Note, RowProblem
from .tables import Record
from .words import YES_NO, meaning

T = TypeVar("T")


def required_text(record: Record, field: str) -> str:
    text = record.text(field)
    if not text:
        raise BadRow(RowProblem.MISSING_FIELD, field)
    return text


def yes_no(record: Record, field: str) -> bool | None:
    """None where the cell is empty. Raises BadRow for any other word."""
    if not record.text(field):
        return None
    known = meaning(YES_NO, record.cells[field])
    if known is None:
        raise BadRow(RowProblem.BAD_YES_NO, field, record.text(field))
    return known


def word(record: Record, field: str, words: Mapping[str, T]) -> T | None:
    """None where the cell is empty. Raises BadRow for a word that is not known."""
    if not record.text(field):
        return None
    known = meaning(words, record.cells[field])
    if known is None:
        raise BadRow(RowProblem.BAD_WORD, field, record.text(field))
    return known


def limit(record: Record, field: str, key: str) -> tuple[int | None, list[Note]]:
    """The limit of a field, its unit maybe in a column of its own (`promised_days`, `promised_unit`)."""
    unit_field = field.replace("_days", "_unit")
    unit = (record.text(unit_field) or None) if unit_field in record.cells else ""
    try:
        found = parse_limit(record.cells.get(field), unit)
    except BadLimit as error:
        raise BadRow(error.problem, field, record.text(field)) from None
    written = record.text(field) + (unit or "")
    became = "" if found.days is None else str(found.days)
    return found.days, [Note(record.line, key, field, what, written, became) for what in found.conversions]


def refuse_unreadable(record: Record) -> None:
    """Raises BadRow for a line that is no row, and for a formula in a column that is read."""
    if record.broken:
        raise BadRow(RowProblem.BROKEN_LINE, "")
    formula = record.formula()
    if formula is not None:
        raise BadRow(RowProblem.FORMULA, formula, record.text(formula))
