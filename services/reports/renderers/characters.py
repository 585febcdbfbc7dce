"""Which characters a file can hold."""

from __future__ import annotations

import re

_NOT_TEXT = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """A control character becomes a sign that something stood there: XML, of which documents are made, has none."""
    return _NOT_TEXT.sub("\ufffd", text)
