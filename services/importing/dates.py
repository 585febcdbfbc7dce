"""Parsing of dates and times as people, spreadsheets and programs write them; without an offset they are in +08:00."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from hallpulse.domain.workdays import SHANGHAI

from .cells import Cell, is_no_date, normal, text_of, word_of

_EPOCHS = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001 - a serial number has no zone
_FIRST_SERIAL, _LAST_SERIAL = 30_000, 80_000
_FIRST_MILLISECONDS, _LAST_MILLISECONDS = 946_684_800_000, 4_102_444_800_000
"""Numbers from 2000 to 2100 in milliseconds since 1970-01-01 UTC, as programs write times."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HERE = datetime(1970, 1, 1, 8)  # noqa: DTZ001 - the same moment on the clock of a hall
_MIDNIGHT = 16 * 3600
"""Seconds from the time of day of _HERE to the next midnight."""
_MICROSECOND = timedelta(microseconds=1)
_DATE = (
    r"(?P<year>\d{4})(?:\s*[-/.年、]\s*|\s+)(?P<month>\d{1,2})(?:\s*[-/.月、]\s*|\s+)(?P<day>\d{1,2})(?:\s*日|"
    r"\.(?=$|\s))?"
)
_TIME = (
    r"(?P<half>上午|下午|晚上|中午|凌晨|早上|傍晚|am|pm)?\s*(?P<hour>\d{1,2})\s*[:时点]\s*(?P<minute>\d{1,2})?\s*分?"
    r"(?:\s*:?\s*(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,9}))?\s*秒?)?\s*(?P<late>am|pm)?"
)
_OFFSET = r"(?P<offset>z|[+-]\d{2}:?\d{2}|utc|gmt)?"
_WRITTEN = re.compile(rf"{_DATE}\s*(?:星期.|周.)?(?:\s*[t,]?\s*{_TIME})?\s*{_OFFSET}", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[\st]*(\d{2}):?(\d{2})(?::?(\d{2})(?:\.\d{1,9})?)?)?", re.IGNORECASE)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
_PROGRAM = re.compile(
    rf"[A-Z][a-z]{{2}} ({'|'.join(_MONTHS)}) (\d{{2}}) (\d{{2}}:\d{{2}}:\d{{2}}) (?:CST|GMT\+08:00) (\d{{4}})"
)
"""The form in which Java programs print times in China: Fri Mar 06 09:05:00 CST 2026."""
_NUMERALS = str.maketrans("〇零○一二三四五六七八九", "000123456789")
_TENS = re.compile(r"(\d?)十(\d?)")


class ParsedTime(NamedTuple):
    """The time that a cell gives.

    time: microseconds since 1970-01-01 UTC; has_time: whether the cell gives a time of day and not only a date.
    """

    time: int
    has_time: bool


class NotADate(ValueError):
    """The cell has no date, a date that does not exist, or an ambiguous one (3/5/2026, 24:00)."""


def parse_moment(cell: Cell, *, since_1904: bool = False) -> ParsedTime | None:
    """Return the time that a cell gives; None if it is empty or stands for no date. Raise NotADate.

    since_1904: whether the workbook counts days from 1904 instead of 1900.
    """
    if isinstance(cell, str):
        return _from_cell(cell, since_1904)
    if cell.__class__ is datetime and cell.tzinfo is None and cell.year not in _ODD_YEARS:
        since = cell - _HERE
        seconds, fraction = since.seconds, since.microseconds
        moment = (since.days * 86_400 + seconds) * 1_000_000 + fraction
        return ParsedTime(moment, seconds != _MIDNIGHT or fraction != 0)
    if cell is None or (not isinstance(cell, bool) and cell == 0) or _is_placeholder(cell):
        return None
    try:
        return _parsed(cell, since_1904)
    except (ValueError, OverflowError) as error:
        raise NotADate(str(error)) from None


_ODD_YEARS = frozenset({1, 1899, 1900, 1970, 2999, 9999})
"""Years of dates that may stand for no date."""


def _is_placeholder(cell: Cell) -> bool:
    return isinstance(cell, date) and cell.year in _ODD_YEARS and is_no_date(word_of(cell))


@lru_cache(maxsize=65_536)
def _from_cell(text: str, since_1904: bool) -> ParsedTime | None:
    if len(text) in (16, 19) and text[4:5] == "-" and text[10:11] == " " and text[:4] > "1970" and text[:4] < "2900":
        try:
            return _naive(datetime.fromisoformat(text))
        except ValueError:
            pass
    if is_no_date(word_of(text)):
        return None
    try:
        return _from_text(normal(text_of(text)).strip(), since_1904)
    except (ValueError, OverflowError) as error:
        raise NotADate(str(error)) from None


