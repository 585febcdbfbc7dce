"""Limits as halls write them."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.importing.limits import (
    BadLimit,
    Conversion,
    LimitProblem,
    chinese_number,
    joined_unit,
    parse_limit,
    unit_in,
    unit_named,
)

READINGS: list[tuple[object, int | None, tuple[Conversion, ...]]] = [
    ("20个工作日", 20, ()),
    ("15工作日", 15, ()),
    (" ２０ 个 工作日 ", 20, ()),
    ("0", 0, ()),
    (0, 0, ()),
    ("15(工作日)", 15, ()),
    ("20日（工作日）", 20, ()),
    ("10（个工作日）", 10, ()),
    ("20个工作日（不含专家评审时间）", 20, (Conversion.EXCLUDES,)),
    ("15工作日，不含公示", 15, (Conversion.EXCLUDES,)),
    ("即到即办", 0, (Conversion.AT_ONCE,)),
    ("现场办结", 0, (Conversion.AT_ONCE,)),
    ("马上就办", 0, (Conversion.AT_ONCE,)),
    ("十五个工作日", 15, ()),
    ("一百二十个工作日", 120, ()),
    ("自受理之日起20个工作日内", 20, ()),
    ("不超过15个工作日（法定）", 15, ()),
    ("20 working days", 20, ()),
    ("1 Business Day", 1, ()),
    ("30自然日", 22, (Conversion.NATURAL_DAYS, Conversion.ROUNDED_UP)),
    ("30天", 22, (Conversion.NATURAL_DAYS, Conversion.ROUNDED_UP)),
    ("7个日历日", 5, (Conversion.NATURAL_DAYS,)),
    ("14日", 10, (Conversion.NATURAL_DAYS,)),
    ("30 calendar days", 22, (Conversion.NATURAL_DAYS, Conversion.ROUNDED_UP)),
    ("2周", 10, (Conversion.WEEKS,)),
    ("三个月", 66, (Conversion.MONTHS,)),
    ("两个月", 44, (Conversion.MONTHS,)),
    ("3 months", 66, (Conversion.MONTHS,)),
    ("1年", 250, (Conversion.YEARS,)),
    ("半年", 125, (Conversion.YEARS,)),
    ("1年6个月", 382, (Conversion.YEARS, Conversion.MONTHS)),
    ("2小时", 0, (Conversion.HOURS, Conversion.SAME_DAY)),
    ("2 hours", 0, (Conversion.HOURS, Conversion.SAME_DAY)),
    ("8小时", 1, (Conversion.HOURS,)),
    ("12小时", 2, (Conversion.HOURS, Conversion.ROUNDED_UP)),
    ("30分钟", 0, (Conversion.HOURS, Conversion.SAME_DAY)),
    ("0.5个工作日", 0, (Conversion.SAME_DAY,)),
    ("1.5个工作日", 2, (Conversion.ROUNDED_UP,)),
    ("当场办结", 0, (Conversion.AT_ONCE,)),
    ("即时", 0, (Conversion.AT_ONCE,)),
    ("即办", 0, (Conversion.AT_ONCE,)),
    ("immediate", 0, (Conversion.AT_ONCE,)),
    ("5-7个工作日", 7, (Conversion.UPPER_OF_RANGE,)),
    ("5个工作日～7个工作日", 7, (Conversion.UPPER_OF_RANGE,)),
    ("500", None, (Conversion.NONE_LIKE,)),
    (999, None, (Conversion.NONE_LIKE,)),
    ("9999个工作日", None, (Conversion.NONE_LIKE,)),
    ("无", None, ()),
    ("无期限", None, ()),
    ("不限时", None, ()),
    ("未规定", None, ()),
    ("none", None, ()),
    ("N/A", None, ()),
    ("/", None, ()),
    ("", None, ()),
    (None, None, ()),
]
REFUSALS: list[tuple[object, LimitProblem]] = [
    ("尽快", LimitProblem.UNREADABLE),
    ("5个工作日；复杂的10个工作日", LimitProblem.UNREADABLE),
    ("=1+2", LimitProblem.UNKNOWN_UNIT),
    ("5只", LimitProblem.UNKNOWN_UNIT),
    ("-5个工作日", LimitProblem.NEGATIVE),
    ("20", LimitProblem.NO_UNIT),
    (20, LimitProblem.NO_UNIT),
    (20.0, LimitProblem.NO_UNIT),
    ("不超过20", LimitProblem.NO_UNIT),
    ("法定:30 承诺:5", LimitProblem.SEVERAL),
    ("法定20个工作日，承诺5个工作日", LimitProblem.SEVERAL),
    ("5个工作日(特殊情况可延长至10个工作日)", LimitProblem.UNREADABLE),
    ("15（其中初审5个工作日，复审10个工作日）", LimitProblem.UNREADABLE),
    ("20工作日/即办", LimitProblem.UNREADABLE),
    ("1 000", LimitProblem.SEVERAL),
    ("-1", LimitProblem.NEGATIVE),
    ("20个工作曰", LimitProblem.UNKNOWN_UNIT),
    ("36501个工作日", LimitProblem.TOO_LONG),
    ("200年", LimitProblem.TOO_LONG),
    ("7-5个工作日", LimitProblem.REVERSED_RANGE),
    ("5个工作日10个工作日", LimitProblem.SEVERAL),
    (date(2026, 5, 7), LimitProblem.IS_A_DATE),
    (True, LimitProblem.UNREADABLE),
    ("十百个工作日", LimitProblem.UNREADABLE),
    ("1" * 200, LimitProblem.UNREADABLE),
]


@pytest.mark.parametrize(("written", "days", "conversions"), READINGS, ids=[str(r[0]) for r in READINGS])
def test_a_limit_is_read_as_halls_mean_it(
    written: object, days: int | None, conversions: tuple[Conversion, ...]
) -> None:
    found = parse_limit(written)  # type: ignore[arg-type]
    assert (found.days, found.conversions) == (days, conversions)


@pytest.mark.parametrize(("written", "problem"), REFUSALS, ids=[str(r[0])[:20] for r in REFUSALS])
def test_what_is_no_limit_is_refused_by_a_closed_list(written: object, problem: LimitProblem) -> None:
    with pytest.raises(BadLimit) as refused:
        parse_limit(written)  # type: ignore[arg-type]
    assert refused.value.problem is problem


def test_a_unit_may_stand_elsewhere() -> None:
    assert parse_limit("3", "月").days == 66
    assert parse_limit(20, "工作日").days == 20
    assert parse_limit(0, "小时").days == 0
    assert parse_limit("当场办结", "工作日").days == 0


@pytest.mark.parametrize(
    ("written", "unit"), [("20个工作日", "自然日"), ("20天", "工作日"), ("5", "当场"), ("5个工作日", "当场")]
)
def test_units_that_disagree_are_refused(written: str, unit: str) -> None:
    with pytest.raises(BadLimit) as refused:
        parse_limit(written, unit)
    assert refused.value.problem is LimitProblem.UNITS_DISAGREE


def test_places_that_name_one_unit_agree_and_a_code_is_no_unit() -> None:
    assert joined_unit("个工作日", "", "工作日") == "工作日"
    for places, problem in ((("天", "工作日"), LimitProblem.UNITS_DISAGREE), (("1",), LimitProblem.UNKNOWN_UNIT)):
        with pytest.raises(BadLimit) as refused:
            joined_unit(*places)
        assert refused.value.problem is problem
    assert unit_named("1") is None


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("法定时限（自然日）", "自然日"),
        ("承诺时限（小时）", "小时"),
        ("法定时限（月）", "月"),
        ("承诺时限(天)", "自然日"),
        ("法定办结时限(单位：工作日)", "工作日"),
        ("承诺办结时限/工作日", "工作日"),
        ("承诺办结工作日", "工作日"),
        ("注：时限均为工作日。", "工作日"),
        ("法定时限", ""),
        ("法定办结时限单位", ""),
        ("时限（工作日/小时）", ""),
        ("办结时间", ""),
    ],
)
def test_a_header_says_its_unit(header: str, unit: str) -> None:
    assert unit_in(header) == unit


def test_a_number_without_its_unit_is_no_limit_where_the_file_has_units() -> None:
    assert parse_limit("20", empty_unit=True) == parse_limit(20, empty_unit=True)
    assert parse_limit("20", empty_unit=True).days is None
    assert parse_limit("20", empty_unit=True).conversions == (Conversion.NO_UNIT_NONE,)


@given(st.integers(0, 36_500).filter(lambda days: days not in (500, 999, 9999)))
def test_working_days_stay_what_they_are(days: int) -> None:
    assert parse_limit(f"{days}个工作日").days == days == parse_limit(f"{days} working days").days


@given(st.integers(1, 20_000).filter(lambda days: days not in (500, 999, 9999)))
def test_natural_days_never_become_shorter_than_their_share_nor_a_day_longer(days: int) -> None:
    found = parse_limit(f"{days}自然日").days
    assert found == math.ceil(Fraction(days * 5, 7))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_limit(text)
    except BadLimit:
        return
    assert found.days is None or 0 <= found.days <= 36_500


@given(st.one_of(st.floats(), st.integers(), st.booleans(), st.dates(), st.times(), st.datetimes()))
def test_any_cell_is_read_or_refused(cell: object) -> None:
    try:
        parse_limit(cell)  # type: ignore[arg-type]
    except BadLimit:
        return


@given(st.integers(0, 9999))
def test_chinese_numerals_are_read_back(number: int) -> None:
    assert chinese_number(chinese(number)) == number


def chinese(number: int) -> str:
    """The usual spelling, 零 for the places left out."""
    digits, places = "零一二三四五六七八九", ("", "十", "百", "千")
    text, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if gap and text else "") + digits[digit] + places[place]
        gap = not digit
    return text or "零"
