"""The national day's own events: of every province, valid, and in the order in which they are sent."""

from __future__ import annotations

from tests.merging import decoded
from tests.operations.counties import counties_by_province
from tests.operations.national_day import CLOSES, OPENS, nation


def test_there_are_31_provinces_and_as_many_counties_as_are_wanted() -> None:
    found = counties_by_province(2_800)
    counties = [county for named in found.values() for county in named]
    assert (len(found), len(counties), len(set(counties))) == (31, 2_800, 2_800)
    assert all(len(county) == 6 and not county.endswith("00") for county in counties)
    assert sum(map(len, counties_by_province(62).values())) == 62
    assert min(map(len, counties_by_province(62).values())) >= 1


def test_the_days_events_are_valid_and_of_about_the_number_that_is_wanted() -> None:
    provinces = nation(1, 2_000, 100)
    events = [event for one in provinces for event in one.everything]
    assert 1_800 < len(events) < 2_200
    assert len(decoded(events)) == len(events)
    for one in provinces:
        hours = [hour for hour, _ in one.events]
        assert hours == sorted(hours)
        assert all(OPENS <= hour <= CLOSES for hour in hours)
    assert sum(one.distinct for one in provinces) < len(events)
