"""Conversion of limits (时限), as halls write them, into whole working days.

The factors follow published practice: 22 working days a month, 250 a year, 5 a week, and 8 hours a working day. Natural
days count as 5/7 of a working day. Fractions are rounded up, since a conversion must never make a limit look stricter
than it was published: 30 自然日 are 22 working days, like one month. A limit shorter than one day is 0 working days:
the case is decided on the day itself. Every conversion has a name and is shown; none is made silently.

The unit may stand in the cell, in a separate column, in the header, in a note below the table or in the profile. If two
of these disagree, the limit is refused. A number without any unit is refused too, unless a question about it was
answered.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from hallpulse.domain.clock import NONE_LIKE_LIMITS

from .cells import Cell, Formula, normal, says_nothing, text_of, word_of

BOTH_LIMITS = ("statutory_days", "promised_days")
"""Fields of an item's two limits."""
WORKING_DAYS_A_MONTH = 22
WORKING_DAYS_A_YEAR = 250
WORKING_DAYS_A_WEEK = 5
HOURS_A_WORKING_DAY = 8
NATURAL_DAY = Fraction(5, 7)
MAX_DAYS = 36_500
MAX_CHARACTERS = 100


class Conversion(enum.StrEnum):
    """The conversions that turn a limit into whole working days."""

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
    EXCLUDES = "excludes"


class LimitProblem(enum.StrEnum):
    """The closed list of reasons why a limit cannot be read."""

    UNREADABLE = "limit-unreadable"
    UNKNOWN_UNIT = "limit-unknown-unit"
    NO_UNIT = "limit-no-unit"
    UNITS_DISAGREE = "limit-units-disagree"
    NEGATIVE = "limit-negative"
    TOO_LONG = "limit-too-long"
    REVERSED_RANGE = "limit-reversed-range"
    SEVERAL = "limit-several"
    IS_A_DATE = "limit-is-a-date"
    OF_THE_OTHER = "limit-of-the-other"


