"""Dates and times in the many ways that people and spreadsheets write them; without an offset they are +08:00."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple

from .tables import Cell

SHANGHAI = timezone(timedelta(hours=8))
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a serial number has no zone
_FIRST_SERIAL, _LAST_SERIAL = 30_000, 80_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATE = r"(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?"
_TIME = (
    r"(?P<half>上午|下午|晚上|中午|凌晨|am|pm)?\s*(?P<hour>\d{1,2})\s*[:时点]\s*(?P<minute>\d{1,2})?\s*分?"
    r"(?:\s*:?\s*(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,9}))?\s*秒?)?\s*(?P<late>am|pm)?"
)
_OFFSET = r"(?P<offset>z|[+-]\d{2}:?\d{2}|utc|gmt)?"
_WRITTEN = re.compile(rf"{_DATE}\s*(?:星期.|周.)?(?:\s*[t,]?\s*{_TIME})?\s*{_OFFSET}", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\s?t?(\d{2})(\d{2})(\d{2})?)?", re.IGNORECASE)


class Moment(NamedTuple):
    """time: microseconds since 1970-01-01 UTC; has_time: whether more than a date was written."""

    time: int
    has_time: bool


class NotADate(ValueError):
    """No date, one that does not exist, or one that could be two (3/5/2026)."""


def parse_moment(cell: Cell) -> Moment | None:
    """None for an empty cell. Raises NotADate."""
    if cell is None or cell == "":
        return None
    try:
        return _parsed(cell)
    except (ValueError, OverflowError) as error:
        raise NotADate(str(error)) from None


def _parsed(cell: Cell) -> Moment:
    if isinstance(cell, bool | time):
        raise ValueError("not a date")
    if isinstance(cell, datetime):
        return _moment(cell, cell.time() != time())  # Excel knows no dates without a time
    if isinstance(cell, date):
        return _moment(datetime.combine(cell, time()), False)
    if isinstance(cell, int | float):
        return _from_number(cell)
    return _from_text(unicodedata.normalize("NFKC", str(cell)).strip())


def parse_day(cell: Cell) -> date | None:
    """The local date of a moment."""
    moment = parse_moment(cell)
    return None if moment is None else (_EPOCH + moment.time * _MICROSECOND).astimezone(SHANGHAI).date()


def _from_text(text: str) -> Moment:
    if re.fullmatch(r"\d{5}(\.\d+)?", text):
        return _from_number(float(text))
    compact = _COMPACT.fullmatch(text)
    if compact is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in compact.groups())
        moment = datetime.combine(date(year, month, day), time(hour, minute, second))
        return _moment(moment, compact[4] is not None)
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError("not a date")
    return _moment(_written(written), written["hour"] is not None)


def _from_number(number: float) -> Moment:
    """An Excel serial, or 20260305 as a number."""
    if _FIRST_SERIAL <= number < _LAST_SERIAL:
        moment = _EXCEL_EPOCH + timedelta(seconds=round(number * 86_400))
        return _moment(moment, float(number) != int(number))
    if math.isfinite(number) and number == int(number) and _COMPACT.fullmatch(str(int(number))):
        return _from_text(str(int(number)))
    raise ValueError("not a date")


def _written(match: re.Match[str]) -> datetime:
    day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    if match["hour"] is None:
        return datetime.combine(day, time())
    fraction = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    hour = _hour(int(match["hour"]), (match["half"] or match["late"] or "").lower())
    moment = datetime.combine(day, time(0, int(match["minute"] or 0), int(match["second"] or 0), fraction))
    moment += timedelta(hours=hour) if hour == 24 and moment.time() == time() else timedelta(0)
    return (moment if hour == 24 else moment.replace(hour=hour)).replace(tzinfo=_zone(match["offset"]))


def _hour(hour: int, half: str) -> int:
    if half in ("下午", "晚上", "pm") and hour < 12:
        return hour + 12
    if half in ("凌晨", "上午", "am") and hour == 12:
        return 0
    return hour


def _zone(offset: str | None) -> timezone | None:
    if not offset:
        return None
    if offset[0] not in "+-":
        return timezone(timedelta(0))
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    return timezone((timedelta(hours=hours, minutes=minutes)) * (-1 if offset[0] == "-" else 1))


def _moment(moment: datetime, has_time: bool) -> Moment:
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=SHANGHAI)
    return Moment((zoned - _EPOCH) // _MICROSECOND, has_time)
