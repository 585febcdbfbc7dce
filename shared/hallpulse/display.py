"""Figures for display, and texts that spreadsheets and documents can hold."""

from __future__ import annotations

import re
from fractions import Fraction

from hallpulse.domain.figures import Figure

NOTHING = "—"


def amount(value: Fraction | None, unit: str) -> str:
    """Return a value as text: 31.94 %, 2.75 days, 196."""
    if value is None:
        return NOTHING
    if unit == "share":
        return f"{_digits(value * 100)} %"
    return f"{_digits(value)}" if unit == "days" else f"{_plain(value)}"


USUAL_PLACES, MOST_PLACES = 2, 4


def difference(value: Fraction | None, unit: str, places: int = USUAL_PLACES) -> str:
    """Return a difference as text, +3.18 in percentage points; a difference that is not 0 never reads as 0."""
    if value is None:
        return NOTHING
    if unit == "count":
        return f"{'+' if value >= 0 else '−'}{_plain(abs(value))}"
    scaled = value * 100 if unit == "share" else value
    return f"{'+' if value >= 0 else '−'}{_digits(abs(scaled), places)}"


def parts(figure: Figure, unit: str) -> str:
    """Return 502/1203; "" for a count."""
    return "" if unit == "count" else f"{figure.numerator}/{figure.denominator}"


def _digits(value: Fraction, places: int = USUAL_PLACES) -> str:
    """Return a number with decimals; with more of them where they would hide a small difference."""
    rounded = round(value, places)
    if rounded == 0 and value != 0:
        return f"{float(value):.{MOST_PLACES}f}"
    return f"{float(rounded):.{places}f}"


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.2f}"


_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe precedes a formula's first character."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


_NOT_TEXT = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return text with control characters replaced by a visible sign: XML, the form of documents, has none."""
    return _NOT_TEXT.sub("\ufffd", text)
