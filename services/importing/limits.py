"""Limits (时限) as halls write them, turned into whole working days.

The factors are those of published practice: 22 working days a month, 250 a year, 5 a week; a working day has 8 hours.
Natural days become working days by 5/7. What is not whole is rounded up: a conversion must never make a limit look
stricter than it was published, so that 30 自然日 are 22 working days, as one month is. A limit shorter than one day is
0 working days: done on the day itself. Every conversion has a name and is shown; none is made silently.
"""

from __future__ import annotations

import enum
import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, time
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from hallpulse.domain.clock import NONE_LIKE_LIMITS

from .numerals import CHARACTERS, chinese_number

WORKING_DAYS_A_MONTH = 22
WORKING_DAYS_A_YEAR = 250
WORKING_DAYS_A_WEEK = 5
HOURS_A_WORKING_DAY = 8
NATURAL_DAY = Fraction(5, 7)
MAX_DAYS = 36_500
MAX_CHARACTERS = 100


class Conversion(enum.StrEnum):
    """What was done to a limit so that it counts whole working days."""

    NATURAL_DAYS = "natural_days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"
    HOURS = "hours"
    ROUNDED_UP = "rounded_up"
    SAME_DAY = "same_day"
    UPPER_OF_RANGE = "upper_of_range"
    NONE_LIKE = "none_like"
    NO_UNIT_NONE = "no_unit_none"
    AT_ONCE = "at_once"


class LimitProblem(enum.StrEnum):
    """Why a limit cannot be read: a closed list."""

    UNREADABLE = "limit-unreadable"
    UNKNOWN_UNIT = "limit-unknown-unit"
    NEGATIVE = "limit-negative"
    TOO_LONG = "limit-too-long"
    REVERSED_RANGE = "limit-reversed-range"
    SEVERAL = "limit-several"
    IS_A_DATE = "limit-is-a-date"


