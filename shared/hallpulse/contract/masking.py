"""Numbers that may be a person's, made unreadable wherever refused events are shown.

More is masked than the contract refuses (`personal`): what was refused for another reason was never looked at for such
numbers, and may write them in any form. Hidden are all digits but the last two of a run of 7 digits, and of 11 or more
with blanks or hyphens between them; a region code, a date and a time stay readable.
"""

from __future__ import annotations

import re
import unicodedata

_BETWEEN = r"[ \t\x00\u00a0\u3000-]?"
_RUN = re.compile(rf"\d(?:{_BETWEEN}\d){{6,}}")
_TOGETHER = re.compile(r"\d{7}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
LONG, LAST_SHOWN = 11, 2


def masked(text: str) -> str:
    """The text with such numbers hidden, also those in full-width digits or written as JSON escapes."""
    return _RUN.sub(_hidden, _ESCAPE.sub(_digit, text))


def fit_to_show(text: str) -> str:
    """The same, and nothing in it that a terminal would obey."""
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
