"""The national calendar: official lists of the years that have them, provisional computed days of the others.

Official lists (国务院办公厅关于部分节假日安排的通知, from 2004 on) come from `chinesecalendar`. For other years
the statutory holidays (全国年节及纪念日放假办法) come from `holidays`, without make-up workdays, and the year is
provisional.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import chinese_calendar
import holidays

from hallpulse.domain.workdays import NATIONAL, Calendar

FIRST_YEAR, LAST_YEAR = 1992, 2060


@cache
def national_calendar() -> Calendar:
    """Return the holidays and make-up workdays of 1992 to 2060."""
    known = {day.year for day in chinese_calendar.holidays}
    days: dict[date, tuple[bool, str]] = {}
    for day, name in chinese_calendar.holidays.items():
        days[day] = (False, _chinese(name))
    for day, name in chinese_calendar.workdays.items():
        days[day] = (True, f"{_chinese(name)}调休上班")
    unknown = [year for year in range(FIRST_YEAR, LAST_YEAR + 1) if year not in known]
    computed = holidays.country_holidays("CN", years=unknown, observed=False, language="zh_CN")
    days.update({day: (False, name) for day, name in computed.items() if day.year in unknown})
    return Calendar(NATIONAL, days, frozenset(unknown))


def _chinese(name: str) -> str:
    return _NAMES.get(name, name)


_NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利纪念日",
}
