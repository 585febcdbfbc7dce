"""Splits and series on a real database: their rows are the API's own figures, and add up to the gap exactly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from hallpulse.domain.indicators import COMPUTED
from hallpulse.plans import load_plans
from hallpulse.store import Store
from tests.gateway_ground import COUNTY, PLANS, FakeClock
from tests.merging import decoded, merge_all
from tests.oracle.streams import stream
from tests.peopled import Peopled, Signed

TODAY = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    """A county's year: cases, items, tallies and declared figures."""
    store.judge_by(load_plans(PLANS))
    merge_all(store, decoded(stream(51, 1500, (str(COUNTY),))), 700)
    made = Peopled(store, FakeClock(TODAY))
    with made.client:
        yield made


def test_the_rows_of_every_target_add_up_to_the_gap_of_its_own_figure(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    seen = 0
    for target in answer(bureau, "/v1/targets", region=COUNTY)["targets"]:
        for by in ("department", "item"):
            found = answer(bureau, f"/v1/targets/{target['id']}/split", region=COUNTY, by=by)
            assert [found[name] for name in ("numerator", "denominator", "value", "goal")] == [
                target[name] for name in ("numerator", "denominator", "value", "goal")
            ]
            rows = found["rows"]
            assert sum(row["numerator"] for row in rows) == target["numerator"], target["id"]
            if target["unit"] != "count":
                assert sum(row["denominator"] for row in rows) == target["denominator"], target["id"]
            if found["exact"] is None:
                assert all(row["exact"] is None for row in rows)
                continue
            seen += 1
            assert sum((Fraction(row["exact"]) for row in rows), Fraction(0)) == Fraction(found["exact"])
            if not target["departments"]:
                assert found["gap"] == pytest.approx(target["gap"], abs=1e-12)
    assert seen > 4


def test_a_part_is_the_departments_or_the_items_own_figure(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    target = next(
        one for one in answer(bureau, "/v1/targets", region=COUNTY)["targets"]
        if COMPUTED.get(one["indicator"]) and one["denominator"] > 1
    )  # fmt: skip
    window = {"from": "2026-01-01", "to": answer(bureau, "/v1/indicators", region=COUNTY)["to"]}
    listed = answer(bureau, "/v1/departments", region=COUNTY, **window)["departments"]
    own = {one["id"]: i for one in listed for i in one["indicators"] if i["id"] == target["indicator"]}
    rows = answer(bureau, f"/v1/targets/{target['id']}/split", region=COUNTY)["rows"]
    parts = [row for row in rows if row["kind"] == "part"]
    assert {row["department"]: (row["numerator"], row["denominator"]) for row in parts} == {
        name: (one["numerator"], one["denominator"]) for name, one in own.items() if one["denominator"]
    }
    items = answer(bureau, f"/v1/targets/{target['id']}/split", region=COUNTY, by="item")["rows"]
    asked = {"indicator": target["indicator"], "part": "numerator", **window, "limit": 1000}
    behind = answer(bureau, "/v1/cases", region=COUNTY, **asked)
    assert sum(row["numerator"] for row in items if row["kind"] == "part") == behind["total"] - sum(
        one["amount"] for one in behind["tallies"]
    )
    file = bureau.get(f"/v1/targets/{target['id']}/split", region=COUNTY, format="csv")
    assert len(file.text.strip().splitlines()) == 1 + len(rows)


def test_a_department_sees_its_part_of_what_it_leads_and_nothing_of_others(people: Peopled) -> None:
    bureau, department = people.sign_in("bureau"), people.sign_in("department")
    for target in answer(bureau, "/v1/targets", region=COUNTY)["targets"]:
        address, own = f"/v1/targets/{target['id']}/split", {"region": COUNTY, "department": "justice"}
        assert department.get(address, region=COUNTY).status_code == 403
        leads = any(one["id"] == "justice" for one in target["lead"])
        bound = any(one["department"] == "justice" for one in target["departments"])
        for by in ("department", "item"):
            got = department.get(address, by=by, **own)
            assert got.status_code == (200 if leads or bound else 404), target["id"]
            if got.status_code == 200:
                assert {row["department"] for row in got.json()["rows"]} <= {"justice", None}
    assert bureau.get("/v1/targets/nothing/split", region=COUNTY).status_code == 404


@pytest.mark.parametrize("indicator", ["promise_kept_rate", "settled_item_share", "law_lectures", "tolerance_items"])
def test_every_row_of_a_series_is_the_indicator_of_its_window(people: Peopled, indicator: str) -> None:
    bureau = people.sign_in("bureau")
    for counting in ("alone", "so_far"):
        found = answer(
            bureau, "/v1/series", region=COUNTY, indicator=indicator, counting=counting, departments="justice,dept-1"
        )
        assert len(found["rows"]) == 3 * len({row["to"] for row in found["rows"]}) > 3
        for row in found["rows"][-6:]:
            whose = {"department": row["department"]} if row["department"] else {}
            asked = answer(bureau, "/v1/indicators", region=COUNTY, **{"from": row["from"], "to": row["to"]}, **whose)
            own = next((one for one in asked["indicators"] if one["id"] == indicator), None)
            told = None if own is None else (own["numerator"], own["denominator"], own["value"], own["enough"])
            if own is not None:
                assert (row["numerator"], row["denominator"], row["value"], row["enough"]) == told
            else:
                assert row["value"] is None
    days = answer(bureau, "/v1/series", region=COUNTY, indicator=indicator, every="day",
                  **{"from": "2026-03-01", "to": "2026-03-31"})  # fmt: skip
    assert [row["from"] for row in days["rows"]] == [f"2026-03-{day:02}" for day in range(1, 32)]
    for day in days["rows"][-3:]:
        window = {"from": day["from"], "to": day["to"]}
        asked = answer(bureau, "/v1/indicators", region=COUNTY, department="dept-1", **window)
        own = next((one for one in asked["indicators"] if one["id"] == indicator), {"numerator": 0, "denominator": 0})
        of_one = answer(bureau, "/v1/series", region=COUNTY, indicator=indicator, department="dept-1", **window)
        (row,) = of_one["rows"]
        assert (row["numerator"], row["denominator"]) == (own["numerator"], own["denominator"])
    refused = bureau.get("/v1/series", region=COUNTY, indicator=indicator, every="day", **{"from": "2025-01-01"})
    assert (refused.status_code, refused.json()["field"]) == (422, "from")


def answer(asker: Signed, path: str, **asked: Any) -> Any:
    got = asker.get(path, **asked)
    assert got.status_code == 200, (path, asked, got.text)
    return got.json()
