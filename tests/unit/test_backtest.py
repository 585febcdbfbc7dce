"""The forecast held against a year that is over: small errors near the end, and intervals that hold what came."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.backtest import Outcome, lines, logged, shown, simulated
from services.importing.case_import import HallOfCases
from services.simulator import Sent
from tests.shelf import NOW, Shelf, take

REGION = 222424
PERMITS = Path(__file__).parents[3] / "shared" / "data" / "permit-cases.csv"


@pytest.fixture(scope="module")
def year() -> list[Outcome]:
    found = simulated(20260301, 8_000)
    shown("simulated year", found)
    return found


def covered(found: list[Outcome]) -> float:
    return sum(one.is_inside for one in found) / len(found)


def test_what_came_lies_in_the_interval_in_most_forecasts(year: list[Outcome]) -> None:
    assert len(year) > 100
    assert covered(year) >= 0.8
    assert covered([one for one in year if one.horizon <= 3]) >= 0.9


def test_a_month_before_the_end_a_share_is_foreseen_to_half_a_point(year: list[Outcome]) -> None:
    near = [one for one in lines(year) if one.horizon == "1" and one.what.startswith("share")]
    assert len(near) == 2
    assert max(one.worst for one in near) < 0.5


def test_an_interval_holds_its_forecast_and_is_possible(year: list[Outcome]) -> None:
    assert all(one.low <= one.said <= one.high for one in year)
    assert all(0 <= one.low <= one.high <= 1 for one in year if one.unit == "share")


@pytest.mark.skipif(not PERMITS.is_file(), reason="the log of permits is not beside the checkout")
def test_the_interval_holds_on_a_real_log_too() -> None:
    done = take(PERMITS, "cases", Shelf(HallOfCases(REGION, "hall"), now=NOW))
    found = logged([Sent(NOW, event) for event in done.published], REGION, 2011)
    shown("permits, 2011", found)
    assert covered(found) >= 0.9
