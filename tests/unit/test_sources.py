"""The scorecard of a source: each aspect graded by its share, the hall by its worst aspect."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hallpulse.domain.sources import ASPECTS, Grade, SourceCounts, scorecard

GOOD = SourceCounts(222424, "main", events=1000, late=2, working_days=20, days_sent=20, cases=200, arrived=1000)


def grades(counts: SourceCounts) -> dict[str, Grade]:
    return {one.kind.id: one.grade for one in scorecard(counts).aspects}


def test_a_hall_that_sends_well_has_nothing_to_mend() -> None:
    card = scorecard(GOOD)
    assert (card.grade, list(card.to_mend)) == (Grade.A, [])
    assert [one.kind for one in card.aspects] == list(ASPECTS)


@pytest.mark.parametrize(
    ("changed", "aspect", "grade"),
    [
        ({"late": 11}, "timeliness", Grade.B),
        ({"late": 51}, "timeliness", Grade.C),
        ({"late": 151}, "timeliness", Grade.D),
        ({"days_sent": 18}, "completeness", Grade.C),
        ({"unknown_codes": 3}, "codes", Grade.B),
        ({"contradictory": 40}, "sequence", Grade.D),
        ({"refused": 20}, "accepted", Grade.B),
    ],
)
def test_a_worse_share_is_a_worse_grade_of_the_aspect_and_the_hall(
    changed: dict[str, int], aspect: str, grade: Grade
) -> None:
    counts = replace(GOOD, **changed)
    assert (grades(counts)[aspect], scorecard(counts).grade) == (grade, grade)
    assert [one.kind.id for one in scorecard(counts).to_mend] == [aspect]


def test_duplicates_and_disorder_change_no_figure_and_are_never_worse_than_b() -> None:
    assert scorecard(replace(GOOD, duplicates=9_000, disordered=1_000)).grade is Grade.B
    assert scorecard(replace(GOOD, duplicates=40)).grade is Grade.A


def test_one_refusal_that_is_kept_for_long_costs_the_grade() -> None:
    ages = {age: scorecard(replace(GOOD, refused_open=1, oldest_refusal=age)).grade for age in (0, 1, 2, 7, 8)}
    assert ages == {0: Grade.A, 1: Grade.A, 2: Grade.B, 7: Grade.B, 8: Grade.C}


def test_a_hall_that_never_sent_is_judged_by_its_working_days_alone() -> None:
    assert scorecard(SourceCounts(222424, "new")).grade is Grade.NONE
    silent = SourceCounts(222424, "old", working_days=20)
    assert (scorecard(silent).grade, grades(silent)["timeliness"]) == (Grade.D, Grade.NONE)
