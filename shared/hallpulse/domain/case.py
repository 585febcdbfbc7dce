"""The facts of a case, read from its events: a pure function of the set of events, whatever their order.

Source: docs/indicators.md, "Cases". Limits, clock and state of a case are in `clock`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from hallpulse.domain.workdays import local_day

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_TEXT_MARK = b"\xff"  # never part of UTF-8


def pack_id(id_: str) -> bytes:
    """Return an id as bytes: 16 for a UUID in lower case; else 0xff and the text, never 16 bytes long."""
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
    """Kinds of case events, each with the number that the store keeps."""

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
    RATING_ANSWERED = 14


# As numbers: a member of an enumeration takes ten times as long to look up, and this is done for every event.
_SUSPENDED, _EXTENDED, _RETRACTED = int(Kind.SUSPENDED), int(Kind.EXTENDED), int(Kind.RETRACTED)
_PAUSES = (_SUSPENDED, int(Kind.RESUMED))
_OPENINGS = (int(Kind.RECEIVED), int(Kind.ACCEPTED))
_MANY = frozenset({int(Kind.SUPPLEMENT_REQUESTED), int(Kind.SUPPLEMENTED)})
"""The kinds of events, besides pauses and extensions, that a case may have several of."""
_KINDS = range(max(Kind) + 1)
_of_facts = itemgetter(
    *(Kind.RECEIVED, Kind.SUPPLEMENT_REQUESTED, Kind.ACCEPTED, Kind.REJECTED),
    *(Kind.DECIDED, Kind.RATED, Kind.RATING_ANSWERED, Kind.WITHDRAWN),
)
"""Take the events for the first fields of `Facts`, in their order, from a list by kind."""


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
    REPEATED_WITHOUT_CORRECTION = 32768
    CORRECTS_NOTHING = 65536
    LIMIT_CHANGED = 131072


class Opening(NamedTuple):
    """The fields of a `received` or `accepted` event; None for a field that the event leaves out."""

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

    time: microseconds since 1970-01-01 UTC; key: its id, packed (`pack_id`); number: working days of an extension, or
    a score; text: procedure, reason, the id that a retraction names, an outcome other than `granted`, or the words of
    a rating or of its answer; corrects: the packed id of the event that it replaces.
    """

    kind: int
    time: int
    key: bytes
    number: int | None = None
    text: str | None = None
    opening: Opening | None = None
    corrects: bytes | None = None

    @property
    def id(self) -> str:
        return unpack_id(self.key)

    @property
    def day(self) -> int:
        return local_day(self.time)

    def is_later(self, other: CaseEvent) -> bool:
        """Return whether it comes after another event in the order of (time, id)."""
        return self.time > other.time or (self.time == other.time and self.id > other.id)

    def differs(self, other: CaseEvent) -> bool:
        """Return whether two events of one kind differ in their time or their data."""
        return self.time != other.time or self[3:6] != other[3:6]

    def says(self, word: str) -> bool:
        """Return whether the event's text has the word."""
        return self.text is not None and word in self.text.split()


_Parts = tuple[int | None, str | None, Opening | None]
"""Number, text and opening of a `CaseEvent`."""


def _outcome(outcome: str) -> str | None:
    return None if outcome == "granted" else outcome


def _rating(channel: str | None = None, automatic: bool | None = None) -> str | None:
    """Return the words of a rating; None if it has only a score, as nearly all have."""
    if channel is None and not automatic:
        return None
    return " ".join(word for word in (channel, AUTOMATIC if automatic else None) if word)


def _answer(verified: bool, rectified: bool) -> str:
    return " ".join(word for word, holds in ((VERIFIED, verified), (RECTIFIED, rectified)) if holds)


_OF_FIELDS: dict[int, tuple[int, Callable[[Sequence[Any]], _Parts]]] = {
    **dict.fromkeys(map(int, Kind), (0, lambda _: (None, None, None))),
    Kind.RECEIVED: (9, lambda fields: (None, None, Opening(*fields[:9]))),
    Kind.ACCEPTED: (6, lambda fields: (None, None, Opening(None, None, None, *fields[:6]))),
    Kind.REJECTED: (1, lambda fields: (None, fields[0], None)),
    Kind.SUSPENDED: (1, lambda fields: (None, fields[0], None)),
    Kind.EXTENDED: (1, lambda fields: (fields[0], None, None)),
    Kind.DECIDED: (1, lambda fields: (None, _outcome(fields[0]), None)),
    Kind.RATED: (3, lambda fields: (fields[0], _rating(*fields[1:3]), None)),
    Kind.RATING_ANSWERED: (2, lambda fields: (None, _answer(*fields[:2]), None)),
    Kind.RETRACTED: (2, lambda fields: (None, fields[0], None)),
}
"""Kind → number of fields before `corrects`, which events of earlier versions lack, and what the fields become."""


