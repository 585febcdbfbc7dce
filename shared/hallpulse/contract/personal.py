"""Personal numbers must not enter: no id or free text may look like an identity number or a mobile phone number.

Refused, between characters that are no ASCII letters or digits:
- an identity number: 18 characters, a province of GB/T 2260 (or 9, foreigners), a date of birth that exists, and
  the check character of ISO 7064 mod 11-2;
- a mobile number: 1, 3 to 9 and nine digits, together or 3-4-4 with blanks or hyphens, perhaps after +86, 86 or 0086.

Accepted, since halls number their cases this way:
- a number whose "date of birth" (or, written 3-4-4, whose year in the middle) lies within `RECENT_YEARS` of the event:
  region + date + serial has 18 digits too, and one in eleven such numbers has the right check character;
- the form of 15 digits, invalid since 2013: it has no check character, and region + yymmdd + serial looks like it.

Refused events are masked more strictly when they are shown: an event that was refused for another reason was never
searched for such numbers, and may write them in any form. A run of 7 digits or more, and one of 11 or more with blanks
or hyphens between them, is hidden except for its last two digits; a region code, a date and a time stay readable.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_BETWEEN = r"[ \t\x00\u00a0\u3000-]?"
_RUN = re.compile(rf"\d(?:{_BETWEEN}\d){{6,}}")
_TOGETHER = re.compile(r"\d{7}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
LONG, LAST_SHOWN = 11, 2


def masked(text: str) -> str:
    """Return the text with personal numbers hidden, also those in full-width digits or written as JSON escapes."""
    return _RUN.sub(_hidden, _ESCAPE.sub(_digit, text))


def fit_to_show(text: str) -> str:
    """Return the text with personal numbers hidden and characters that a terminal would obey replaced by U+FFFD."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in masked(text))


def escaped(text: str) -> str:
    """Return the text with characters that a terminal obeys or hides written as `\\x1b`; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(_escape(char) if _is_obeyed(char) else char for char in text.replace("\r\n", "\n"))


def _is_obeyed(char: str) -> bool:
    """Return whether it is a control or format character (such as a bidirectional one), half a pair or a separator."""
    return char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escape(char: str) -> str:
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _digit(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if char.isdecimal() else escape[0]


def _hidden(run: re.Match[str]) -> str:
    text = run[0]
    digits = sum(map(str.isdecimal, text))
    if digits < LONG and not _TOGETHER.search(text):
        return text
    hide = digits - LAST_SHOWN
    shown = []
    for char in text:
        hidden = char.isdecimal() and hide > 0
        hide -= hidden
        shown.append("*" if hidden else char)
    return "".join(shown)


RECENT_YEARS = 5
may_be_personal = re.compile(r"[0-9][0-9 -]{9}[0-9]").search
"""Finds what any personal number in ASCII has: a quick look that clears almost every text."""
_IDENTITY = re.compile(
    r"(?<![0-9A-Za-z])"
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[1-8])[0-9]{4}"
    r"((?:18|19|20)[0-9]{2})([0-9]{2})([0-9]{2})"
    r"[0-9]{3}[0-9Xx]"
    r"(?![0-9A-Za-z])"
)
_MOBILE = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:\+?86|0086)[ -]?)?"
    r"1[3-9][0-9](?:[0-9]{8}|[ -]([0-9]{4})[ -][0-9]{4})"
    r"(?![0-9A-Za-z])"
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"


def is_personal(text: str, year: int) -> bool:
    """Return whether a text holds a personal number; `year`: the event's."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # full-width digits, as input methods write them
    if not may_be_personal(text):
        return False
    return any(_is_identity(match, year) for match in _IDENTITY.finditer(text)) or any(
        _is_mobile(match, year) for match in _MOBILE.finditer(text)
    )


def _is_identity(match: re.Match[str], year: int) -> bool:
    born, month, day = (int(part) for part in match.groups())
    if born > year - RECENT_YEARS:
        return False
    try:
        date(born, month, day)
    except ValueError:
        return False
    number = match.group().upper()
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False))
    return _CHECK_CHARACTERS[total % 11] == number[-1]


def _is_mobile(match: re.Match[str], year: int) -> bool:
    middle = match.group(1)
    return middle is None or abs(year - int(middle)) >= RECENT_YEARS
