"""Figures as people read them, and texts as the files of spreadsheets and documents can hold them."""

from __future__ import annotations

import re
from fractions import Fraction

from hallpulse.domain.figures import Figure

NOTHING = "—"


def amount(value: Fraction | None, unit: str) -> str:
    """31.94 %, 2.75 days, 196."""
    if value is None:
        return NOTHING
    if unit == "share":
        return f"{_digits(value * 100)} %"
    return f"{_digits(value)}" if unit == "days" else f"{_plain(value)}"


def difference(value: Fraction | None, unit: str) -> str:
    """+3.18 in percentage points; never a zero for what is not one."""
    if value is None:
        return NOTHING
    if unit == "count":
        return f"{'+' if value >= 0 else '−'}{_plain(abs(value))}"
    scaled = value * 100 if unit == "share" else value
    return f"{'+' if value >= 0 else '−'}{_digits(abs(scaled))}"


def parts(figure: Figure, unit: str) -> str:
    """502/1203; nothing for a count."""
    return "" if unit == "count" else f"{figure.numerator}/{figure.denominator}"


def _digits(value: Fraction) -> str:
    """Two digits; more where two would show nothing of a small difference."""
    rounded = round(value, 2)
    if rounded == 0 and value != 0:
        return f"{float(value):.4f}"
    return f"{float(rounded):.2f}"


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.2f}"


_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


_NOT_TEXT = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """A control character becomes a sign that something stood there: XML, of which documents are made, has none."""
    return _NOT_TEXT.sub("\ufffd", text)
