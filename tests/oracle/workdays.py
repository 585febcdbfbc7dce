"""Working days, one day at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache

import chinese_calendar

Working = Callable[[date, str], bool]
"""Whether a day is a working day in a region (six digits)."""

FIXED_HOLIDAYS = {(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
REGIONAL_HOLIDAYS = {"2224": {(9, 3)}}


@cache
def working(day: date, region: str) -> bool:
    if (day.month, day.day) in REGIONAL_HOLIDAYS.get(region[:4], ()):
        return False
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:  # no official list for this year
        return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS


def days_after(after: date, upto: date) -> Iterator[date]:
    """Every day after `after`, up to and with `upto`."""
    day = after
    while day < upto:
        day += timedelta(days=1)
        yield day


def wd(after: date, upto: date, region: str, is_working: Working = working) -> int:
    """wd(after, upto] of the domain page."""
    return sum(is_working(day, region) for day in days_after(after, upto))
