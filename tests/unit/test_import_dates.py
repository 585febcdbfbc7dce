"""Dates and times in many writings."""

from __future__ import annotations

import contextlib
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.workdays import time_text
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
    ("2026-03-05 00:00:00", "2026-03-05T00:00:00+08:00", False),
    ("2026 3 5", "2026-03-05T00:00:00+08:00", False),
    ("2026、3、5", "2026-03-05T00:00:00+08:00", False),
    ("2026.03.05.", "2026-03-05T00:00:00+08:00", False),
    ("二〇二六年三月五日", "2026-03-05T00:00:00+08:00", False),
    ("二〇二六年十二月二十一日", "2026-12-21T00:00:00+08:00", False),
    ("2026-03-05 中午1:30", "2026-03-05T13:30:00+08:00", True),
    ("2026/3/5 PM 3:20", "2026-03-05T15:20:00+08:00", True),
    ("20260305T143000", "2026-03-05T14:30:00+08:00", True),
    ("20260305 14:30:00", "2026-03-05T14:30:00+08:00", True),
    ("2026030514:30:00", "2026-03-05T14:30:00+08:00", True),
    ("Thu Mar 05 14:30:00 CST 2026", "2026-03-05T14:30:00+08:00", True),
    ("1772692200000", "2026-03-05T14:30:00+08:00", True),
    ("2026-03-05\u200b", "2026-03-05T00:00:00+08:00", False),
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
    [
        *(
            "3/5/2026",
            "26-3-5",
            "3月5日",
            "昨天",
            "2026-3",
            "2026--3-5",
            "2026-02-30",
            "2026-13-01",
            "2026-03-05 25:00",
        ),
        *("2026-03-05 24:00", "2026-03-05 晚上12:00", True, time(9), 1.5, 10**30),
    ],
)
def test_what_is_no_date_or_could_be_two_is_refused(written: object) -> None:
    with pytest.raises(NotADate):
        parse_moment(written)  # type: ignore[arg-type]


def test_an_empty_cell_is_no_date() -> None:
    assert parse_moment(None) is None
    assert parse_moment("") is None
    assert parse_day(None) is None


@pytest.mark.parametrize(
    "written",
    [
        *(
            "-",
            "/",
            "—",
            "无",
            "NULL",
            "未办结",
            "办理中",
            "待办",
            " ",
            "\u200b",
            0,
            "0",
            "0000-00-00",
            "0000-00-00 00:00:00",
        ),
        *(
            "1900-01-01",
            "1900/1/1 0:00",
            "9999-12-31",
            "1970-01-01 08:00:00",
            datetime(1899, 12, 31),  # noqa: DTZ001 - as a workbook gives it
            date(9999, 12, 31),
        ),
    ],
)
def test_what_stands_for_no_date_is_none(written: object) -> None:
    assert parse_moment(written) is None  # type: ignore[arg-type]


def test_a_workbook_that_counts_from_1904_says_so() -> None:
    found = parse_moment(44621.375, since_1904=True)
    assert found is not None
    assert time_text(found.time) == "2026-03-02T09:00:00+08:00"
    with pytest.raises(NotADate):
        parse_moment("44621.375", since_1904=True)


@given(st.datetimes(datetime(1992, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001
def test_what_a_program_writes_is_read_back(moment: datetime) -> None:
    found = parse_moment(moment.isoformat())
    assert found is not None
    assert found.time == (moment - datetime(1970, 1, 1) - timedelta(hours=-8) * -1) // timedelta(microseconds=1)  # noqa: DTZ001


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers()))
def test_any_cell_is_read_or_refused(cell: str | float) -> None:
    with contextlib.suppress(NotADate):
        parse_moment(cell)