class BadLimit(ValueError):
    """The limit cannot be read; `problem` says why."""

    def __init__(self, problem: LimitProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Limit:
    """Working days, None where there is no limit, and what was done to get there."""

    days: int | None
    conversions: tuple[Conversion, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    working_days: Fraction
    conversion: Conversion | None
    one_day: Fraction = Fraction(1)
    """As much of the unit as makes a day; less is done on the day itself."""


_WORKING = _Unit(Fraction(1), None)
_NATURAL = _Unit(NATURAL_DAY, Conversion.NATURAL_DAYS)
_WEEK = _Unit(Fraction(WORKING_DAYS_A_WEEK), Conversion.WEEKS, Fraction(1, 7))
_MONTH = _Unit(Fraction(WORKING_DAYS_A_MONTH), Conversion.MONTHS, Fraction(1, 31))
_YEAR = _Unit(Fraction(WORKING_DAYS_A_YEAR), Conversion.YEARS, Fraction(1, 366))
_HOUR = _Unit(Fraction(1, HOURS_A_WORKING_DAY), Conversion.HOURS, Fraction(HOURS_A_WORKING_DAY))
_MINUTE = _Unit(_HOUR.working_days / 60, Conversion.HOURS, _HOUR.one_day * 60)

# 行政许可法 counts every 日 in working days, but in catalogues 天 and 日 stand beside 工作日 and mean natural days.
_UNITS: dict[str, _Unit] = {
    **dict.fromkeys(
        ("个工作日", "工作日", "个工作天", "工作天", "w", "working day", "business day", "workday"), _WORKING
    ),
    **dict.fromkeys(("个自然日", "自然日", "个日历日", "日历日", "个日历天", "日历天"), _NATURAL),
    **dict.fromkeys(("天", "日", "个日", "natural day", "calendar day", "day", "d"), _NATURAL),
    **dict.fromkeys(("周", "个星期", "星期", "个礼拜", "week"), _WEEK),
    **dict.fromkeys(("个月", "月", "个自然月", "month"), _MONTH),
    **dict.fromkeys(("年", "个年", "year"), _YEAR),
    **dict.fromkeys(("个小时", "小时", "个工作小时", "工作小时", "时", "hour", "working hour", "h"), _HOUR),
    **dict.fromkeys(("分钟", "分", "minute", "min"), _MINUTE),
}
_AT_ONCE = re.compile(
    r"当场(办结|办理|办)?|即时(办结|办理|办)?|即(时)?办(件|结|理)?|即来即办|马上办|立等可取|立即(办结|办理)?|随到随办"
    r"|immediate(ly)?|instant(ly)?|at once|on the spot|same day|当日(办结|办理)?|当天(办结|办理)?"
)
_NONE = re.compile(
    r"无|无(办理)?(期限|时限|限制)|没有(期限|时限)?|(未|没有|不作|不)(作?规定|限定?|设定?)(期限|时限|时间|期|时)?|[-—–/\\]+"
    r"|none|null|nil|n/?a|no( time)? limit|not applicable|unlimited|不适用|暂无"
)  # fmt: skip
_FILLER = re.compile(
    r"自?(受理|申请|收件|材料齐全|收到(申请|材料)?)(之日|申请)?(起|后)?(的)?|(之)?(以)?内"
    r"|不超过|不超出|最长|最多|至多|法定|承诺|(办结)?(时限|期限)[为:]?"
    r"|办结|办理|完成|[()\[\]、,;。:]"
    r"|within|at most|up to|no more than|not exceeding|(from|of|after) acceptance"
)  # fmt: skip
_NUMBER = rf"(?:\d+(?:\.\d+)?|[{CHARACTERS}]+)"
_UNIT = "|".join(sorted((re.escape(unit) + ("s?" if unit[-1].isascii() and len(unit) > 1 else "") for unit in _UNITS),
                        key=len, reverse=True))  # fmt: skip
_AMOUNT = re.compile(
    rf"(?P<sign>-\s*)?(?P<low>{_NUMBER})(?:\s*(?:{_UNIT})?\s*(?:-|~|至|到|—|–|to)\s*(?P<high>{_NUMBER}))?\s*(?P<unit>{_UNIT})?"
)


def parse_limit(written: object, unit: object = "") -> Limit:
    """Read a limit; `unit` is that of a column of its own, None where the column is there but empty.

    A number without unit means working days, unless the file has a column for units and leaves it empty: then it is
    no limit at all. Raises BadLimit.
    """
    if isinstance(written, date | time | bool):
        raise BadLimit(LimitProblem.UNREADABLE if isinstance(written, bool) else LimitProblem.IS_A_DATE)
    return _parsed(_plain(written), None if unit is None else _plain(unit))


@lru_cache(maxsize=4096)
def _parsed(text: str, unit: str | None) -> Limit:
    if not text or _NONE.fullmatch(text):
        return Limit(None)
    if _AT_ONCE.fullmatch(text):
        return Limit(0, (Conversion.AT_ONCE,))
    if len(text) > MAX_CHARACTERS:
        raise BadLimit(LimitProblem.UNREADABLE)
    if unit is None and _is_number(text):
        return Limit(None, (Conversion.NO_UNIT_NONE,))
    if unit and _is_number(text):
        text += unit
    return _measured(text)


def _plain(written: object) -> str:
    """Full-width characters become plain ones, blanks are left between Latin letters only, Excel's 20.0 becomes 20."""
    if isinstance(written, float) and written.is_integer():
        written = int(written)
    text = "" if written is None else unicodedata.normalize("NFKC", str(written)).strip().lower()
    return re.sub(r"(?<![!-~])\s+|\s+(?![!-~])", "", re.sub(r"\s+", " ", text))


def _is_number(text: str) -> bool:
    return re.fullmatch(rf"-?\s*{_NUMBER}", text) is not None


def _measured(text: str) -> Limit:
    amounts = list(_AMOUNT.finditer(text))
    if not amounts:
        raise BadLimit(LimitProblem.UNREADABLE)
    _refuse_rest(text, amounts)
    parts = [_part(match) for match in amounts]
    conversions = dict.fromkeys(conversion for part in parts for conversion in part[1])
    if len(parts) == 1 and Conversion.NONE_LIKE in conversions:
        return Limit(None, (Conversion.NONE_LIKE,))
    return _whole(sum((part[0] for part in parts), Fraction(0)), any(part[2] for part in parts), tuple(conversions))


def _whole(days: Fraction, lasts_a_day: bool, conversions: tuple[Conversion, ...]) -> Limit:
    if days > MAX_DAYS:
        raise BadLimit(LimitProblem.TOO_LONG)
    if not lasts_a_day:
        return Limit(0, (*conversions, Conversion.SAME_DAY) if days else conversions)
    whole = math.ceil(days)
    return Limit(whole, conversions if whole == days else (*conversions, Conversion.ROUNDED_UP))


def _refuse_rest(text: str, amounts: list[re.Match[str]]) -> None:
    """Amounts that follow each other at once are one limit (1年6个月); what else is written must be filler."""
    rest = _AMOUNT.sub("\0", text)
    rest = _FILLER.sub("", rest).replace(" ", "")
    if rest.strip("\0"):
        one_known = any(match["unit"] for match in amounts)
        raise BadLimit(LimitProblem.UNREADABLE if one_known else LimitProblem.UNKNOWN_UNIT)
    joined = all(not text[a.end() : b.start()].strip() for a, b in pairwise(amounts))
    units = [_unit_of(match) for match in amounts]
    falling = all(a.working_days > b.working_days for a, b in pairwise(units))
    if len(amounts) > 1 and not (joined and falling):
        raise BadLimit(LimitProblem.SEVERAL)


def _part(match: re.Match[str]) -> tuple[Fraction, list[Conversion], bool]:
    """Working days, what was done to get them, and whether it is a day at least."""
    low, high = _number(match["low"]), _number(match["high"] or match["low"])
    if match["sign"]:
        raise BadLimit(LimitProblem.NEGATIVE)
    if high < low:
        raise BadLimit(LimitProblem.REVERSED_RANGE)
    unit = _unit_of(match)
    conversions = [Conversion.UPPER_OF_RANGE] if high != low else []
    if high in NONE_LIKE_LIMITS and unit in (_WORKING, _NATURAL) and high == low:
        return Fraction(0), [Conversion.NONE_LIKE], False
    if unit.conversion is not None and high:
        conversions.append(unit.conversion)
    return high * unit.working_days, conversions, high >= unit.one_day


def _unit_of(match: re.Match[str]) -> _Unit:
    name = match["unit"] or "工作日"
    return _UNITS[name] if name in _UNITS else _UNITS[name.removesuffix("s")]


def _number(text: str) -> Fraction:
    number = Fraction(text) if text[0].isdecimal() else chinese_number(text)
    if number is None:
        raise BadLimit(LimitProblem.UNREADABLE)
    return number
