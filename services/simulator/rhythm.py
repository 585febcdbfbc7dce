"""The rhythm of arrivals over the seasons, weekdays, holidays and hours."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hallpulse.domain.workdays import Workdays, date_of

from .county import County

_MONTHS = (0.80, 0.62, 1.14, 1.10, 1.04, 1.08, 1.02, 0.98, 1.14, 0.92, 1.10, 1.06)
_WEEKDAYS = (1.22, 1.06, 1.0, 0.98, 0.90, 0.85, 0.85)
_DAY_OFF = 0.05
_AFTER_DAYS_OFF = 1.25
_HOURS = ((8.5, 9.5, 18), (9.5, 11.0, 34), (11.0, 11.9, 10), (13.3, 14.5, 16), (14.5, 16.5, 28), (16.5, 17.0, 3))
_WEIGHTS = tuple(weight for _, _, weight in _HOURS)


def cases_by_day(county: County) -> Sequence[int]:
    """Return the number of cases received on each day of the period; their sum is exactly `county.cases`."""
    days = range(county.first_day, county.last_day + 1)
    weights = [_weight(county.workdays, day) for day in days]
    total, done, given = sum(weights), 0.0, 0
    counts = []
    for weight in weights:
        done += weight
        upto = round(county.cases * done / total)
        counts.append(upto - given)
        given = upto
    return counts


def _weight(workdays: Workdays, day: int) -> float:
    """Return a day's relative number of cases; on a day off, when offices are closed, it counts online cases only."""
    when = date_of(day)
    weight = _MONTHS[when.month - 1]
    if not workdays.is_working(day):
        return weight * _DAY_OFF
    rush = _AFTER_DAYS_OFF if workdays.count(day - 4, day - 1) == 0 else 1.0
    return weight * _WEEKDAYS[when.weekday()] * rush


def office_second(dice: random.Random) -> float:
    """Return a random second of the day within opening hours."""
    start, end, _ = dice.choices(_HOURS, _WEIGHTS)[0]
    return dice.uniform(start, end) * 3600


def online_second(dice: random.Random) -> float:
    """Return a random second of the day for online cases: any hour, most in the evening."""
    return min(86_399.0, dice.triangular(6.5, 23.9, 19.5) * 3600)
