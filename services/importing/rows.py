"""What can be wrong with, or odd about, one row of an import: closed lists."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .limits import Conversion


class RowProblem(enum.StrEnum):
    """Why a row is not taken in, beside the reasons of limits (LimitProblem) and of the contract (Reason)."""

    BROKEN_LINE = "broken-line"
    FORMULA = "formula"
    MISSING_FIELD = "missing-field"
    BAD_YES_NO = "bad-yes-no"
    BAD_WORD = "bad-word"
    BAD_DATE = "bad-date"
    BAD_NUMBER = "bad-number"
    INSTANT_WITH_LIMIT = "instant-with-limit"
    TWICE_IN_FILE = "twice-in-file"


class Flag(enum.StrEnum):
    """Odd, but taken in: shown and left to a person."""

    PROMISED_OVER_STATUTORY = "promised_over_statutory"
    NO_PROMISE = "no_promise"
    HANDLING_FROM_LIMIT = "handling_from_limit"
    KIND_UNKNOWN = "kind_unknown"
    DEPARTMENT_RENAMED = "department_renamed"
    CHANNEL_ASSUMED = "channel_assumed"
    STEPS_REVERSED = "steps_reversed"
    SPAN_REVERSED = "span_reversed"
    SPAN_LONG = "span_long"


class BadRow(ValueError):
    """The row is not taken in. reason: a code of a closed list; detail: which field, what was expected."""

    def __init__(self, reason: str, field: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = str(reason)
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Note:
    """A conversion or a flag of one row: what stood there and what it became."""

    line: int
    key: str
    field: str
    what: Conversion | Flag
    written: str = ""
    became: str = ""