def case_event_of(kind: int, time: int, key: bytes, fields: Sequence[Any]) -> CaseEvent:
    """Return a case event. key: its packed id; fields: those of its data after the case id, in the contract's order."""
    length, parts = _OF_FIELDS[kind]
    named = fields[length] if len(fields) > length else None
    return CaseEvent(kind, time, key, *parts(fields), None if named is None else pack_id(named))


class Suspension(NamedTuple):
    """A suspension: the days (start, end], since 1970-01-01, do not count; end is None while it is open."""

    start: int
    end: int | None
    procedure: str


class Facts(NamedTuple):
    """The events of a case that count, the latest of each kind, with its suspensions and extensions.

    extended: the sum of all extensions, in working days; replaced: receipts and acceptances that do not count, since
    another event replaced them.
    """

    received: CaseEvent | None
    supplement_requested: CaseEvent | None
    accepted: CaseEvent | None
    rejected: CaseEvent | None
    decided: CaseEvent | None
    rated: CaseEvent | None
    answered: CaseEvent | None
    withdrawn: CaseEvent | None
    suspensions: tuple[Suspension, ...]
    extended: int
    flags: int
    replaced: Sequence[CaseEvent] = ()


AUTOMATIC, VERIFIED, RECTIFIED = "automatic", "verified", "rectified"
"""Words in the text of a rating (given by default) and of its answer (verified, rectified)."""


def taken_out(events: Sequence[CaseEvent]) -> Mapping[bytes, Sequence[CaseEvent]]:
    """Return the packed id of each event that does not count, with the retractions and corrections that take it out.

    A correction takes out the event of its kind that it names, even if the correction is itself taken out. A retraction
    that another one corrects takes out nothing. Retractions cannot be retracted.
    """
    naming = [event for event in events if event[0] == _RETRACTED or event[6] is not None]
    if not naming:
        return _NOTHING_OUT
    kinds = {event[2]: event[0] for event in events}
    out: dict[bytes, list[CaseEvent]] = {}
    for event in naming:
        if event.corrects is not None and kinds.get(event.corrects) == event.kind:
            out.setdefault(event.corrects, []).append(event)
    retractions = [event for event in naming if event.kind == _RETRACTED and event.key not in out]
    for event in retractions:
        named = pack_id(event.text or "")
        if kinds.get(named, _RETRACTED) != _RETRACTED:
            out.setdefault(named, []).append(event)
    return out


_NOTHING_OUT: Mapping[bytes, Sequence[CaseEvent]] = MappingProxyType({})


def in_force(events: Iterable[CaseEvent]) -> list[CaseEvent]:
    """Return the events that count: neither retractions nor events that were retracted or corrected."""
    return _sifted(list(events))[0]


def _sifted(events: list[CaseEvent]) -> tuple[list[CaseEvent], int, list[CaseEvent]]:
    """Return the events that count, flags, and the receipts and acceptances that do not count."""
    out = taken_out(events)
    if out is _NOTHING_OUT:
        return events, 0, []
    kept = [event for event in events if event[0] != _RETRACTED and event[2] not in out]
    lost = any(event.corrects is not None and event not in out.get(event.corrects, ()) for event in kept)
    replaced = [event for event in events if event[0] in _OPENINGS and event[2] in out]
    return kept, int(Flag.CORRECTS_NOTHING) if lost else 0, replaced


def facts_of(events: Iterable[CaseEvent]) -> Facts:
    """Return the facts that a case's events state; of two events of one kind, the later (time, id) counts."""
    latest: list[CaseEvent | None] = [None] * len(_KINDS)
    pauses: list[CaseEvent] = []
    extended = 0
    counting, flags, replaced = _sifted(list(events))
    repeated = False
    for event in counting:
        kind = event[0]
        if kind == _EXTENDED:
            extended += event.number or 0
        elif kind in _PAUSES:
            pauses.append(event)
        else:
            other = latest[kind]
            if other is not None and kind not in _MANY and event.differs(other):
                repeated = True
            if other is None or event.is_later(other):
                latest[kind] = event
    if repeated:
        flags |= Flag.REPEATED_WITHOUT_CORRECTION
        replaced += [
            event for event in counting if event[0] in _OPENINGS and (of := latest[event[0]]) and event.differs(of)
        ]
    suspensions, more = _paired(pauses) if pauses else ((), 0)
    return Facts._make([*_of_facts(latest), suspensions, extended, flags | more, replaced])


def _paired(pauses: list[CaseEvent]) -> tuple[tuple[Suspension, ...], int]:
    """Pair suspensions and resumptions in the order of (time, id); flag those that fit no pair."""
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
