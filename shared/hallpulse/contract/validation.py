"""The checks that make a `HallEvent` of a decoded envelope: the rules that the types alone cannot state.

Region codes, dates and times must exist, values must fit each other, and no text may hold a personal number. `is_plain`
tells for which events these checks are enough; `examine` looks at the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from hallpulse.contract.envelope import KIND_OF, Envelope
from hallpulse.contract.events import (
    DATA_CLASSES,
    Data,
    FigureReported,
    FigureRetracted,
    HallEvent,
    Heartbeat,
    ItemPublished,
    ItemRetired,
    TallyReported,
    TallyRetracted,
)
from hallpulse.contract.personal import is_personal, may_be_personal
from hallpulse.contract.reasons import Reason, Refused
from hallpulse.contract.values import Code
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.workdays import date_of, local_day

DAY = 86_400_000_000
EARLIEST = 694_195_200_000_000
"""1992-01-01T00:00:00+08:00 in microseconds since 1970-01-01 UTC: China's last summer time ended in 1991."""
COMPUTED_IDS = frozenset(COMPUTED) | {"cases_open"}
"""Indicators that the suite computes itself; they may not be declared."""
MOST_VALUES = 20_000
"""The most commas and opening brackets in one event, those in its texts included: every valid event has fewer."""

_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHANGHAI = -28_800_000_000
_USUAL_MINUTES = {f"T{minute // 60:02}:{minute % 60:02}": minute * 60_000_000 for minute in range(24 * 60)}
_USUAL_SECONDS = {f":{second:02}": second * 1_000_000 for second in range(60)}
_USUAL_RESTS = {f".{number:03}+08:00": number * 1000 + _SHANGHAI for number in range(1000)} | {"+08:00": _SHANGHAI}
"""Parts of a time's text after its day → the microseconds that they add to midnight UTC of that day."""
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
_HALL = re.compile(r"[a-z0-9-]{1,40}").fullmatch
_REGION = re.compile(r"[0-9]{6}").fullmatch


@lru_cache(maxsize=8192)
def place(source: str) -> tuple[int, str]:
    """Return region and hall of a `source`. Raises Refused if it has another form or its region is no county code."""
    root, _, rest = source.partition("/")
    region, _, hall = rest.partition("/")
    if root or not _HALL(hall):
        raise Refused(Reason.BAD_ENVELOPE, "source", "expected /REGION/HALL, HALL 1 to 40 of a-z, 0-9 and hyphen")
    if not _REGION(region) or not "11" <= region[:2] <= "91" or region.endswith("00"):
        raise Refused(Reason.BAD_REGION, "source", "expected a county code: 6 digits, 11 to 91 first, not 00 last")
    return int(region), hall


def has_too_many_values(body: bytes) -> bool:
    """Return whether JSON has more values than any event: parsing millions of empty objects would hold up others."""
    return len(body) > MOST_VALUES and sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES


def instant(text: str, now: int) -> int:
    """Return a `time` in microseconds since 1970-01-01 UTC; finer digits are cut off.

    Raises Refused if the text is no time, or lies before 1992 or more than 24 hours after `now`.
    """
    try:
        moment = _microseconds(text)
    except ValueError:
        raise Refused(Reason.BAD_TIME, "time", bad_time(text)) from None
    if moment > now + DAY:
        raise Refused(Reason.TIME_IN_FUTURE, "time", "expected at most 24 hours ahead of the clock")
    if moment < EARLIEST:
        raise Refused(Reason.TIME_OUT_OF_RANGE, "time", "expected 1992-01-01 or later, Asia/Shanghai")
    return moment


def _microseconds(text: str) -> int:
    """Return a time in microseconds. Usual times have few different parts, which are looked up. Raises ValueError."""
    minute, second = _USUAL_MINUTES.get(text[10:16]), _USUAL_SECONDS.get(text[16:19])
    rest = _USUAL_RESTS.get(text[19:])
    if minute is None or second is None:
        return _any_time(text)
    if rest is None:
        fraction = text[20:-6]
        if text[19:20] != "." or text[-6:] != "+08:00" or not fraction.isdecimal() or not fraction.isascii():
            return _any_time(text)
        rest = int(fraction[:6].ljust(6, "0")) + _SHANGHAI
    return _midnight(text[:10]) + minute + second + rest


@lru_cache(maxsize=16_384)
def _midnight(day: str) -> int:
    return _any_time(f"{day}T00:00:00Z")


def _any_time(text: str) -> int:
    if not _RFC3339(text):
        raise ValueError("not of the form")
    if text[17:19] == "60":
        return _leap_second(text)
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MICROSECOND  # upper: t and z are allowed


def _leap_second(text: str) -> int:
    """Return a leap second as the second after it. Raises ValueError unless it is 23:59:60 UTC (RFC 3339)."""
    moment = _any_time(f"{text[:17]}59{text[19:]}") + _SECOND
    if moment // _SECOND * _SECOND % DAY:
        raise ValueError("a leap second at another time than 23:59:60 UTC")
    return moment


_FORMS = (
    (re.compile(r"[0-9-]{8,10}").fullmatch, "a date without a time"),
    (re.compile(r"[^.]*:[0-9]{2}:60.*").fullmatch, "a leap second that is not 23:59:60 UTC"),
    (re.compile(r"[0-9-]{10}[Tt ][0-9]{2}:[0-9]{2}(?![0-9:.]).*").fullmatch, "a time without seconds"),
    (re.compile(r"[0-9-]{10} .*").fullmatch, "a blank instead of T"),
    (re.compile(r"[0-9-]{10}[Tt][0-9:.]+").fullmatch, "a time without an offset"),
)
"""Usual mistakes; the first one that fits is named."""


