"""Figures as text for display, and texts that spreadsheets and documents can hold."""

from __future__ import annotations

import re
from fractions import Fraction

from hallpulse.domain.figures import Figure

NOTHING = "—"


def amount(value: Fraction | None, unit: str) -> str:
    """Return a value as text: 31.94 % for a share, 2.75 for days, 196 for a count; a dash for None."""
    if value is None:
        return NOTHING
    if unit == "share":
        return f"{_digits(value * 100)} %"
    return f"{_digits(value)}" if unit == "days" else f"{_plain(value)}"


USUAL_PLACES, MOST_PLACES = 2, 4


def difference(value: Fraction | None, unit: str, places: int = USUAL_PLACES) -> str:
    """Return a difference as text, such as +3.18 (of shares: percentage points); only a difference of 0 reads as 0."""
    if value is None:
        return NOTHING
    if unit == "count":
        return f"{'+' if value >= 0 else '−'}{_plain(abs(value))}"
    scaled = value * 100 if unit == "share" else value
    return f"{'+' if value >= 0 else '−'}{_digits(abs(scaled), places)}"


def parts(figure: Figure, unit: str) -> str:
    """Return numerator and denominator as text, such as 502/1203; "" for a count."""
    return "" if unit == "count" else f"{figure.numerator}/{figure.denominator}"


def _digits(value: Fraction, places: int = USUAL_PLACES) -> str:
    """Return a number with `places` decimals; with more if a small number would read as 0."""
    rounded = round(value, places)
    if rounded == 0 and value != 0:
        return f"{float(value):.{MOST_PLACES}f}"
    return f"{float(rounded):.{places}f}"


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.2f}"


_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe precedes what would begin one."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


_NOT_TEXT = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return text with control characters replaced by U+FFFD: XML, which documents are written in, allows none."""
    return _NOT_TEXT.sub("\ufffd", text)


TURNS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""The signs that turn the order of the characters around them, as a range of a pattern."""
_TURNS = re.compile(f"[{TURNS}]")


def in_order(text: str) -> str:
    """Return printable text without the signs that turn the order of the characters around them.

    In a sentence with a name, such a sign in the name would turn the rest of the line.
    """
    return _TURNS.sub("", printable(text))
