"""Numbers that may be a person's, made unreadable wherever refused events are shown.

More is masked than the contract refuses (`personal`): what was refused for another reason was never looked at for such
numbers, and may write them in any form. Hidden are all digits but the last two of a run of 7 digits, and of 11 or more
with blanks or hyphens between them; a region code, a date and a time stay readable.
"""

from __future__ import annotations

import re

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
