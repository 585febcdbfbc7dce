"""A case as its events tell it: a pure function of the set of events, whatever their order.

Source: docs/indicators.md, "Cases". Here only what the events say; limits, clock and state are in `clock`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from hallpulse.domain.workdays import local_day

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_TEXT_MARK = b"\xff"  # never part of UTF-8


def pack_id(id_: str) -> bytes:
    """16 bytes for a UUID in lower case; else 0xff and the text, never 16 bytes long."""
    if len(id_) == 36 and _UUID(id_):
        return bytes.fromhex(id_.replace("-", ""))
    packed = _TEXT_MARK + id_.encode()
    return packed + _TEXT_MARK if len(packed) == 16 else packed


def unpack_id(packed: bytes) -> str:
    if len(packed) == 16:
        text = packed.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return packed.strip(_TEXT_MARK).decode()


class Kind(enum.IntEnum):
    """Kinds of case event, by the number that is stored."""

    RECEIVED = 1
    SUPPLEMENT_REQUESTED = 2
    SUPPLEMENTED = 3
    ACCEPTED = 4
    REJECTED = 5
    SUSPENDED = 6
    RESUMED = 7
    EXTENDED = 8
    DECIDED = 9
    DELIVERED = 10
    RATED = 11
    WITHDRAWN = 12
    RETRACTED = 13


# As numbers: a member of an enumeration takes ten times as long to look up, and this is done for every event.
_SUSPENDED, _EXTENDED, _RETRACTED = int(Kind.SUSPENDED), int(Kind.EXTENDED), int(Kind.RETRACTED)
_PAUSES = (_SUSPENDED, int(Kind.RESUMED))
_KINDS = range(max(Kind) + 1)
_of_facts = itemgetter(
    *(Kind.RECEIVED, Kind.SUPPLEMENT_REQUESTED, Kind.ACCEPTED, Kind.REJECTED),
    *(Kind.DECIDED, Kind.RATED, Kind.WITHDRAWN),
)
"""Take what `Facts` names, in its order, from a list by kind."""


class Flag(enum.IntFlag):
    """An oddity of a case; it is kept, shown and listed, never dropped."""

    DECIDED_BEFORE_ACCEPTED = 1
    ACCEPTED_AFTER_DECIDED = 2
    RESUMED_WITHOUT_SUSPENSION = 4
    SUSPENDED_TWICE = 8
    UNKNOWN_ITEM = 16
    PROMISED_OVER_STATUTORY = 32
    LONG_SUSPENSION = 64
    DECIDED_AND_WITHDRAWN = 128
    DECIDED_AFTER_REJECTION = 256
    ACCEPTED_AND_REJECTED = 512
    RATED_UNDECIDED = 1024
    LIMIT_LOOKS_LIKE_NONE = 2048
    ACCEPTED_BEFORE_RECEIVED = 4096
    SUSPENDED_ON_EVE = 8192
    RATED_AT_ONCE = 16384


class Opening(NamedTuple):
    """The fields of `received` and `accepted`; None where the event leaves it out."""

    item_code: str | None = None
    department: str | None = None
    channel: str | None = None
    unified: bool | None = None
    full_process: bool | None = None
    tolerated_missing: bool | None = None
    commitment: bool | None = None
    statutory_days: int | None = None
    promised_days: int | None = None


class CaseEvent(NamedTuple):
    """One event of a case.

    time: microseconds since 1970-01-01 UTC; key: its id, packed (`event_id`); number: days of an extension or a
    score; text: procedure, outcome, reason, or the id that a retraction names.
    """

    kind: int
    time: int
    key: bytes
    number: int | None = None
    text: str | None = None
    opening: Opening | None = None

    @property
    def id(self) -> str:
        return unpack_id(self.key)

    @property
    def day(self) -> int:
        return local_day(self.time)

    def is_later(self, other: CaseEvent) -> bool:
        """Whether it comes after another one in order of (time, id)."""
        return self.time > other.time or (self.time == other.time and self.id > other.id)


class Suspension(NamedTuple):
    """A span (start, end] of days that do not count; end is None while it is open."""

    start: int
    end: int | None
    procedure: str


class Facts(NamedTuple):
    """The events that count, the latest of each kind, with suspensions and extensions as sets."""

    received: CaseEvent | None
    supplement_requested: CaseEvent | None
    accepted: CaseEvent | None
    rejected: CaseEvent | None
    decided: CaseEvent | None
    rated: CaseEvent | None
    withdrawn: CaseEvent | None
    suspensions: tuple[Suspension, ...]
    extended: int
    flags: int


def in_force(events: Iterable[CaseEvent]) -> list[CaseEvent]:
    """The events less the retractions and what they name; a retraction cannot be retracted."""
    listed = list(events)
    retracted = {pack_id(event.text or "") for event in listed if event[0] == _RETRACTED}
    if not retracted:
        return listed
    return [event for event in listed if event[0] != _RETRACTED and event[2] not in retracted]


def facts_of(events: Iterable[CaseEvent]) -> Facts:
    """Reduce a case's events; of two of one kind the later (time, id) counts."""
    latest: list[CaseEvent | None] = [None] * len(_KINDS)
    pauses: list[CaseEvent] = []
    extended = 0
    for event in in_force(events):
        kind = event[0]
        if kind == _EXTENDED:
            extended += event.number or 0
        elif kind in _PAUSES:
            pauses.append(event)
        else:
            other = latest[kind]
            if other is None or event.is_later(other):
                latest[kind] = event
    suspensions, flags = _paired(pauses) if pauses else ((), 0)
    return Facts._make([*_of_facts(latest), suspensions, extended, flags])


def _paired(pauses: list[CaseEvent]) -> tuple[tuple[Suspension, ...], int]:
    """Pair suspensions and resumptions in order of (time, id); what fits no pair is flagged."""
    spans: list[Suspension] = []
    flags = 0
    opened: CaseEvent | None = None
    for event in sorted(pauses, key=lambda e: (e.time, e.id)):
        if event.kind == _SUSPENDED:
            if opened is None:
                opened = event
            else:
                flags |= Flag.SUSPENDED_TWICE
        elif opened is None:
            flags |= Flag.RESUMED_WITHOUT_SUSPENSION
        else:
            spans.append(Suspension(opened.day, event.day, opened.text or "other"))
            opened = None
    if opened is not None:
        spans.append(Suspension(opened.day, None, opened.text or "other"))
    return tuple(spans), flags