def _parsed(cell: Cell, since_1904: bool) -> ParsedTime:
    if isinstance(cell, datetime):
        return _naive(cell)
    if isinstance(cell, date):
        return _moment(datetime.combine(cell, time()), False)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _from_number(cell, since_1904)
    raise ValueError("not a date")


def parse_day(cell: Cell, *, since_1904: bool = False) -> date | None:
    """Return the date in Asia/Shanghai that a cell gives; None if it is empty or stands for no date. Raise NotADate."""
    moment = parse_moment(cell, since_1904=since_1904)
    return None if moment is None else (_EPOCH + moment.time * _MICROSECOND).astimezone(SHANGHAI).date()


def _from_text(text: str, since_1904: bool) -> ParsedTime:
    if re.fullmatch(r"\d{5}(\.\d+)?", text):
        if since_1904:
            raise ValueError("a serial number as text in a workbook that counts from 1904")
        return _from_number(float(text), False)
    if re.fullmatch(r"\d{13}", text):
        return _from_number(int(text), since_1904)
    program = _PROGRAM.fullmatch(text)
    if program is not None:
        text = f"{program[4]}-{_MONTHS[program[1]]:02}-{program[2]} {program[3]}"
    compact = _COMPACT.fullmatch(text)
    if compact is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in compact.groups())
        moment = datetime.combine(date(year, month, day), time(hour, minute, second))
        return _naive(moment)
    written = _WRITTEN.fullmatch(_in_digits(text))
    if written is None:
        raise ValueError("not a date")
    return _naive(_written(written))


def _in_digits(text: str) -> str:
    """Return a date in Chinese numerals, such as 二〇二六年三月十六日, in digits."""
    if not text or text[0] not in "二一":
        return text
    plain = text.translate(_NUMERALS)
    return _TENS.sub(lambda tens: str(int(tens[1] or 1) * 10 + int(tens[2] or 0)), plain)


def _from_number(number: float, since_1904: bool) -> ParsedTime:
    """Return the time of a number: an Excel serial number, 20260305, or milliseconds since 1970-01-01 UTC."""
    if _FIRST_SERIAL <= number < _LAST_SERIAL:
        moment = _EPOCHS[since_1904] + timedelta(seconds=round(number * 86_400))
        return _moment(moment, float(number) != int(number))
    if not math.isfinite(number) or number != int(number):
        raise ValueError("not a date")
    if _FIRST_MILLISECONDS <= number < _LAST_MILLISECONDS:
        return ParsedTime(int(number) * 1000, True)
    if _COMPACT.fullmatch(str(int(number))):
        return _from_text(str(int(number)), since_1904)
    raise ValueError("not a date")


def _written(match: re.Match[str]) -> datetime:
    day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    if match["hour"] is None:
        return datetime.combine(day, time())
    if (match["offset"] or "").startswith("-") and match["second"] is None:
        raise ValueError("a range of times, or an offset?")
    fraction = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    hour = _hour(int(match["hour"]), (match["half"] or match["late"] or "").lower())
    moment = datetime.combine(day, time(hour, int(match["minute"] or 0), int(match["second"] or 0), fraction))
    return moment.replace(tzinfo=_zone(match["offset"]))


def _hour(hour: int, half: str) -> int:
    """Return the hour of the day, 0 to 23. half: the word for a part of the day.

    Raise ValueError for 晚上12:00 and 晚上1:00, whose day is not certain, and for 上午15:30.
    """
    if half and hour not in _HOURS_OF.get(half, _ANY_HOUR):
        raise ValueError("of which day, or of which half of it?")
    if (half in ("下午", "晚上", "傍晚", "pm") and hour < 12) or (half == "中午" and hour < 3):
        return hour + 12
    if half in ("凌晨", "上午", "早上", "am") and hour == 12:
        return 0
    return hour


_ANY_HOUR = range(24)
_HOURS_OF = {
    **dict.fromkeys(("上午", "早上", "am"), range(13)),
    "凌晨": (*range(7), 12),
    "中午": (*range(1, 3), *range(11, 15)),
    **dict.fromkeys(("晚上", "傍晚"), (*range(5, 12), *range(17, 24))),
}
"""Word for a part of the day → the hours that can stand with it."""


def _zone(offset: str | None) -> timezone | None:
    if not offset:
        return None
    if offset[0] not in "+-":
        return timezone(timedelta(0))
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    return timezone((timedelta(hours=hours, minutes=minutes)) * (-1 if offset[0] == "-" else 1))


def _naive(moment: datetime) -> ParsedTime:
    """Return the time of a date and time; midnight without an offset counts as a date only, as in spreadsheets."""
    return _moment(moment, moment.tzinfo is not None or moment.time() != time())


def _moment(moment: datetime, has_time: bool) -> ParsedTime:
    if moment.tzinfo is None:
        since = moment - _HERE
        return ParsedTime((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, has_time)
    return ParsedTime((moment - _EPOCH) // _MICROSECOND, has_time)
