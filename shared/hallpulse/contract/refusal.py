"""A refused event, as it goes to `hall.refused`."""

from __future__ import annotations

import msgspec

from .reasons import Reason


class Refusal(msgspec.Struct, frozen=True):
    """Why an event was refused, and the event itself.

    field: where it is wrong, such as `data.promised_days`, empty where that is the whole body;
    detail: what was expected, in one line, never the refused value (it may be personal data);
    source: the event's `source` as far as it could be read; body: of that event alone, byte for byte.
    """

    reason: Reason
    field: str
    detail: str
    source: str
    body: bytes


class Refused(Exception):
    """Never retry: this one event is refused. Raised and caught inside the contract."""

    def __init__(self, reason: Reason, field: str, detail: str) -> None:
        super().__init__(f"{reason}: {field}: {detail}")
        self.reason = reason
        self.field = printable(field)
        self.detail = detail

    def refusal(self, body: bytes, source: str = "") -> Refusal:
        return Refusal(self.reason, self.field, self.detail, source, body)


def printable(text: str) -> str:
    """Somebody else's text made fit for a header and a log line: no control characters, at most 100 characters."""
    text = text[:100]
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)
