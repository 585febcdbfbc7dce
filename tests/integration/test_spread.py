"""What Citus needs of the tables and statements, as far as a plain PostgreSQL shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from hallpulse.domain.figures import EVER, FAR, Scope, Window
from hallpulse.plans import load_plans
from hallpulse.store import CaseFilter, Store
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
            "halls", "hall_facts", "regions", "sent_sums"} <= SPREAD  # fmt: skip
    assert sum("colocate_with" in one for one in wanted) == len(SPREAD) - 1
    assert statements({*SPREAD, *COPIED}) == []
    assert statements({*SPREAD, *COPIED, "refused"}) == ["SELECT undistribute_table('refused')"]
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
def said_to_citus(store: Store) -> Iterator[list[str]]:
    """The statements that a store would send to Citus, with their values in place; PostgreSQL runs them as well."""
    found: list[str] = []

    def note(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        cursor = psycopg.ClientCursor(connection.connection.driver_connection)
        each = parameters if isinstance(parameters, list) else [parameters]
        found.extend(cursor.mogrify(statement, values) for values in each)

    def spread(_: Any, record: Any) -> None:
        record.info["spread"] = True

    store._placement._spread = False  # no workers are there to be asked
    event.listen(store._engine, "connect", spread)
    event.listen(store._engine, "before_cursor_execute", note)
    yield found
    event.remove(store._engine, "before_cursor_execute", note)
    event.remove(store._engine, "connect", spread)


_TABLES = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+)?([a-z_]+)\b")
_ONE_REGION = re.compile(r"\bregion (?:=|IN \(|= ANY\() ?'?\{?\d{6}\b")
_ROWS = re.compile(r"\s*(?:WITH inserted AS \()?INSERT INTO \w+ (?:AS \w+ )?\((?:\w+, )*?\"?region\b")
"""Rows that a statement brings, each with its region, go each to its own shard."""


def not_of_some_regions(statements_said: list[str]) -> list[str]:
    """The statements with rows of spread tables that Citus would have to send to every shard."""
    return [
        statement
        for statement in statements_said
        if set(_TABLES.findall(statement)) & SPREAD and not _ONE_REGION.search(statement) and not _ROWS.match(statement)
    ]


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "overview": lambda moment: moment.overview(Scope(222424), YEAR, TODAY),
    "table": lambda moment: moment.figure_table(222424, YEAR),
    "flow": lambda moment: moment.flow(Scope(222424), YEAR),
    "doubts": lambda moment: moment.doubts(Scope(222424), date(2026, 1, 1), TODAY),
    "integrity": lambda moment: moment.integrity(Scope(222424), YEAR, TODAY),
    "stated": lambda moment: moment.stated_days(Scope(222424), YEAR),
    "catalogue": lambda moment: moment.catalogue(222424),
    "events of halls": lambda moment: moment.event_counts(222424),
    "list": lambda moment: moment.list_cases(CaseFilter(Scope(222424), state="overdue"), TODAY),
    "case": lambda moment: moment.case_history(222424, "hall-1", "nobody's", TODAY),
    "sources": lambda moment: moment.sources(Scope(222424), YEAR, TODAY),
    "ratings": lambda moment: moment.ratings(Scope(222424), YEAR),
}
ROLL_UPS: dict[str, Callable[[Any], Any]] = {
    "halls": lambda moment: moment.halls(),
    "facts": lambda moment: moment.hall_facts(),
    "newest": lambda moment: moment.last_event_times(),
    "changes": lambda moment: moment.change_counts(TODAY),
    "flags": lambda moment: moment.flagged_cases(),
    "regions": lambda moment: moment.regions(),
    "prefecture": lambda moment: moment.overview(Scope(222400), YEAR, TODAY),
}
"""Questions of all regions at once, or of a prefecture or province: each worker answers for its own."""


def test_each_statement_of_a_merge_and_of_a_countys_question_names_its_regions(store: Store) -> None:
    store.judge_by(load_plans(PLANS))
    events = decoded(stream(83, 900, ("222424", "222401")))
    with said_to_citus(store) as found:
        merge_all(store, events, 200)
        merge_all(store, events[:300], 150)
        merged = len(found)
        assert {"events", "ledger", "cases", "cells", "item_spans", "item_cells", "hall_days", "tallies", "figures",
                "sent_again"} <= {name for one in found for name in _TABLES.findall(one)}  # fmt: skip
        for name, ask in QUESTIONS.items():
            before = len(found)
            with store.read() as moment:
                ask(moment)
            assert len(found) > before, name
    assert merged > 50
    assert not_of_some_regions(found) == []


def test_only_roll_ups_ask_every_shard(store: Store) -> None:
    with said_to_citus(store) as found:
        merge_all(store, decoded(stream(84, 100)), 100)
        for name, ask in ROLL_UPS.items():
            before = len(found)
            with store.read() as moment:
                ask(moment)
            assert not_of_some_regions(found[before:]), f"{name} is no roll-up: it belongs to the other questions"


def test_a_statement_without_a_region_would_be_found() -> None:
    assert not_of_some_regions(["SELECT count(*) FROM cases WHERE open"])
    assert not_of_some_regions(["SELECT 1 FROM cases c WHERE c.region BETWEEN 222424 AND 222424"])
    assert not_of_some_regions(["UPDATE cases SET open = true FROM stage_cases s WHERE cases.region = s.region"])
    assert not not_of_some_regions(["UPDATE cases c SET open = true WHERE c.region IN (222424, 222401)"])
    assert not not_of_some_regions(["SELECT * FROM calendars"])
