"""Working days of one region (行政许可法 第八十二条): weekends and holidays out, make-up workdays in.

A day is an int: days since 1970-01-01, Asia/Shanghai. `count(a, b)` is wd(a, b] of docs/indicators.md. A calendar holds
the days that differ from the plain week, of the nation or of a region; counties inherit from the calendars above.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import accumulate
from typing import Literal

SHANGHAI = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECONDS_A_DAY = 86_400_000_000
_SHANGHAI_OFFSET = 8 * 3_600_000_000
FIRST_DAY = date(1990, 1, 1).toordinal() - EPOCH_ORDINAL
LAST_DAY = date(2250, 12, 31).toordinal() - EPOCH_ORDINAL


def day_of(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return day.toordinal() - EPOCH_ORDINAL


def date_of(day: int) -> date:
    """Return days since 1970-01-01 as a date."""
    return date.fromordinal(day + EPOCH_ORDINAL)


def local_day(time: int) -> int:
    """Return the day in Asia/Shanghai of a time in microseconds since 1970-01-01 UTC (UTC+8 since 1992)."""
    return (time + _SHANGHAI_OFFSET) // _MICROSECONDS_A_DAY


def minute_of_day(time: int) -> int:
    """Return the minute of the day in Asia/Shanghai, 0 to 1439, of a time in microseconds since 1970-01-01 UTC."""
    return (time + _SHANGHAI_OFFSET) % _MICROSECONDS_A_DAY // 60_000_000


def midnight_after(day: int) -> int:
    """Return the moment at which a day ends in Asia/Shanghai, in microseconds since 1970-01-01 UTC."""
    return (day + 1) * _MICROSECONDS_A_DAY - _SHANGHAI_OFFSET


def time_text(time: int) -> str:
    """Return microseconds since 1970-01-01 UTC as RFC 3339 at +08:00, with as many decimals as needed: 0, 3 or 6."""
    moment = (_EPOCH + timedelta(microseconds=time)).astimezone(SHANGHAI)
    if not time % 1_000_000:
        return moment.isoformat(timespec="seconds")
    return moment.isoformat(timespec="microseconds" if time % 1000 else "milliseconds")


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that differs from its weekday: a holiday (working false) or a make-up workday (working true)."""

    working: bool
    name: str
    regional: bool = False


class Workdays:
    """The calendar of a region from 1990 to 2250; days beyond its last one are clamped to it."""

    def __init__(self, special: Mapping[int, SpecialDay], provisional_years: Iterable[int] = ()) -> None:
        self.special = dict(special)
        self.provisional_years = frozenset(provisional_years)
        flags = bytearray((day + 3) % 7 < 5 for day in range(FIRST_DAY, LAST_DAY + 1))
        for day, entry in special.items():
            if FIRST_DAY <= day <= LAST_DAY:
                flags[day - FIRST_DAY] = entry.working
        # _until[d - FIRST_DAY] = working days from FIRST_DAY up to and with d
        self._until = array("i", accumulate(flags))
        self._working = array("i", (FIRST_DAY + i for i, working in enumerate(flags) if working))

    def is_working(self, day: int) -> bool:
        return self.count(day - 1, day) == 1

    def count(self, after: int, until: int) -> int:
        """Return wd(after, until]: the working days after the first day up to and with the second; 0 if reversed."""
        if until <= after:
            return 0
        return self._before(until) - self._before(after)

    def nth_after(self, day: int, number: int) -> int:
        """Return the first day d with wd(day, d] = number; the day itself for 0."""
        if number <= 0:
            return day
        index = self._before(day) + number - 1
        return self._working[index] if index < len(self._working) else LAST_DAY

    def last_before(self, until: int, number: int) -> int | None:
        """Return the last day d with wd(d, until] of at least `number`; None if the calendar begins later."""
        index = self._before(until) - number
        return self._working[index] - 1 if 0 <= index < len(self._working) else None

    def reason_off(self, day: int) -> Literal["weekend", "holiday", "regional_holiday"] | None:
        """Return why a day does not count: `weekend`, `holiday` or `regional_holiday`; None for a working day."""
        entry = self.special.get(day)
        if entry is not None:
            return None if entry.working else ("regional_holiday" if entry.regional else "holiday")
        return None if (day + 3) % 7 < 5 else "weekend"

    def provisional(self, day: int) -> bool:
        """Return whether no official list of that day's year is known yet."""
        return date_of(day).year in self.provisional_years

    def provisional_in(self, start: date, end: date) -> list[int]:
        """Return the years between two dates for which no official list is known yet."""
        return [year for year in range(start.year, end.year + 1) if year in self.provisional_years]

    def _before(self, day: int) -> int:
        index = min(day, LAST_DAY) - FIRST_DAY
        return self._until[index] if index >= 0 else 0


NATIONAL = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """Special days of one scope: 0 is national, otherwise a region code (a county, XXXX00 or XX0000).

    provisional_years: years for which no official list is known; their days are computed and may still change.
    """

    scope: int
    days: Mapping[date, tuple[bool, str]]
    provisional_years: frozenset[int] = frozenset()


def scopes_of(region: int) -> tuple[int, ...]:
    """Return the scopes whose calendars apply in a county, the most general first."""
    return NATIONAL, region // 10_000 * 10_000, region // 100 * 100, region


class Calendars:
    """The calendars in force at one moment, and the working days of counties under them.

    Counties under the same calendars share their working days: each takes 12 ms to make. May be shared by threads.
    """

    def __init__(self, by_scope: Mapping[int, Calendar]) -> None:
        self._by_scope = by_scope
        self._made: dict[tuple[int, ...], Workdays] = {}

    def workdays(self, region: int) -> Workdays:
        """Return the working days of a county; make them if they have not been asked for yet."""
        scopes = self._scopes(region)
        known = self._made.get(scopes)
        return self._made.setdefault(scopes, workdays_of(region, self._by_scope)) if known is None else known

    def made(self, region: int) -> Workdays | None:
        """Return the working days of a county, or None if they have not been asked for yet."""
        return self._made.get(self._scopes(region))

    def _scopes(self, region: int) -> tuple[int, ...]:
        return tuple(scope for scope in scopes_of(region) if scope in self._by_scope)


def workdays_of(region: int, calendars: Mapping[int, Calendar]) -> Workdays:
    """Return the county's working days: the days of each scope override those of the scopes above it."""
    special: dict[int, SpecialDay] = {}
    provisional: frozenset[int] = frozenset()
    for scope in dict.fromkeys(scopes_of(region)):
        calendar = calendars.get(scope)
        if calendar is None:
            continue
        provisional |= calendar.provisional_years
        for day, (working, name) in calendar.days.items():
            special[day_of(day)] = SpecialDay(working, name, regional=scope != NATIONAL)
    return Workdays(special, provisional)
