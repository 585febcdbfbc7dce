from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import (
    Declared,
    Figure,
    Report,
    Scope,
    Window,
    current,
    declared_sums,
    period_window,
    region_bounds,
)


def declared(period: str, numerator: int, denominator: int | None = None, department: str = "") -> Declared:
    return Declared(222424, "law_lectures", department, period_window(period), numerator, denominator)


def test_the_highest_revision_counts_then_the_later_time_and_id() -> None:
    reports = [Report("h", "a", 5, 1, "x"), Report("h", "b", 1, 2, "y"), Report("h", "c", 1, 2, "z")]
    assert current(reports) == reports[2]
    retraction: Report[str] = Report("h", "r", 9, 0, None, retracts="c")
    assert current([*reports, retraction]) == reports[1]
    assert current([*reports, Report("other", "r", 9, 0, None, retracts="c")]) == reports[2]


def test_the_regions_own_figure_stands_for_its_departments() -> None:
    figures = [declared("2026-01", 5, 10), declared("2026-01", 1, 4, "a"), declared("2026-02", 2, 4, "a")]
    assert declared_sums(figures, None)["law_lectures"] == Figure(7, 14)
    assert declared_sums(figures, "a")["law_lectures"] == Figure(3, 8)


def test_a_years_figure_already_holds_its_months() -> None:
    figures = [declared("2026", 9, 10), declared("2026-01", 5, 5), declared("2026-02", 1, 2, "a")]
    assert declared_sums(figures, None)["law_lectures"] == Figure(9, 10)


PERIODS = ("2026", "2026-01", "2026-02", "2026-01-05", "2026-02-28", "2025-12")


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(PERIODS), st.sampled_from(("", "a", "b"))), st.integers(1, 9), min_size=1, max_size=12
    ),
    st.sampled_from((None, "", "a")),
)
def test_nothing_is_counted_twice_whatever_is_nested(
    reported: dict[tuple[str, str], int], department: str | None
) -> None:
    """Held against the rule as it reads: longer periods first, and never what lies in something counted."""
    figures = [declared(period, amount, 10, name) for (period, name), amount in reported.items()]
    counted: list[Declared] = []
    chosen = [f for f in figures if department is None or f.department == department]
    for f in sorted(chosen, key=lambda f: ((f.window.start - f.window.end).days, f.department != "", f.window.start)):
        held = (
            (o.department in {"", f.department} or f.department == "")
            and o.window.start <= f.window.start
            and f.window.end <= o.window.end
            for o in counted
        )
        if not any(held):
            counted.append(f)
    wanted = Figure(sum(f.numerator for f in counted), 10 * len(counted)) if counted else None
    assert declared_sums(figures, department).get("law_lectures") == wanted


def test_a_figure_without_denominators_is_a_count() -> None:
    assert declared_sums([declared("2026-01", 1), declared("2026-02", 1)], None)["law_lectures"] == Figure(2, 1)


@pytest.mark.parametrize(
    ("period", "last"), [("2024", date(2024, 12, 31)), ("2024-02", date(2024, 2, 29)), ("2024-02-03", date(2024, 2, 3))]
)
def test_a_period_has_its_days(period: str, last: date) -> None:
    assert period_window(period).end == last


def test_a_roll_up_region_covers_what_lies_below() -> None:
    assert region_bounds(222400) == (222400, 222499)
    assert region_bounds(220000) == (220000, 229999)
    assert region_bounds(222424) == (222424, 222424)


def test_a_window_does_not_run_backwards_and_a_scope_is_of_one_kind() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Window(date(2026, 2, 1), date(2026, 1, 1))
    with pytest.raises(ValueError, match="not both"):
        Scope(222424, "a", "b")
    with pytest.raises(ValueError, match="6 digits"):
        Scope(7)
