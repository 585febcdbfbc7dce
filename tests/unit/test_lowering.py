"""What pulled the compression down: named items whose parts add up to the change, exactly."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain.figures import Figure
from hallpulse.domain.lowering import ItemChange, lowerings

DAYS = st.integers(1, 90)


def change(code: str, before: tuple[int, int], after: tuple[int, int]) -> ItemChange:
    return ItemChange(code, f"事项{code}", "justice", before, after)


def test_the_item_whose_promise_was_lengthened_is_named() -> None:
    found = lowerings(Figure(60, 100), Figure(50, 100), [change("a", (20, 20), (10, 20))], 10)
    assert [(f.change.item_code, f.share) for f in found] == [("a", Fraction(-1, 10))]


def test_a_ratio_that_did_not_fall_names_nobody() -> None:
    assert lowerings(Figure(60, 100), Figure(60, 100), [change("a", (20, 20), (10, 20))], 10) == []


def test_without_a_figure_before_nothing_fell() -> None:
    assert lowerings(Figure(0, 0), Figure(50, 100), [change("a", (0, 0), (50, 100))], 10) == []


def test_items_that_helped_are_not_among_them_and_the_worst_comes_first() -> None:
    changes = [change("a", (20, 20), (15, 20)), change("b", (5, 20), (10, 20)), change("c", (30, 40), (10, 40))]
    found = lowerings(Figure(60, 100), Figure(40, 100), changes, 10)
    assert [f.change.item_code for f in found] == ["c", "a"]
    assert len(lowerings(Figure(60, 100), Figure(40, 100), changes, 1)) == 1


@given(st.lists(st.tuples(DAYS, DAYS, DAYS, DAYS), min_size=1, max_size=8), DAYS, DAYS)
def test_the_parts_add_up_to_the_change(items: list[tuple[int, int, int, int]], rest: int, rest_of: int) -> None:
    before = Figure(rest + sum(i[0] for i in items), rest_of + sum(i[1] for i in items))
    after = Figure(rest + sum(i[2] for i in items), rest_of + sum(i[3] for i in items))
    changes = [change(str(n), (i[0], i[1]), (i[2], i[3])) for n, i in enumerate(items)]
    assert before.value is not None
    assert after.value is not None
    lower = lowerings(before, after, changes, 99)
    raised = [c for c in changes if c.item_code not in {f.change.item_code for f in lower}]
    if after.value < before.value:
        helped = sum(
            (Fraction(c.after[0] - c.before[0]) - before.value * (c.after[1] - c.before[1])) / after.denominator
            for c in raised
        )
        assert sum(f.share for f in lower) + helped == after.value - before.value
