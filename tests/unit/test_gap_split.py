"""The split of a gap: its rows add up to the gap exactly, whatever the parts, and however few of them are listed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import Figure
from hallpulse.domain.gap_split import PartFigure, PartKey, department_parts, split_gap
from hallpulse.domain.plan import Names, Target
from hallpulse.domain.rules import AtLeast, AtMost, Rule, Unit

NAMES = Names("名", "name")
FIGURES = st.builds(Figure, st.integers(-50, 500), st.integers(0, 500))
GOALS = st.fractions(0, 2, max_denominator=10_000)
NOTHING = Figure(0, 0)


def target(rule: Rule, unit: Unit = "share") -> Target:
    return Target("t", NAMES, "due_kept_rate", unit, rule)


def parts_of(figures: Sequence[Figure]) -> list[PartFigure]:
    return [PartFigure(PartKey(f"d{number}"), one) for number, one in enumerate(figures)]


@given(st.lists(FIGURES, max_size=12), FIGURES, GOALS, st.integers(0, 12), st.booleans())
def test_the_rows_of_a_ratio_add_up_to_its_gap_exactly(
    figures: list[Figure], besides: Figure, goal: Fraction, most: int, falling: bool
) -> None:
    whole = sum(figures, besides)
    rule: Rule = AtMost(goal) if falling else AtLeast(goal)
    found = split_gap(target(rule), whole, goal, parts_of(figures), most)
    if whole.value is None:
        assert found.gap is None
        assert all(row.share is None for row in found.rows)
    else:
        assert found.gap == rule.gap(whole.value, goal)
        assert sum((row.share for row in found.rows if row.share is not None), Fraction(0)) == found.gap
    assert sum((row.figure for row in found.rows), NOTHING) == whole
    assert sum(row.kind == "part" for row in found.rows) == min(most, len(figures))
    assert sum(row.parts for row in found.rows) == max(0, len(figures) - most)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 50), st.integers(0, 99), st.integers(0, 8))
def test_the_rows_of_a_count_and_its_goal_add_up_to_its_gap(
    numbers: list[int], besides: int, goal: int, most: int
) -> None:
    parts = parts_of([Figure(one, 1, count=True) for one in numbers])
    whole, bar = Figure(sum(numbers) + besides, 1, count=True), Fraction(goal)
    found = split_gap(target(AtLeast(bar), "count"), whole, bar, parts, most)
    assert found.gap == sum(numbers) + besides - goal
    assert sum((row.share for row in found.rows if row.share is not None), Fraction(0)) == found.gap
    assert found.rows[-1].kind == "goal"


def test_who_pulls_a_target_down_comes_first_and_the_rest_last() -> None:
    parts = parts_of([Figure(9, 10), Figure(1, 10), Figure(5, 10)])
    found = split_gap(target(AtLeast(Fraction(1, 2))), Figure(16, 40), Fraction(1, 2), parts, 2)
    assert [(row.key.department, row.kind, row.share) for row in found.rows] == [
        ("d1", "part", Fraction(-4, 40)), ("d0", "part", Fraction(4, 40)), ("", "rest", Fraction(-4, 40)),
    ]  # fmt: skip
    assert (found.gap, found.rows[-1].parts, found.rows[-1].figure) == (Fraction(-1, 10), 1, Figure(6, 20))


def test_of_a_ceiling_the_one_with_the_most_pulls_it_down() -> None:
    parts = parts_of([Figure(0, 10), Figure(4, 10)])
    found = split_gap(target(AtMost(Fraction(1, 20))), Figure(4, 20), Fraction(1, 20), parts, 9)
    assert [(row.key.department, row.share) for row in found.rows] == [
        ("d1", Fraction(-7, 40)), ("d0", Fraction(1, 40)),
    ]  # fmt: skip
    assert found.gap == Fraction(-3, 20)


def test_departments_without_anything_to_count_are_no_parts() -> None:
    assert [one.key for one in department_parts({"a": NOTHING, "b": Figure(0, 3)})] == [PartKey("b")]
