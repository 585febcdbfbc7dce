"""Results kept while no declared figure and no catalogue changes: always what a process without any would read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import event

from hallpulse.contract.events import EventType, FigureReported, FigureRetracted, HallEvent
from hallpulse.domain.figures import Figure, Scope
from hallpulse.store import Store, open_store
from hallpulse.store.reading.kept_results import KeptResults
from tests.integration.test_declared_figures import PLANS, REGION, YEAR
from tests.integration.test_store import item
from tests.merging import NOW, decoded
from tests.moments import ask

SCOPES = (Scope(REGION), Scope(220000), Scope(222401, "a"))


@pytest.fixture
def keeping(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=PLANS)
    yield opened
    opened.close()


def asked(store: Store) -> list[Any]:
    moment = ask(store)
    return [
        [moment.figures(scope, YEAR) for scope in SCOPES],
        [moment.figure_table(scope.region, YEAR) for scope in SCOPES],
        [moment.first_reports(scope.region, YEAR) for scope in SCOPES],
        [moment.doubts(scope, date(2025, 12, 31), YEAR.end) for scope in SCOPES],
        [[(one.count, one.rows) for one in moment.integrity(scope, YEAR, YEAR.end)] for scope in SCOPES],
    ]


def asked_anew(url: str) -> list[Any]:
    other = open_store(url, plans=PLANS)
    try:
        return asked(other)
    finally:
        other.close()


def reports(dice: random.Random, count: int) -> list[HallEvent]:
    """Reports of a few figures, some of them wrong, and retractions of earlier ones."""
    found: list[HallEvent] = []
    for number in range(count):
        region, department, period = dice.choice((REGION, 222401)), dice.choice("ab"), dice.choice(("2026-05", "2026"))
        earlier = [one for one in found if isinstance(one.data, FigureReported)]
        kind, data = EventType.FIGURE_REPORTED, FigureReported(
            indicator=dice.choice(("lost", "wait", "made_up")), period=period, department=department,
            revision=number, numerator=dice.randint(-1, 6), denominator=5,
        )  # fmt: skip
        made = HallEvent(region, "hall-1", f"said-{number}", kind, int(NOW.timestamp() * 1_000_000), data)
        if earlier and dice.random() < 0.3:
            gone = dice.choice(earlier)
            taken = FigureRetracted(
                indicator=gone.data.indicator,
                period=gone.data.period,
                event_id=gone.id,
                department=gone.data.department,
            )
            made = msgspec.structs.replace(gone, id=f"taken-{number}", type=EventType.FIGURE_RETRACTED, data=taken)
        found.append(made)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_each_report_and_retraction_what_is_kept_is_what_a_new_process_reads(
    keeping: Store, store_url: str, seed: int
) -> None:
    for one in reports(random.Random(seed), 12):
        keeping.merge([one], NOW)
        assert asked(keeping) == asked_anew(store_url)
        assert asked(keeping) == asked_anew(store_url)


def test_after_each_version_of_an_item_what_is_kept_is_what_a_new_process_reads(keeping: Store, store_url: str) -> None:
    doubtful = set[int]()
    limits = [(10, "2026-01-01", 20), (10, "2026-03-01", 30), (9, "2026-02-01", 60), (9, "2026-03-01", 15)]
    for number, (promised, day, statutory) in enumerate(limits):
        for one in decoded([item(promised, day, f"item-{number}", statutory_days=statutory)]):
            keeping.merge([one], NOW)
        assert asked(keeping) == asked_anew(store_url)
        assert asked(keeping) == asked_anew(store_url)
        doubtful |= {len(found) for found in asked(keeping)[3]}
    assert doubtful == {0, 1}


def test_while_no_figure_changes_none_is_read_again(keeping: Store) -> None:
    keeping.merge(reports(random.Random(4), 6), NOW)
    first, statements = asked(keeping), list[str]()
    event.listen(keeping._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert asked(keeping) == first
    assert [one for one in statements if "FROM figures" in one] == []
    assert [one for one in statements if "figures_version" in one] != []


def test_a_repair_and_other_plans_end_what_is_kept(keeping: Store, store_url: str) -> None:
    keeping.merge(reports(random.Random(5), 8), NOW)
    right = asked(keeping)
    with psycopg.connect(store_url, autocommit=True) as rows:
        rows.execute("DELETE FROM figures")
    assert keeping.recompute(check=False) != []
    assert asked(keeping) == right == asked_anew(store_url)
    keeping.judge_by([])
    assert all("lost" not in one for one in asked(keeping)[0])


def test_a_moment_that_is_turned_back_neither_keeps_nor_takes_what_is_kept(keeping: Store) -> None:
    keeping.merge(reports(random.Random(6), 8), NOW)
    ask(keeping).figures(SCOPES[0], YEAR)
    with keeping.read_back() as moment:
        moment._connection.exec_driver_sql("CREATE TEMP TABLE figures (LIKE public.figures)")
        assert "lost" not in moment.figures(SCOPES[0], YEAR)


def test_the_oldest_of_too_many_results_are_dropped_and_long_ones_not_kept(
    keeping: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hallpulse.store.reading.kept_results.MOST_KEPT", 2)
    monkeypatch.setattr("hallpulse.store.reading.kept_results.MOST_ROWS", 3)
    kept, read = KeptResults(), list[int]()

    def of(number: int, length: int = 1) -> dict[int, Figure]:
        read.append(number)
        return {place: Figure(number, 1) for place in range(length)}

    with keeping._engine.connect() as connection:
        for number, length in ((1, 1), (2, 1), (2, 1), (3, 1), (1, 1), (4, 4), (4, 4)):
            kept.get(connection, SCOPES[0], "figures", (number,), lambda n=number, m=length: of(n, m))  # type: ignore[misc]
    assert read == [1, 2, 3, 1, 4, 4]
