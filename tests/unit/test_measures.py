"""The tables of measures and indicators: what follows from an entry, and that the documentation says the same."""

from __future__ import annotations

import pytest

from hallpulse.domain import expression
from hallpulse.domain.catalogue import ItemVersion
from hallpulse.domain.expression import Statement
from hallpulse.domain.indicators import COMPUTED, indicator
from hallpulse.domain.measures import COLUMNS, ITEM_COLUMNS, MEASURES, item_amounts
from hallpulse.store.reading.conditions import part_of, sql
from scripts import indicators_table


def test_the_documentation_has_the_table_that_the_code_declares() -> None:
    page = indicators_table.PAGE.read_text(encoding="utf-8")
    assert indicators_table.page_with_table(page) == page
    assert indicators_table.page_with_table(page.replace("| elapsed = 0 |", "| something else |")) == page


def test_stored_entries_keep_their_numbers() -> None:
    """Entries in the database name columns by number: a column may be added at the end, and at no other place."""
    first = ("received", "accepted", "unified_accepted", "full_process_accepted", "rejected", "decided")
    assert (COLUMNS[:6], COLUMNS[24:26], COLUMNS[38]) == (first, ("open_unaccepted", "elapsed_le_0"), "elapsed_over")


def test_an_entry_of_several_measures_adds_each_where_its_own_condition_holds() -> None:
    one = indicator("x", "某", "some", "saved_days + accepted / received")
    part = part_of(one, "numerator")
    assert part is not None
    saved, accepted = (f"c.{day} BETWEEN :start AND :end" for day in ("decided", "accepted"))
    assert part.where.count(saved) == part.where.count(accepted) == 1
    assert (part.amount[:10], part.amount.count("CASE WHEN")) == ("(CASE WHEN", 2)
    assert (one.kind, one.unit, one.tallies, part.tally) == ("case", "share", False, None)


def test_an_indicator_takes_tallies_where_each_of_its_measures_has_a_count() -> None:
    with_tallies = {one.id for one in COMPUTED.values() if one.tallies}
    assert with_tallies == {
        "instant_case_share", "unified_acceptance_rate", "full_process_acceptance_rate", "acceptance_rate",
    }  # fmt: skip
    refused = part_of(COMPUTED["acceptance_rate"], "denominator")
    assert refused is not None
    assert refused.tally == "t.accepted + t.rejected"


def test_a_count_has_nothing_behind_its_denominator() -> None:
    assert part_of(COMPUTED["tolerance_items"], "denominator") is None
    assert COMPUTED["tolerance_items"].figure({"tolerance": 1}).count


@pytest.mark.parametrize(
    ("instant", "statutory", "promised", "shortened"),
    [(False, 20, 5, 15), (False, 20, None, 0), (True, 20, None, 20), (False, None, 5, 0), (False, 0, 0, 0),
     (False, 5, 9, -4)],
)  # fmt: skip
def test_a_promised_item_without_a_promised_limit_shortens_nothing(
    instant: bool, statutory: int | None, promised: int | None, shortened: int
) -> None:
    version = ItemVersion("事项", "d", "licensing", instant, statutory, promised, True, False, True, False, True)
    sums = dict(zip(ITEM_COLUMNS, item_amounts(version), strict=True))
    assert (sums["shortened_days"], sums["statutory_days"], sums["items"]) == (shortened, statutory or 0, 1)
    assert (sums["settled"], sums["unified"], sums["full_process"], sums["tolerance"]) == (1, 0, 1, 0)


def test_conditions_that_several_steps_begin_with_are_asked_once() -> None:
    asked: list[int] = []
    steps = [Statement(("ask()", f"value > {bound}"), f"found.append({bound})") for bound in (1, 5)]
    run = expression.compiled("run", "value, found", steps, known={"ask": lambda: asked.append(1) or True})
    found: list[int] = []
    run(3, found)
    assert (found, asked) == ([1], [1])


def test_what_has_no_translation_is_refused() -> None:
    with pytest.raises(ValueError, match="no SQL for"):
        sql("print(elapsed)", "c")
    assert sql("not suspended and due is None", "c") == "(NOT coalesce(c.suspended, false) AND (c.due IS NULL))"


def test_every_measure_is_of_a_column_of_its_own_name() -> None:
    assert list(MEASURES) == [name for name in COLUMNS if not name.startswith("elapsed_le_") and name != "elapsed_over"]