def bad_time(text: str) -> str:
    """Say how a `time` should be written, and what is wrong with this one."""
    found = next((name for fits, name in _FORMS if fits(text)), "a time that does not exist" if _RFC3339(text) else "")
    wanted = "expected RFC 3339 with seconds and offset, such as 2026-03-02T09:30:00+08:00"
    return f"{wanted}, got {found or f'a text of {len(text)} characters'}"


def _check_item(data: ItemPublished) -> None:
    if data.handling == "instant" and data.promised_days:
        raise Refused(Reason.BAD_FIELD, "data.promised_days", "expected 0 or nothing, since handling is instant")
    _check_day("data.effective_from", data.effective_from)


def _check_figure(data: FigureReported) -> None:
    if data.indicator in COMPUTED_IDS:
        raise Refused(Reason.BAD_FIELD, "data.indicator", "expected a declared figure: this indicator is computed")
    _check_period(data)


def _check_period(data: FigureReported | FigureRetracted) -> None:
    _check_day("data.period", f"{data.period}-01-01"[:10])


def _check_begun(period: str, now: int) -> None:
    """Raise Refused if a period has not begun at `now`, Asia/Shanghai: there is nothing to count yet."""
    first, today = date.fromisoformat(f"{period}-01-01"[:10]), date_of(local_day(now))
    if first > today:
        raise Refused(Reason.FUTURE_PERIOD, "data.period", f"expected a period that has begun by {today}")


def _check_day(field: str, day: str) -> None:
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise Refused(Reason.BAD_DATE, field, f"expected a date that exists: {error}") from None


CHECKS: dict[type[Data], Callable[[Any], None]] = {
    ItemPublished: _check_item,
    ItemRetired: lambda data: _check_day("data.effective_from", data.effective_from),
    TallyReported: lambda data: _check_day("data.date", data.date),
    TallyRetracted: lambda data: _check_day("data.date", data.date),
    FigureReported: _check_figure,
    FigureRetracted: _check_period,
}
"""Checks by class of data; each raises Refused."""


_DELETE, _BACKSLASH = b"\x7f\\"  # as numbers: these are found in bytes seven times as fast
_ESCAPED_CONTROL_OR_COLON = re.compile(rb"\\(?:[bfnrt]|u00[0137])").search


def is_plain(envelope: Envelope, body: bytes) -> bool:
    """Return True if no name is given twice, no text has control characters and no code has white space at an end.

    False means only that a closer look is needed. JSON escapes all control characters except U+007F. msgspec takes the
    last of two fields with one name, so names are counted by their colons; in a plain event only `time` has others.
    """
    data = envelope.data
    if type(data) is ItemPublished:  # a flag left out looks like a flag sent false: its names cannot be counted
        return False
    if envelope.datacontenttype not in (None, "application/json"):
        return False
    attributes = msgspec.structs.astuple(envelope)
    colons = 1 + len(attributes) - attributes.count(None) + envelope.time.count(":")
    if data is not None:
        fields = msgspec.structs.astuple(data)
        colons += len(fields) - fields.count(None)
        for position in _CODES[type(data)]:
            code = fields[position]
            if code is not None and code != code.strip():
                return False
    if body.count(b":") != colons or _DELETE in body:
        return False
    return _BACKSLASH not in body or not _ESCAPED_CONTROL_OR_COLON(body)


def _code_positions(cls: type[msgspec.Struct]) -> tuple[int, ...]:
    return tuple(
        position for position, field in enumerate(msgspec.structs.fields(cls)) if field.type in (Code, Code | None)
    )


_CODES = {cls: _code_positions(cls) for cls in DATA_CLASSES}


_HEARTBEAT = Heartbeat()
_canonical = msgspec.json.Encoder(order="deterministic").encode


def hall_event(envelope: Envelope, now: int, extensions: Mapping[str, Any] | None = None) -> HallEvent:
    """Return the event of an envelope. Raises Refused if it breaks a rule that the types cannot state."""
    region, hall = place(envelope.source)
    data = envelope.data or _HEARTBEAT
    if (check := CHECKS.get(type(data))) is not None:
        check(data)
    if type(data) is FigureReported:
        _check_begun(data.period, now)
    kept = _kept(envelope, extensions)
    event = HallEvent(
        region,
        hall,
        envelope.id,
        KIND_OF[type(envelope)],
        instant(envelope.time, now),
        data,
        _canonical(kept) if kept else None,
    )
    if (field := personal_field(event, kept)) is not None:
        raise Refused(Reason.PERSONAL_DATA, field, "expected no identity number and no mobile phone number")
    return event


def _kept(envelope: Envelope, extensions: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if envelope.subject is None and envelope.dataschema is None and not extensions:
        return None
    named = {"subject": envelope.subject, "dataschema": envelope.dataschema}
    return {**{name: value for name, value in named.items() if value is not None}, **(extensions or {})}


_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_DATA_FIELDS = ("case_id", "event_id", "reason", "corrects")
_MICROSECONDS_A_YEAR = 31_556_952_000_000


def personal_field(event: HallEvent, attributes: Mapping[str, object] | None = None) -> str | None:
    """Return the path of the first field with a personal number, or None. attributes: the event's other attributes."""
    text = _joined(event)
    if attributes:
        text = "\n".join([text, *attributes, *map(str, attributes.values())])
    if text.isascii() and not may_be_personal(text):
        return None
    year = 1970 + event.time // _MICROSECONDS_A_YEAR
    return next((path for path, value in _texts(event, attributes or {}) if is_personal(value, year)), None)


def _joined(event: HallEvent) -> str:
    """Return all texts of an event in one: a single search clears almost every event. An id that is a UUID is safe."""
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
