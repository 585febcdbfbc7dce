from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.calendars import CalendarError, load_overrides, national_calendar
from hallpulse.domain.workdays import LAST_DAY, Calendar, Workdays, date_of, day_of, local_day, workdays_of

WEEKS = Workdays({}, ())
OVERRIDES = Path(__file__).parents[2] / "calendars"


@pytest.fixture(scope="module")
def calendars() -> dict[int, Calendar]:
    return {c.scope: c for c in [national_calendar(), *load_overrides(OVERRIDES)]}


@pytest.fixture(scope="module")
def yanbian(calendars: dict[int, Calendar]) -> Workdays:
    return workdays_of(222424, calendars)


@pytest.fixture(scope="module")
def elsewhere(calendars: dict[int, Calendar]) -> Workdays:
    return workdays_of(220102, calendars)


def wd(workdays: Workdays, after: str, until: str) -> int:
    return workdays.count(day_of(date.fromisoformat(after)), day_of(date.fromisoformat(until)))


def test_the_third_of_september_is_a_holiday_in_yanbian_only(yanbian: Workdays, elsewhere: Workdays) -> None:
    assert wd(yanbian, "2026-09-02", "2026-09-04") == 1
    assert wd(elsewhere, "2026-09-02", "2026-09-04") == 2
    assert yanbian.reason_off(day_of(date(2026, 9, 3))) == "regional_holiday"


@pytest.mark.parametrize(
    ("after", "until", "count"),
    [
        ("2026-09-30", "2026-10-08", 1),
        ("2026-09-19", "2026-09-21", 2),
        ("2026-02-13", "2026-02-24", 2),
        ("2026-03-02", "2026-03-02", 0),
        ("2026-03-03", "2026-03-02", 0),
    ],
)
def test_holidays_are_out_and_make_up_days_in(yanbian: Workdays, after: str, until: str, count: int) -> None:
    assert wd(yanbian, after, until) == count


def test_a_year_without_an_official_list_is_provisional_and_still_counts(yanbian: Workdays) -> None:
    assert yanbian.provisional(day_of(date(2028, 6, 1)))
    assert not yanbian.provisional(day_of(date(2026, 6, 1)))
    assert yanbian.reason_off(day_of(date(2028, 10, 2))) == "holiday"
    assert 240 < wd(yanbian, "2027-12-31", "2028-12-31") < 260


@given(st.integers(8_000, 40_000), st.integers(0, 400))
def test_the_nth_day_after_is_the_first_with_that_count(start: int, number: int) -> None:
    due = WEEKS.nth_after(start, number)
    assert WEEKS.count(start, due) == number
    assert number == 0 or WEEKS.count(start, due - 1) == number - 1


@given(st.integers(8_000, 40_000), st.integers(0, 500), st.integers(0, 500))
def test_counts_add_up_over_adjacent_spans(start: int, first: int, second: int) -> None:
    middle, end = start + first, start + first + second
    assert WEEKS.count(start, middle) + WEEKS.count(middle, end) == WEEKS.count(start, end)


def test_a_limit_beyond_the_calendar_ends_on_its_last_day() -> None:
    assert WEEKS.nth_after(day_of(date(2026, 1, 1)), 10**6) == LAST_DAY


def test_the_local_day_begins_at_midnight_in_shanghai() -> None:
    before_midnight = 1_767_196_799_999_999  # 2025-12-31T23:59:59.999999+08:00
    assert date_of(local_day(before_midnight)) == date(2025, 12, 31)
    assert date_of(local_day(before_midnight + 1)) == date(2026, 1, 1)


def test_a_county_inherits_from_its_prefecture_and_may_say_otherwise(calendars: dict[int, Calendar]) -> None:
    county = Calendar(222424, {date(2026, 9, 3): (True, "调休上班")})
    workdays = workdays_of(222424, {**calendars, 222424: county})
    assert wd(workdays, "2026-09-02", "2026-09-04") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region: 12\ndays: []\n", "region: expected a code of 6 digits"),
        ("region: '222400'\n", "days: expected a list"),
        ("region: '222400'\ndays: [{date: 2026-13-01, working: false, name: x}]\n", "month must be in 1..12"),
        ("region: '222400'\ndays: [{date: '2026-13-01', working: false, name: x}]\n", "days[1]: expected a date"),
        ("region: '222400'\ndays: [{date: 2026-01-01, name: x}]\n", "days[1]: expected working"),
        ("region: '222400'\ndays: [{working: true, name: x}]\n", "days[1]: expected either date or every_year"),
        ("region: '222400'\nholidays: []\n", "expected a mapping with region"),
        ("[", "expected"),
    ],
)
def test_a_bad_calendar_file_is_refused_with_the_place(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CalendarError, match=r"a\.yaml") as error:
        load_overrides(tmp_path)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_every_official_year_has_a_working_day_count_like_the_published_ones(elsewhere: Workdays) -> None:
    for year, days in {2023: 249, 2024: 251, 2025: 248}.items():
        assert wd(elsewhere, f"{year - 1}-12-31", f"{year}-12-31") == days