class BadLimit(ValueError):
    """The limit cannot be read. problem: the reason."""

    def __init__(self, problem: LimitProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in working days, None for no limit, with the conversions that were made."""

    days: int | None
    conversions: tuple[Conversion, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    name: str
    working_days: Fraction
    conversion: Conversion | None
    one_day: Fraction = Fraction(1)
    """Amount of the unit that makes one day; a shorter limit ends on the day itself."""


_WORKING = _Unit("工作日", Fraction(1), None)
_NATURAL = _Unit("自然日", NATURAL_DAY, Conversion.NATURAL_DAYS)
_WEEK = _Unit("周", Fraction(WORKING_DAYS_A_WEEK), Conversion.WEEKS, Fraction(1, 7))
_MONTH = _Unit("月", Fraction(WORKING_DAYS_A_MONTH), Conversion.MONTHS, Fraction(1, 31))
_YEAR = _Unit("年", Fraction(WORKING_DAYS_A_YEAR), Conversion.YEARS, Fraction(1, 366))
_HOUR = _Unit("小时", Fraction(1, HOURS_A_WORKING_DAY), Conversion.HOURS, Fraction(HOURS_A_WORKING_DAY))
_MINUTE = _Unit("分钟", _HOUR.working_days / 60, Conversion.HOURS, _HOUR.one_day * 60)
UNIT_NAMES = ("工作日", "自然日", "小时", "周", "月", "年")
"""The units that a question about a column of bare numbers offers."""

# 行政许可法 counts every 日 in working days, but in catalogues 天 and 日 stand beside 工作日 and mean calendar days.
_UNITS: dict[str, _Unit] = {
    **dict.fromkeys(
        (
            "个工作日",
            "工作日",
            "个工作天",
            "工作天",
            "日(工作日)",
            "天(工作日)",
            "w",
            "working day",
            "business day",
            "workday",
        ),
        _WORKING,
    ),
    **dict.fromkeys(("个自然日", "自然日", "个日历日", "日历日", "个日历天", "日历天", "日(自然日)"), _NATURAL),
    **dict.fromkeys(("天", "日", "个日", "natural day", "calendar day", "day", "d"), _NATURAL),
    **dict.fromkeys(("周", "个星期", "星期", "个礼拜", "week"), _WEEK),
    **dict.fromkeys(("个月", "月", "个自然月", "month"), _MONTH),
    **dict.fromkeys(("年", "个年", "year"), _YEAR),
    **dict.fromkeys(("个小时", "小时", "个工作小时", "工作小时", "时", "hour", "working hour", "h"), _HOUR),
    **dict.fromkeys(("分钟", "分", "minute", "min"), _MINUTE),
}
_AT_ONCE = re.compile(
    r"(当场|现场|即时|立即|当日|当天)(即?可?(办结|办理|办)|受理当场办结)?|即(时)?办(件|结|理)?|"
    r"即[来到]即办|马上(就)?办(结|理)?"
    r"|立等可取|随到随办|immediate(ly)?|instant(ly)?|at once|on the spot|same day"
)
_NONE = re.compile(
    r"无|无(办理)?(期限|时限|限制)|没有(期限|时限)?|(未|没有|不作|不)(作?规定|限定?|设定?)(期限|时限|时间|"
        r"期|时)?|[-—–/\\]+"
    r"|none|null|nil|n/?a|no( time)? limit|not applicable|unlimited|不适用|暂无"
)  # fmt: skip
_FILLER = re.compile(
    r"自?(受理|申请|收件|材料齐全|收到(申请|材料)?)(之日|申请)?(起|后)?(的)?|(之)?(以)?内"
    r"|不超过|不超出|最长|最多|至多|法定|承诺|(办结)?(时限|期限)[为:]?"
    r"|办结|办理|完成|[()\[\]、,;。:]"
    r"|within|at most|up to|no more than|not exceeding|(from|of|after) acceptance"
)  # fmt: skip
_MONTH_AND_DAY = re.compile(r"(\d{4}年)?\d{1,2}月\d{1,2}日?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{4}年\d{1,2}月")
"""A date that a spreadsheet made of a range such as 5-7."""
_YEAR_NUMBER = re.compile(r"(19[89]|20[0-4])\d(\.0+)?")
"""A bare number that is a year: as working days it would be eight years, which no law allows."""
_EXCLUDED = re.compile(r"[,;(]?(不含|不包括|不包含|不计)[^()0-9]*\)?$")

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_PLACES = {"十": 10, "百": 100, "千": 1000}
CHARACTERS = "".join((*_DIGITS, *_PLACES, "半"))
_NUMBER = rf"(?:\d+(?:\.\d+)?|[{CHARACTERS}]+)"
_UNIT = "|".join(sorted((re.escape(unit) + ("s?" if unit[-1].isascii() and unit[-1].isalpha() and len(unit) > 1 else "")
                         for unit in _UNITS), key=len, reverse=True))  # fmt: skip
_AMOUNT = re.compile(
    rf"(?P<sign>-\s*)?(?P<low>{_NUMBER})(?:\s*(?:{_UNIT})?\s*(?:-|~|至|到|—|–|to)\s*(?P<high>{_NUMBER}))?"
    rf"\s*(?:\((?P<bracket>{_UNIT})\)|(?P<unit>{_UNIT}))?"
)
_NAMED_UNIT = re.compile(
    r"(?:working|business|natural|calendar) days?|workdays?|个?(工作日|工作天|自然日|日历[日天])|小时"
    r"|(?<=[(\[/:为])(天|日|个?月|周|年)(?=[)\]/,。;]|$)"
)
"""Units in headers and notes; short words count only if they stand alone: 去年 and 天数 name no unit."""


def parse_limit(written: Cell, unit: str = "", *, bare: str = "", empty_unit: bool = False) -> Limit:
    """Return the limit that a cell gives. Raise BadLimit if it cannot be read.

    unit: the unit that other places than the cell give, empty without one; bare: the unit for a number without any
    unit; empty_unit: whether the table has a column of units whose cell is empty: then a bare number is no limit.
    """
    if isinstance(written, bool | Formula | timedelta):
        raise BadLimit(LimitProblem.UNREADABLE)
    if isinstance(written, date | time):
        raise BadLimit(LimitProblem.IS_A_DATE)
    text = _plain(text_of(written))
    if _MONTH_AND_DAY.fullmatch(text):
        raise BadLimit(LimitProblem.IS_A_DATE)
    return _parsed(text, unit or (bare if bare and _is_bare(text) else ""), empty_unit)


_NAMED_LIMITS = {"statutory_days": ("法定", "承诺"), "promised_days": ("承诺", "法定")}


def refuse_other_limit(name: str, written: Cell) -> None:
    """Raise BadLimit if the cell of one limit names only the other limit: `法定20个工作日` as the promised limit."""
    if isinstance(written, str) and name in _NAMED_LIMITS:
        own, other = _NAMED_LIMITS[name]
        if other in written and own not in written:
            raise BadLimit(LimitProblem.OF_THE_OTHER)


def joined_unit(*places: str) -> str:
    """Return the unit that the texts name; empty without one. Raise BadLimit if they disagree or one is unknown."""
    named = {unit_named(place) for place in places if place}
    if None in named:
        raise BadLimit(LimitProblem.UNKNOWN_UNIT)
    if len(named) > 1:
        raise BadLimit(LimitProblem.UNITS_DISAGREE)
    return named.pop() or "" if named else ""


@lru_cache(maxsize=1024)
def unit_named(text: str) -> str | None:
    """Return the usual name of a unit for any of its names; None if the text is not a unit."""
    plain = _plain(text)
    unit = _UNITS.get(plain) or _UNITS.get(plain.removesuffix("s"))
    if unit is not None:
        return unit.name
    return "当场" if _AT_ONCE.fullmatch(plain) else None


def unit_in(text: str) -> str:
    """Return the unit that a header or a note names, as 自然日 for `承诺时限（自然日）`; empty for none or several."""
    found = {unit_named(match[0].strip("()[]/")) for match in _NAMED_UNIT.finditer(_plain(text))}
    return next(iter(found)) or "" if len(found) == 1 else ""


def unit_cell(cell: Cell, codes: Mapping[str, str]) -> str:
    """Return the unit in a cell of a column of units; empty for an empty cell. codes: code → its unit."""
    word = word_of(cell)
    return codes.get(word.lstrip("0") or word, "") or ("" if says_nothing(word) else text_of(cell))


@lru_cache(maxsize=8192)
def _parsed(text: str, unit: str, empty_unit: bool) -> Limit:
    if not text or _NONE.fullmatch(text):
        return Limit(None)
    if _AT_ONCE.fullmatch(text):
        return Limit(0, (Conversion.AT_ONCE,))
    if len(text) > MAX_CHARACTERS:
        raise BadLimit(LimitProblem.UNREADABLE)
    if _is_number(text):
        return _bare(text, unit, empty_unit)
    excluded = _EXCLUDED.search(text)
    if excluded is not None and excluded.start():
        found = _parsed(text[: excluded.start()], unit, empty_unit)
        return Limit(found.days, (*found.conversions, Conversion.EXCLUDES))
    found_units = {_unit_of(match).name for match in _AMOUNT.finditer(text) if match["unit"] or match["bracket"]}
    if unit and found_units and found_units != {unit} and (unit == "当场" or len(found_units) == 1):
        raise BadLimit(LimitProblem.UNITS_DISAGREE)
    return _measured(text, unit)


def _bare(text: str, unit: str, empty_unit: bool) -> Limit:
    """Return the limit of a number alone. It needs a unit, unless it is 0 or a number that stands for no limit."""
    if unit == "当场":
        if _measured(text, "工作日").days:
            raise BadLimit(LimitProblem.UNITS_DISAGREE)
        return Limit(0, (Conversion.AT_ONCE,))
    if empty_unit and not unit:
        return Limit(None, (Conversion.NO_UNIT_NONE,))
    if _YEAR_NUMBER.fullmatch(text):
        raise BadLimit(LimitProblem.IS_A_DATE)
    found = _measured(text, unit or "工作日")
    if not unit and found.days and Conversion.NONE_LIKE not in found.conversions:
        raise BadLimit(LimitProblem.NO_UNIT)
    return found


@lru_cache(maxsize=8192)
def _plain(text: str) -> str:
    """Return a text with plain instead of full-width characters, and with blanks only between Latin letters."""
    plain = normal(text).strip().lower().replace("個", "个").replace("時", "时")
    return re.sub(r"(?<![!-~])\s+|\s+(?![!-~])", "", re.sub(r"\s+", " ", plain))


@lru_cache(maxsize=8192)
def _is_bare(text: str) -> bool:
    """Return whether a limit names no unit, as 20 and 不超过20."""
    return not any(match["unit"] or match["bracket"] for match in _AMOUNT.finditer(text))


def _is_number(text: str) -> bool:
    return re.fullmatch(rf"-?\s*{_NUMBER}", text) is not None


def _measured(text: str, unit: str = "") -> Limit:
    amounts = list(_AMOUNT.finditer(text))
    if not amounts:
        raise BadLimit(LimitProblem.UNREADABLE)
    _refuse_rest(text, amounts)
    parts = [_part(match, unit) for match in amounts]
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
    """Raise BadLimit for several limits, or for text other than filler; adjacent amounts are one limit (1年6个月)."""
    rest = _AMOUNT.sub("\0", text)
    rest = _FILLER.sub("", rest).replace(" ", "")
    known = [match for match in amounts if match["unit"] or match["bracket"]]
    if rest.strip("\0"):
        raise BadLimit(LimitProblem.UNREADABLE if known else LimitProblem.UNKNOWN_UNIT)
    if len(amounts) == 1:
        return
    joined = all(not text[a.end() : b.start()].strip() for a, b in pairwise(amounts))
    units = [_unit_of(match) for match in known]
    falling = all(a.working_days > b.working_days for a, b in pairwise(units))
    if len(known) < len(amounts) or not (joined and falling):
        raise BadLimit(LimitProblem.SEVERAL)


def _part(match: re.Match[str], outside: str) -> tuple[Fraction, list[Conversion], bool]:
    """Return an amount's working days, the conversions made, and whether it is at least one day."""
    low, high = _number(match["low"]), _number(match["high"] or match["low"])
    if match["sign"]:
        raise BadLimit(LimitProblem.NEGATIVE)
    if high < low:
        raise BadLimit(LimitProblem.REVERSED_RANGE)
    if not (match["unit"] or match["bracket"] or outside) and high:
        raise BadLimit(LimitProblem.NO_UNIT)
    unit = _unit_of(match, outside or "工作日")
    conversions = [Conversion.UPPER_OF_RANGE] if high != low else []
    if high in NONE_LIKE_LIMITS and unit in (_WORKING, _NATURAL) and high == low:
        return Fraction(0), [Conversion.NONE_LIKE], False
    if unit.conversion is not None and high:
        conversions.append(unit.conversion)
    return high * unit.working_days, conversions, high >= unit.one_day


def _unit_of(match: re.Match[str], outside: str = "") -> _Unit:
    name = match["unit"] or match["bracket"] or outside
    return _UNITS[name] if name in _UNITS else _UNITS[name.removesuffix("s")]


def _number(text: str) -> Fraction:
    number = Fraction(text) if text[0].isdecimal() else chinese_number(text)
    if number is None:
        raise BadLimit(LimitProblem.UNREADABLE)
    return number


def chinese_number(text: str) -> Fraction | None:
    """Return the number that Chinese numerals write, such as 十五, 一百二十, 两 or 半; None if they are no number."""
    if text == "半":
        return Fraction(1, 2)
    if len(text) == 2 and _DIGITS.get(text[1], 0) == _DIGITS.get(text[0], 0) + 1 and text[0] in _DIGITS:
        return None  # 七八个工作日 are seven or eight, not seventy-eight
    if len(text) > 1 and all(char in _DIGITS for char in text):
        return Fraction(int("".join(str(_DIGITS[char]) for char in text)))
    return _placed(text)


def _placed(text: str) -> Fraction | None:
    """Return the number of digits with places, such as 一百二十; None if a place is not lower than the one before."""
    total, digit, last_place = 0, None, 10_000
    for position, char in enumerate(text):
        if char in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[char]
            continue
        place = _PLACES.get(char, last_place)
        if place >= last_place or (digit is None and (position or place != 10)) or digit == 0:
            return None
        total += (1 if digit is None else digit) * place
        digit, last_place = None, place
    if not text or (digit == 0 and total):
        return None
    return Fraction(total + (digit or 0))
