"""What a store remembers of a catalogue from one batch to the next."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy

import hallpulse.store.merge as merging
from hallpulse.domain.figures import Figure
from hallpulse.store import Store, open_store
from tests.integration.test_store import COUNTY, ITEM, YEAR, case, cloud_event, item, received, step
from tests.merging import NOW, decoded
from tests.moments import ask

KEPT = "promise_kept_rate"


def merge(store: Store, *events: dict[str, Any]) -> None:
    store.merge(decoded(events), NOW)


def remembered(store: Store) -> set[str]:
    return set(store._cache.spans(222424, _version(store)))


def _version(store: Store) -> int:
    return store._cache._spans[222424][0]


def late(version: dict[str, Any], code: str = ITEM) -> dict[str, Any]:
    """A later word on an item than that of its first version."""
    return {**version, "time": "2026-01-03T09:00:00+08:00", "data": {**version["data"], "item_code": code}}


def test_a_catalogue_that_another_store_changed_is_read_again(store: Store, store_url: str) -> None:
    merge(store, item(10, "2026-01-01", "v1"), *case(1, decided="2026-03-09"))
    other = open_store(store_url)
    merge(other, late(item(3, "2026-01-01", "v2")))
    other.close()
    merge(store, *case(2, decided="2026-03-09"))
    assert ask(store).figures(COUNTY, YEAR)[KEPT] == Figure(0, 2)
    assert store.recompute(check=True) == []


def test_a_version_that_was_taken_back_limits_no_later_case(store: Store) -> None:
    merge(store, item(10, "2026-01-01", "v1"), *case(1))
    merge(store, cloud_event("item.retracted", "2026-04-01T09:00:00", "r1", {"item_code": ITEM, "event_id": "v1"}))
    merge(store, *case(2))
    assert ask(store).figures(COUNTY, YEAR)[KEPT] == Figure(0, 0)
    assert remembered(store) == set()
    assert store.recompute(check=True) == []


def test_a_case_that_falls_back_on_another_item_has_the_limits_of_that_one(store: Store) -> None:
    """Its row names the item of the later `received`; once that is taken back the earlier one counts."""
    other = "22242400002"
    merge(store, item(10, "2026-01-01", "v1"), late(item(1, "2026-01-01", "v2"), other))
    again = {**received("case-1", "2026-03-03", item_code=other), "id": "again"}
    merge(store, *case(1), again)
    assert ask(store).figures(COUNTY, YEAR)[KEPT] == Figure(0, 1)
    store = _forgetful(store)
    merge(store, step("case-1", "retracted", "2026-03-07", event_id="again"))
    assert ask(store).figures(COUNTY, YEAR)[KEPT] == Figure(1, 1)
    assert store.recompute(check=True) == []


def _forgetful(store: Store) -> Store:
    """The same, with nothing in memory."""
    return Store(store._engine, "test")


def test_items_that_no_catalogue_has_are_not_remembered(store: Store) -> None:
    merge(store, item(10, "2026-01-01", "v1"), *case(1))
    for number in range(50):
        merge(store, received(f"stray-{number}", "2026-03-02", item_code=f"nobody-knows-{number}"))
    assert remembered(store) == {ITEM}


def test_only_the_items_that_cases_name_are_read(store: Store, store_url: str) -> None:
    codes = [f"2224240{number:04}" for number in range(100)]
    merge(store, *(late({**item(5, "2026-01-01", f"v{code}")}, code) for code in codes), item(10, "2026-01-01", "v1"))
    fresh = open_store(store_url)
    merge(fresh, *case(1))
    assert remembered(fresh) == {ITEM}
    fresh.close()


def test_the_items_of_new_cases_are_read_once_and_before_their_halls_are_held(store: Store, store_url: str) -> None:
    merge(store, item(10, "2026-01-01", "v1"))
    fresh = open_store(store_url)
    told = list[str]()
    sqlalchemy.event.listen(
        fresh._engine, "before_cursor_execute", lambda _c, _k, statement, *_: told.append(statement)
    )
    merge(fresh, *case(1))
    fresh.close()
    reads = [index for index, statement in enumerate(told) if "FROM item_spans" in statement]
    locks = [index for index, statement in enumerate(told) if "pg_advisory_xact_lock(" in statement]
    assert len(reads) == 1
    assert reads[0] < min(locks)


def test_a_version_that_arrives_while_a_batch_waits_for_its_halls_counts(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(store, item(10, "2026-01-01", "v1"), *case(1, decided="2026-03-09"))
    fresh, other, held = open_store(store_url), open_store(store_url), merging.lock_what_is_touched

    def overtaken(*given: Any) -> None:
        monkeypatch.setattr(merging, "lock_what_is_touched", held)
        merge(other, late(item(3, "2026-01-01", "v2")))
        held(*given)

    monkeypatch.setattr(merging, "lock_what_is_touched", overtaken)
    merge(fresh, *case(2, decided="2026-03-09"))
    merge(fresh, *case(3, decided="2026-03-09"))
    assert ask(store).figures(COUNTY, YEAR)[KEPT] == Figure(0, 3)
    assert store.recompute(check=True) == []
    fresh.close()
    other.close()
