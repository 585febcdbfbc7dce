"""The brute-force reading of the domain page against the page's own examples and the worked stream beside it."""

from __future__ import annotations

import csv
import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import brute

WORKED = Path(__file__).parents[3] / "shared" / "data" / "worked"
YANBIAN, ELSEWHERE = "222424", "220102"
with_worked_data = pytest.mark.skipif(not WORKED.is_dir(), reason="the worked stream is not beside the checkout")
TIMED_COLUMNS = (
    "region", "hall", "case_id", "department", "received", "accepted", "decided",
    "statutory_days", "promised_days", "extended_days", "elapsed",
)  # fmt: skip


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (WORKED / "events.ndjson").read_text(encoding="utf-8").splitlines()]


def figures_of(events: Any, wanted: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """What the worked data says something about: it leaves out the counts of items."""
    found = brute.indicators(
        events, wanted["region"], date.fromisoformat(wanted["from"]), date.fromisoformat(wanted["to"]),
        department=wanted.get("department"), hall=wanted.get("hall"),
    )  # fmt: skip
    return {name: figure for name, figure in found.items() if name not in ("tolerance_items", "commitment_items")}


@with_worked_data
def test_every_worked_figure_is_reproduced(events: list[dict[str, Any]]) -> None:
    reading = brute.read(events)
    expected = json.loads((WORKED / "expected.json").read_text(encoding="utf-8"))
    assert len(expected) == 21
    for wanted in expected:
        assert brute.compare(wanted["indicators"], figures_of(reading, wanted)) == []


@with_worked_data
def test_every_worked_case_is_reproduced_and_no_other_case_is_timed(events: list[dict[str, Any]]) -> None:
    with (WORKED / "cases.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    timed = [case for case in brute.cases(events) if case.get("timed")]
    actual = [{name: "" if case[name] is None else str(case[name]) for name in TIMED_COLUMNS} for case in timed]
    assert actual == expected


@with_worked_data
def test_the_order_of_arrival_changes_nothing(events: list[dict[str, Any]]) -> None:
    shuffled = random.Random(7).sample(events, len(events))
    assert brute.cases(shuffled) == brute.cases(events)


@pytest.mark.parametrize(
    ("after", "upto", "region", "days"),
    [
        (date(2026, 9, 2), date(2026, 9, 4), YANBIAN, 1),
        (date(2026, 9, 2), date(2026, 9, 4), ELSEWHERE, 2),
        (date(2026, 9, 30), date(2026, 10, 8), YANBIAN, 1),
        (date(2026, 9, 19), date(2026, 9, 21), YANBIAN, 2),
        (date(2026, 2, 13), date(2026, 2, 24), YANBIAN, 2),
        (date(2026, 3, 2), date(2026, 3, 2), YANBIAN, 0),
        (date(2026, 3, 3), date(2026, 3, 2), YANBIAN, 0),
    ],
)
def test_working_days_of_the_domain_page(after: date, upto: date, region: str, days: int) -> None:
    assert brute.wd(after, upto, region) == days


def test_a_year_without_an_official_list_is_computed_from_weekends_and_fixed_days() -> None:
    assert not brute.working(date(2031, 10, 2), ELSEWHERE)
    assert not brute.working(date(2031, 9, 6), ELSEWHERE)
    assert brute.working(date(2031, 10, 6), ELSEWHERE)


def test_differences_are_told_in_words() -> None:
    assert brute.compare({"a": [1, 2], "b": (0, 0), "n": 3}, {"a": (1, 2), "n": 3}) == []
    assert brute.compare({"a": (1, 2), "b": (3, 4)}, {"a": (1, 3)}) == [
        "a: expected 1 / 2, got 1 / 3",
        "b: expected 3 / 4, got nothing",
    ]
