"""A flag of an item that nobody gave is not known: not in the figures, not in the lists, nor after an upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from hallpulse.contract.events import EventType, HallEvent, ItemPublished
from hallpulse.domain.figures import Known, Scope, Window
from hallpulse.store import CaseFilter, Store
from hallpulse.store.database import open_engine
from hallpulse.store.migration import alembic_config
from tests.moments import ask

REGION = 222424
COUNTY = Scope(REGION)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOLD: dict[str, Any] = {"settled": True, "unified": False, "full_process": None, "tolerates_missing": None}


def version(number: int, **flags: bool | None) -> HallEvent:
    data = ItemPublished(
        f"a-{number}", f"事项{number}", "dept-1", "licensing", "promised", "2026-01-01", None, 20, 5, **flags
    )
    time = 1_770_000_000_000_000 + number
    return HallEvent(REGION, "hall-1", f"id-{number}", EventType.ITEM_PUBLISHED, time, data)


def some_items() -> list[HallEvent]:
    return [version(1, **TOLD), version(2, **TOLD), version(3), version(4, settled=False)]


def shares(store: Store) -> dict[str, tuple[int, int, Known | None]]:
    names = ("settled_item_share", "unified_item_share", "full_process_item_share", "tolerance_items")
    figures = ask(store).figures(COUNTY, YEAR)
    return {name: (figures[name].numerator, figures[name].denominator, figures[name].known) for name in names}


EXPECTED = {
    "settled_item_share": (2, 3, Known(3, 4)),
    "unified_item_share": (0, 2, Known(2, 4)),
    "full_process_item_share": (0, 0, Known(0, 4)),
    "tolerance_items": (0, 0, Known(0, 4)),
}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)])
def test_a_share_of_items_is_over_those_whose_flag_is_known(store: Store, order: Sequence[int]) -> None:
    for place in order:
        store.merge([some_items()[place]], NOW)
    assert shares(store) == EXPECTED
    listed = ask(store).list_cases(
        CaseFilter(COUNTY, indicator="settled_item_share", part="denominator", window=YEAR), NOW.date()
    )
    assert (listed.total, [one.item_code for one in listed.items]) == (3, ["a-1", "a-2", "a-4"])
    assert store.recompute(check=True) == []


def test_a_flag_that_comes_later_counts_from_its_version_on(store: Store) -> None:
    store.merge(some_items(), NOW)
    later = version(3, settled=True, tolerates_missing=True)
    store.merge([HallEvent(REGION, "hall-1", "id-9", later.type, later.time + 9, later.data)], NOW)
    assert shares(store)["settled_item_share"] == (3, 4, Known(4, 4))
    assert shares(store)["tolerance_items"] == (1, 1, Known(1, 4))
    assert store.recompute(check=True) == []


def test_an_upgrade_forgets_the_no_that_stood_for_a_flag_without_a_word(store: Store, store_url: str) -> None:
    store.merge(some_items(), NOW)
    engine = open_engine(store_url)
    config = alembic_config()
    before = ScriptDirectory.from_config(config).get_revision("0014").down_revision
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, str(before))
        assert connection.execute(text("SELECT count(*) FROM item_spans WHERE settled IS NULL")).scalar() == 0
        command.upgrade(config, "head")
    engine.dispose()
    assert shares(store) == EXPECTED
    assert store.recompute(check=True) == []
