"""Numbers of persons must not enter: ids and free texts with the shape of an identity number or a mobile phone number.

What is looked for, between characters that are no ASCII letters or digits:
- an identity number: 18 characters, a province of GB/T 2260 (or 9, foreigners), a date of birth that exists, and
  the check character of ISO 7064 mod 11-2;
- a mobile number: 1, 3 to 9 and nine digits, at once or as 3-4-4 with blanks or hyphens, +86, 86 or 0086 before it.

What is not, since halls number their cases that way:
- a "date of birth" (or, in a number written 3-4-4, a year in the middle) nearer to the event than `RECENT_YEARS`:
  region + date + serial has 18 digits too, and one in eleven of them the right check character;
- the form of 15 digits, invalid since 2013: it has no check character, and region + yymmdd + serial looks like it.

Where refused events are shown, more is masked than the contract refuses: what was refused for another reason was never
looked at for such numbers, and may write them in any form. Hidden are all digits but the last two of a run of 7 digits,
and of 11 or more with blanks or hyphens between them; a region code, a date and a time stay readable.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date

from hallpulse.contract.events import DATA_CLASSES, HallEvent

_BETWEEN = r"[ \t\x00\u00a0\u3000-]?"
_RUN = re.compile(rf"\d(?:{_BETWEEN}\d){{6,}}")
_TOGETHER = re.compile(r"\d{7}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
LONG, LAST_SHOWN = 11, 2


def masked(text: str) -> str:
    """The text with such numbers hidden, also those in full-width digits or written as JSON escapes."""
    return _RUN.sub(_hidden, _ESCAPE.sub(_digit, text))


def fit_to_show(text: str) -> str:
    """Mask a text, and take out all that a terminal would obey."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in masked(text))


def escaped(text: str) -> str:
    """The text as it is, with what a terminal would obey or hide written as `\\x1b`; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(_escape(char) if _is_obeyed(char) else char for char in text.replace("\r\n", "\n"))


def _is_obeyed(char: str) -> bool:
    """Control and format characters (the bidirectional ones are such), halves of characters, separators of lines."""
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
_CANDIDATE = re.compile(r"[0-9][0-9 -]{9}[0-9]").search
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
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
_DATA_FIELDS = ("case_id", "event_id", "reason", "corrects")
_MICROSECONDS_A_YEAR = 31_556_952_000_000


def personal_field(event: HallEvent, attributes: Mapping[str, object] | None = None) -> str | None:
    """Path of the first field with such a number, or None; `attributes` are the event's other attributes."""
    text = _joined(event)
    if attributes:
        text = "\n".join([text, *attributes, *map(str, attributes.values())])
    if text.isascii() and not _CANDIDATE(text):
        return None
    year = 1970 + event.time // _MICROSECONDS_A_YEAR
    return next((path for path, value in _texts(event, attributes or {}) if is_personal(value, year)), None)


def is_personal(text: str, year: int) -> bool:
    """Return whether a text holds such a number; `year` is that of the event."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # full-width digits, as input methods write them
    if not _CANDIDATE(text):
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


def _joined(event: HallEvent) -> str:
    """All texts of an event at once, for the one look that clears almost every event; a UUID is clear as such."""
    data = event.data
    if type(data) in _ONLY_CASE_ID and data.corrects is None:  # type: ignore[attr-defined]
        case_id: str = data.case_id  # type: ignore[attr-defined]
        return case_id if _UUID(event.id) else f"{event.id}\n{case_id}"
    return "\n".join([event.id, *(str(getattr(data, name, "")) for name in _DATA_FIELDS)])


def _texts(event: HallEvent, attributes: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    yield "id", event.id
    for name, value in attributes.items():
        yield "the name of an attribute", name
        if isinstance(value, str):
            yield name, value
    for name in _DATA_FIELDS:
        value = getattr(event.data, name, None)
        if isinstance(value, str):
            yield f"data.{name}", value


_ONLY_CASE_ID = frozenset(
    cls for cls in DATA_CLASSES if {*_DATA_FIELDS} & {*cls.__struct_fields__} == {"case_id", "corrects"}
)
