"""A case as its events tell it: a pure function of the set of events, whatever their order.

Source: docs/indicators.md, "Cases". Here only what the events say; limits, clock and state are in `clock`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from .workdays import local_day


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


class Flag(enum.IntFlag):
    """What is odd about a case; it is kept, shown and listed, never dropped."""

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
    """What `received` and `accepted` carry; None where the event leaves it out."""

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

    time: microseconds since 1970-01-01 UTC; number: days of an extension or a score;
    text: procedure, outcome, reason, or the id that a retraction names.
    """

    kind: int
    time: int
    id: str
    number: int | None = None
    text: str | None = None
    opening: Opening | None = None

    @property
    def day(self) -> int:
        return local_day(self.time)


class Suspension(NamedTuple):
    """A span (start, end] of days that do not count; end is None while it is open."""

    start: int
    end: int | None
    procedure: str


class Facts:
    """The events that count, one of each kind, with suspensions and extensions as sets."""

    __slots__ = ("extended", "flags", "latest", "suspensions")

    def __init__(
        self, latest: dict[int, CaseEvent], suspensions: tuple[Suspension, ...], extended: int, flags: int
    ) -> None:
        self.latest = latest
        self.suspensions = suspensions
        self.extended = extended
        self.flags = flags


def in_force(events: Iterable[CaseEvent]) -> list[CaseEvent]:
    """The events less the retractions and what they name; a retraction cannot be retracted."""
    listed = list(events)
    retracted = {event.text for event in listed if event[0] == Kind.RETRACTED}
    if not retracted:
        return listed
    return [event for event in listed if event[0] != Kind.RETRACTED and event[2] not in retracted]


def facts_of(events: Iterable[CaseEvent]) -> Facts:
    """Reduce a case's events; of two of one kind the later (time, id) counts."""
    latest: dict[int, CaseEvent] = {}
    pauses: list[CaseEvent] = []
    extended = 0
    for event in in_force(events):
        kind = event[0]
        if kind == Kind.EXTENDED:
            extended += event.number or 0
        elif kind in (Kind.SUSPENDED, Kind.RESUMED):
            pauses.append(event)
        else:
            other = latest.get(kind)
            if other is None or (event[1], event[2]) > (other[1], other[2]):
                latest[kind] = event
    if not pauses:
        return Facts(latest, (), extended, 0)
    suspensions, flags = _paired(pauses)
    return Facts(latest, suspensions, extended, flags)


def _paired(pauses: list[CaseEvent]) -> tuple[tuple[Suspension, ...], int]:
    """Pair suspensions and resumptions in order of (time, id); what fits no pair is flagged."""
    spans: list[Suspension] = []
    flags = 0
    opened: CaseEvent | None = None
    for event in sorted(pauses, key=lambda e: (e.time, e.id)):
        if event.kind == Kind.SUSPENDED:
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
