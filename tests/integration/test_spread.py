"""What Citus needs of the tables and statements, as far as a plain PostgreSQL shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from hallpulse.domain.figures import EVER, FAR, Scope, Window
from hallpulse.plans import load_plans
from hallpulse.store import Store
from hallpulse.store.database import open_engine
from hallpulse.store.distribution import ALONE, COPIED, by_region, distribute, statements
from hallpulse.store.reading.overview import read_coverage
from hallpulse.store.tables import metadata
from tests.gateway_ground import PLANS
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream

SPREAD = frozenset(by_region())
TODAY = date(2026, 11, 24)
YEAR = Window(date(2026, 1, 1), TODAY)


def test_every_table_with_a_region_in_its_key_is_spread_by_it_and_lies_beside_the_others(store_url: str) -> None:
    wanted = statements(())
    assert len(wanted) == len(SPREAD) + len(COPIED)
    assert {"events", "ledger", "cases", "cells", "item_spans", "item_cells", "tallies", "figures", "hall_days",
            "halls", "hall_facts", "regions", "refused"} <= SPREAD  # fmt: skip
    assert sum("colocate_with" in one for one in wanted) == len(SPREAD) - 1
    assert statements({*SPREAD, *COPIED}) == []
    assert not SPREAD & {*COPIED, *ALONE}
    engine = open_engine(store_url)
    assert distribute(engine) == []  # no Citus here
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT CAST(tgrelid::regclass AS text) FROM pg_trigger WHERE NOT tgisinternal"))
        assert not {name for (name,) in rows} & SPREAD
        unique = connection.execute(
            text("SELECT CAST(indrelid::regclass AS text), pg_get_indexdef(indexrelid) FROM pg_index WHERE indisunique")
        )
        for table, definition in unique:
            assert table not in SPREAD or re.search(r"\b(region)\b", definition.partition("(")[2]), definition
    engine.dispose()
    assert set(metadata.tables) >= SPREAD


@pytest.mark.parametrize("seed", [81, 82])
def test_coverage_is_the_same_without_recursion(store: Store, store_url: str, seed: int) -> None:
    merge_all(store, decoded(stream(seed, 900, ("222424", "222401", "220202"))), 300)
    store.halls.add(222424, "silent", ["case"], "0" * 64)
    store.halls.close(222424, "hall-1", date(2026, 6, 1))
    engine = open_engine(store_url)
    windows = [Window(EVER, FAR), YEAR, Window(date(2026, 7, 1), date(2026, 7, 9)), Window(FAR - timedelta(1), FAR)]
    scopes = [Scope(code) for code in (220000, 222400, 222424, 222401, 110101)] + [Scope(222424, hall="hall-1")]
    for scope in scopes:
        for window in windows:
            found = []
            for spread in (False, True):
                with engine.connect() as connection:
                    connection.info["spread"] = spread
                    found.append(read_coverage(connection, scope, window))
            assert found[0] == found[1], (scope, window)
    with engine.connect() as connection:
        connection.info.pop("spread")
    engine.dispose()


@contextmanager
def said(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """The statements that a store's engine sends."""
    found: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        found.append((given[2], given[3]))

    event.listen(store._engine, "before_cursor_execute", note)
    yield found
    event.remove(store._engine, "before_cursor_execute", note)


_FROM = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?([a-z_]+)\b")


def rows_of_spread_tables_without_a_region(statements_said: list[tuple[str, Any]]) -> list[str]:
    return [
        statement
        for statement, _ in statements_said
        if set(_FROM.findall(statement)) & SPREAD and not re.search(r"\bregion\b", statement)
    ]


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "overview": lambda moment: moment.overview(Scope(222424), YEAR, TODAY),
    "table": lambda moment: moment.figure_table(222424, YEAR),
    "flow": lambda moment: moment.flow(Scope(222424), YEAR),
    "doubts": lambda moment: moment.doubts(Scope(222424), date(2026, 1, 1), TODAY),
    "integrity": lambda moment: moment.integrity(Scope(222424), YEAR, TODAY),
    "stated": lambda moment: moment.stated_days(Scope(222424), YEAR),
    "catalogue": lambda moment: moment.catalogue(222424),
    "halls": lambda moment: moment.event_counts(222424),
}


def test_no_statement_of_the_hot_path_reads_or_writes_a_spread_table_without_its_region(store: Store) -> None:
    store.judge_by(load_plans(PLANS))
    with said(store) as found:
        merge_all(store, decoded(stream(83, 600)), 200)
        for name, ask in QUESTIONS.items():
            before = len(found)
            with store.read() as moment:
                ask(moment)
            assert len(found) > before or name == "halls"
    assert len(found) > 50
    assert rows_of_spread_tables_without_a_region(found) == []


def test_a_statement_without_a_region_would_be_found() -> None:
    assert rows_of_spread_tables_without_a_region([("SELECT count(*) FROM cases WHERE open", None)])
    assert not rows_of_spread_tables_without_a_region([("SELECT * FROM calendars", None)])
