"""The compression of promised limits: what changed it, by cause and item, exactly; and what makes it look better."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.compression import Cause, ItemChange, ItemLimits, ItemPart, lowerings, split
from hallpulse.domain.figures import Figure
from hallpulse.domain.indicators import Doubt, ItemRef, doubt, marks_of

WATER, JUSTICE = "water", "justice"
LIMITS = st.none() | st.integers(0, 60)
VERSION = st.none() | st.builds(ItemLimits, st.sampled_from((WATER, JUSTICE)), st.booleans(), LIMITS, LIMITS)
CATALOGUES = st.lists(st.tuples(VERSION, VERSION), max_size=12)


def promised(statutory: int | None, days: int | None, department: str = WATER) -> ItemLimits:
    return ItemLimits(department, False, statutory, days)


def change(code: str, was: ItemLimits | None, now: ItemLimits | None) -> ItemChange:
    return ItemChange(222424, code, f"事项{code}", was, now)


def figure(versions: Sequence[ItemLimits | None], department: str | None = None) -> Figure:
    parts = [v.parts for v in versions if v is not None and department in (None, v.department)]
    return Figure(sum(part[0] for part in parts), sum(part[1] for part in parts))


def parts_of(changes: Sequence[ItemChange], department: str | None = None) -> list[ItemPart]:
    before = figure([one.was for one in changes], department)
    after = figure([one.now for one in changes], department)
    return split(before, after, changes, department)


def by_cause(parts: Sequence[ItemPart]) -> dict[Cause, Fraction]:
    return {cause: sum((p.share for p in parts if p.cause is cause), Fraction(0)) for cause in Cause}


@given(CATALOGUES, st.sampled_from((None, WATER, JUSTICE)))
def test_the_parts_of_any_two_catalogues_add_up_to_the_change(
    pairs: list[tuple[ItemLimits | None, ItemLimits | None]], department: str | None
) -> None:
    changes = [change(str(number), was, now) for number, (was, now) in enumerate(pairs)]
    before = figure([was for was, _ in pairs], department).value
    after = figure([now for _, now in pairs], department).value
    parts = parts_of(changes, department)
    if before is None or after is None:
        assert parts == []
    else:
        assert sum((part.share for part in parts), Fraction(0)) == after - before


@given(CATALOGUES)
def test_an_item_that_stayed_has_no_part_among_those_that_came_or_went(
    pairs: list[tuple[ItemLimits | None, ItemLimits | None]],
) -> None:
    for part in parts_of([change(str(n), was, now) for n, (was, now) in enumerate(pairs)]):
        came, went = part.change.was is None, part.change.now is None
        assert (part.cause is Cause.ADDED) == came
        assert (part.cause is Cause.RETIRED) == went


def test_doubled_statutory_limits_are_a_gain_from_raised_limits_and_nothing_else() -> None:
    changes = [change("a", promised(20, 10), promised(40, 10)), change("b", promised(20, 10), promised(20, 10))]
    shares = by_cause(parts_of(changes))
    assert shares.pop(Cause.STATUTORY_RAISED) == Fraction(40, 60) - Fraction(20, 40)
    assert set(shares.values()) == {0}


def test_two_changes_of_one_item_are_taken_in_order_each_against_what_was_before() -> None:
    shares = by_cause(parts_of([change("a", promised(20, 10), promised(40, 5))]))
    assert shares[Cause.PROMISED_CUT] == Fraction(15, 20) - Fraction(10, 20)
    assert shares[Cause.STATUTORY_RAISED] == Fraction(35, 40) - Fraction(15, 20)


def test_a_limit_raised_beside_a_changed_handling_is_still_a_raised_limit() -> None:
    shares = by_cause(parts_of([change("a", promised(20, 10), ItemLimits(WATER, True, 40, 0))]))
    assert shares[Cause.STATUTORY_RAISED] == Fraction(30, 40) - Fraction(10, 20)
    assert shares[Cause.RECLASSIFIED] == 1 - Fraction(30, 40)


def test_an_item_that_another_department_took_over_is_reclassified_in_both_and_nothing_in_the_region() -> None:
    rest = change("b", promised(10, 5), promised(10, 5)), change("c", promised(8, 2, JUSTICE), promised(8, 2, JUSTICE))
    moved = change("a", promised(20, 5), promised(20, 5, JUSTICE))
    assert {part.cause for part in parts_of([moved, *rest], WATER)} == {Cause.RECLASSIFIED}
    assert {part.cause for part in parts_of([moved, *rest], JUSTICE)} == {Cause.RECLASSIFIED}
    assert parts_of([moved, *rest]) == []


def test_where_all_that_was_limited_went_the_next_cause_is_taken_together_with_it() -> None:
    parts = parts_of([change("a", promised(20, 10), None), change("b", promised(None, 5), promised(20, 5))])
    assert [(p.cause, p.share) for p in parts] == [(Cause.RETIRED, 0), (Cause.RECLASSIFIED, Fraction(1, 4))]


def lowering(code: str, before: tuple[int, int], after: tuple[int, int]) -> ItemChange:
    """From (shortened, statutory) days to others."""
    was, now = (promised(t, t - s) if t else None for s, t in (before, after))
    return change(code, was, now)


def test_the_item_whose_promise_was_lengthened_is_named() -> None:
    found = lowerings(Figure(60, 100), Figure(50, 100), [lowering("a", (20, 20), (10, 20))], 10)
    assert [(f.change.item_code, f.share) for f in found] == [("a", Fraction(-1, 10))]


def test_a_ratio_that_did_not_fall_names_no_item() -> None:
    assert lowerings(Figure(60, 100), Figure(60, 100), [lowering("a", (20, 20), (10, 20))], 10) == []


def test_without_a_figure_before_nothing_fell() -> None:
    assert lowerings(Figure(0, 0), Figure(50, 100), [lowering("a", (0, 0), (50, 100))], 10) == []


def test_items_that_helped_are_not_among_them_and_the_worst_comes_first() -> None:
    changes = [lowering("a", (20, 20), (15, 20)), lowering("b", (5, 20), (10, 20)), lowering("c", (30, 40), (10, 40))]
    found = lowerings(Figure(60, 100), Figure(40, 100), changes, 10)
    assert [f.change.item_code for f in found] == ["c", "a"]
    assert len(lowerings(Figure(60, 100), Figure(40, 100), changes, 1)) == 1


def raised(code: str, was: int, now: int, days: int | None, department: str = WATER) -> Doubt:
    return doubt("statutory_raised", ItemRef(222424, code, f"事项{code}"), promised(now, days, department), was)


def test_a_figure_that_gains_from_raised_limits_is_marked_with_its_value_without_them() -> None:
    held = figure([promised(40, 10), promised(20, 10, JUSTICE)])
    (mark,) = marks_of(held, [raised("a", 20, 40, 10)])
    assert (mark.check, mark.findings, mark.without) == ("statutory_raised", 1, Figure(20, 40))
    assert marks_of(figure([promised(20, 10, JUSTICE)]), [raised("a", 20, 40, 10)], JUSTICE) == ()


def test_a_raise_that_gains_nothing_is_no_mark() -> None:
    assert marks_of(figure([promised(40, None)]), [raised("a", 20, 40, None)]) == ()


def test_a_limit_that_stands_for_none_is_marked_and_left_out_of_the_value_without_it() -> None:
    none_like = doubt("limit_looks_like_none", ItemRef(222424, "a", "事项a"), promised(999, 10), None)
    marks = marks_of(figure([promised(999, 10), promised(20, 10)]), [none_like, raised("b", 20, 20, 10)])
    assert [(mark.check, mark.without) for mark in marks] == [("limit_looks_like_none", Figure(10, 20))]
    assert [mark.without.value for mark in marks_of(figure([promised(999, 10)]), [none_like])] == [None]


@pytest.mark.parametrize("days", [0, 5, 20])
def test_marks_hold_for_any_promise_that_is_shorter_than_the_old_limit(days: int) -> None:
    held = figure([promised(40, days), promised(30, 20)])
    marks = marks_of(held, [raised("a", 20, 40, days)])
    assert [mark.without for mark in marks] == [figure([promised(20, days), promised(30, 20)])]
