"""Dates and times in many writings."""

from __future__ import annotations

import contextlib
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.contract.encode import time_text
from services.importing.dates import NotADate, parse_day, parse_moment

WRITINGS: list[tuple[object, str, bool]] = [
    ("2026-03-05", "2026-03-05T00:00:00+08:00", False),
    ("2026/3/5", "2026-03-05T00:00:00+08:00", False),
    ("2026.3.5", "2026-03-05T00:00:00+08:00", False),
    ("2026年3月5日", "2026-03-05T00:00:00+08:00", False),
    ("2026年3月5日星期四", "2026-03-05T00:00:00+08:00", False),
    ("２０２６－０３－０５", "2026-03-05T00:00:00+08:00", False),
    ("20260305", "2026-03-05T00:00:00+08:00", False),
    (20260305, "2026-03-05T00:00:00+08:00", False),
    (46086, "2026-03-05T00:00:00+08:00", False),
    ("46086", "2026-03-05T00:00:00+08:00", False),
    (46086.5, "2026-03-05T12:00:00+08:00", True),
    ("46086.604166667", "2026-03-05T14:30:00+08:00", True),
    ("2026年3月5日 14:30", "2026-03-05T14:30:00+08:00", True),
    ("2026年3月5日14时30分05秒", "2026-03-05T14:30:05+08:00", True),
    ("2026年3月5日 下午2:30", "2026-03-05T14:30:00+08:00", True),
    ("2026-3-5 9:05:07", "2026-03-05T09:05:07+08:00", True),
    ("2026-03-05T14:30", "2026-03-05T14:30:00+08:00", True),
    ("2026-03-05T14:30:00Z", "2026-03-05T22:30:00+08:00", True),
    ("2026-03-05 14:30 +0800", "2026-03-05T14:30:00+08:00", True),
    ("2011-10-06T01:06:40.020+02:00", "2011-10-06T07:06:40.020+08:00", True),
    ("2026-03-05 24:00", "2026-03-06T00:00:00+08:00", True),
    ("20260305143000", "2026-03-05T14:30:00+08:00", True),
    (date(2026, 3, 5), "2026-03-05T00:00:00+08:00", False),
    (datetime(2026, 3, 5), "2026-03-05T00:00:00+08:00", False),  # noqa: DTZ001 - as a workbook gives it
    (datetime(2026, 3, 5, 14, 30), "2026-03-05T14:30:00+08:00", True),  # noqa: DTZ001
]


@pytest.mark.parametrize(("written", "moment", "has_time"), WRITINGS, ids=[str(w[0]) for w in WRITINGS])
def test_a_date_is_read_however_it_is_written(written: object, moment: str, has_time: bool) -> None:
    found = parse_moment(written)  # type: ignore[arg-type]
    assert found is not None
    assert (time_text(found.time), found.has_time) == (moment, has_time)


@pytest.mark.parametrize(
    "written",
    ["3/5/2026", "26-3-5", "昨天", "2026-02-30", "2026-13-01", "2026-03-05 25:00", True, time(9), 1.5, 10**30],
)
def test_what_is_no_date_or_could_be_two_is_refused(written: object) -> None:
    with pytest.raises(NotADate):
        parse_moment(written)  # type: ignore[arg-type]


def test_an_empty_cell_is_no_date() -> None:
    assert parse_moment(None) is None
    assert parse_moment("") is None
    assert parse_day(None) is None


@given(st.datetimes(datetime(1992, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001
def test_what_a_program_writes_is_read_back(moment: datetime) -> None:
    found = parse_moment(moment.isoformat())
    assert found is not None
    assert found.time == (moment - datetime(1970, 1, 1) - timedelta(hours=-8) * -1) // timedelta(microseconds=1)  # noqa: DTZ001


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers()))
def test_any_cell_is_read_or_refused(cell: str | float) -> None:
    with contextlib.suppress(NotADate):
        parse_moment(cell)
