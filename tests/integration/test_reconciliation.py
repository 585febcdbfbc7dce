"""A region beside the sum over its children: equal where nothing differs, and what was planted is named to the unit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from hallpulse.plans import load_plans
from hallpulse.store import Store, open_store
from hallpulse.store.database import open_engine
from services.gateway.app import create_app
from tests.asked import ASKED
from tests.gateway_ground import PLANS, READ_TOKEN, make_resources
from tests.merging import NOW, decoded, merge_all
from tests.oracle import brute
from tests.oracle.streams import stream

COUNTIES = ("222424", "222401", "220202")
YEAR = "from=2026-01-01&to=2026-12-31"
EVENT = {"specversion": "1.0", "source": "/222401/hall-9", "time": "2026-06-09T20:00:00+08:00"}


@contextmanager
def asking(url: str) -> Iterator[TestClient[Any]]:
    plans = [ASKED, *load_plans(PLANS)]
    store = open_store(url, plans=plans)
    with TestClient(create_app(make_resources(store, plans=plans))) as client:
        client.headers["authorization"] = f"Bearer {READ_TOKEN}"
        yield client
    store.close()


def reconciled(client: TestClient[Any], region: str, window: str = YEAR) -> dict[str, Any]:
    answer = client.get(f"/v1/reconciliation?region={region}&{window}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(found: dict[str, Any], **of: Any) -> list[tuple[Any, ...]]:
    """The differences of one kind: indicator, region, hall, by how much."""
    chosen = [one for one in found["differences"] if all(one[name] == value for name, value in of.items())]
    return [
        (one["indicator"], one["region"], one["hall"], *one["difference"].values())
        for one in sorted(chosen, key=lambda one: (one["indicator"], one["region"]))
    ]


def plant(url: str, statement: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("region", ["222400", "222424", "220000"])
def test_every_indicator_of_a_region_is_the_sum_over_its_children(store: Store, store_url: str, region: str) -> None:
    events = stream(51, 3000, COUNTIES)
    merge_all(store, decoded(events), 700)
    frm, to = date(2026, 1, 1), date(2026, 12, 31)
    truth = brute.indicators(events, region, frm, to)
    with asking(store_url) as client:
        found = reconciled(client, region)
        assert not told(found, kind="unaccounted")
        by_id = {one["id"]: one for one in found["indicators"]}
        assert all(one["agrees"] and one["difference"] == {"numerator": 0, "denominator": 0} for one in by_id.values())
        for name, one in by_id.items():
            assert one["parent"] == one["children"], name
            assert (one["parent"]["numerator"], one["parent"]["denominator"]) == tuple(truth[name])[:2], name
        expected = {"222400": ["222401", "222424"], "220000": ["220200", "222400"]}
        if region in expected:
            assert [child["region"] for child in found["children"]] == expected[region]
            assert len(by_id) > 20  # declared ones too
        else:
            assert all(child["region"] == region and child["hall"] for child in found["children"])


def test_what_lies_under_a_code_of_no_child_is_named_by_code_indicator_and_amount(store: Store, store_url: str) -> None:
    merge_all(store, decoded(stream(52, 1500, COUNTIES)), 700)
    columns = "accepted, unified_accepted, timed, elapsed_days"
    for region, day, amounts in ((222400, "2026-03-04", "7, 4, 0, 0"), (222499, "2026-05-06", "0, 0, 3, 11")):
        plant(
            store_url,
            f"INSERT INTO cells (region, grain, day, hall, department, {columns}) VALUES"
            f" ({region}, 'm', '{day[:8]}01', 'x', 'y', {amounts}), ({region}, 'd', '{day}', 'x', 'y', {amounts})",
        )
    with asking(store_url) as client:
        found = reconciled(client, "222400")
        assert found["agrees"] is False
        assert told(found, kind="unaccounted") == [
            ("acceptance_rate", "222400", None, 7, 7),
            ("full_process_acceptance_rate", "222400", None, 0, 7),
            ("instant_case_share", "222499", None, 0, 3),
            ("mean_elapsed_days", "222499", None, 11, 3),
            ("unified_acceptance_rate", "222400", None, 4, 7),
        ]
        wrong = {one["id"]: one["difference"] for one in found["indicators"] if not one["agrees"]}
        assert wrong["mean_elapsed_days"] == {"numerator": 11, "denominator": 3}
        assert not told(reconciled(client, "222400", "from=2026-06-01&to=2026-06-30"), kind="unaccounted")
        assert not told(reconciled(client, "222424"), kind="unaccounted")


def test_a_figure_that_is_stored_for_the_prefecture_itself_is_named(store: Store, store_url: str) -> None:
    merge_all(store, decoded(stream(53, 800, COUNTIES)), 400)
    indicator = ASKED.indicators[0].id
    plant(
        store_url,
        "INSERT INTO figures (region, indicator, period, department, hall, id, place, first_day, last_day, numerator,"
        f" denominator, revision, time, arrived) VALUES (222400, '{indicator}', '2026-04', '', 'h', '\\x01', 0,"
        " '2026-04-01', '2026-04-30', 2, 9, 1, 1780000000000000, 29666666)",
    )
    with asking(store_url) as client:
        (difference,) = [d for d in reconciled(client, "222400")["differences"] if d["kind"] == "unaccounted"]
    assert (difference["indicator"], difference["region"]) == (indicator, "222400")
    assert difference["difference"] == {"numerator": 2, "denominator": 9}
    assert difference["names"] == {"zh": indicator, "en": indicator}


def _case(number: int, day: date, unified: bool) -> Iterator[dict[str, Any]]:
    at = f"{day}T10:00:00+08:00"
    said = {"item_code": "i", "department": "d", "channel": "window", "unified": unified}
    for kind, data in (("received", said), ("accepted", {})):
        yield EVENT | {"id": f"{number}-{kind}", "type": f"hall.case.{kind}.v1", "time": at,
                       "data": {"case_id": f"c{number}", **data}}  # fmt: skip


def _tally(day: date, accepted: int, unified: int, revision: int = 1) -> dict[str, Any]:
    counts = {"accepted": accepted, "rejected": 0, "unified_accepted": unified, "full_process_accepted": 0}
    data = {"date": str(day), "revision": revision, **counts, "decided": 0, "instant_decided": 0}
    return EVENT | {"id": f"t{day}-{revision}", "type": "hall.tally.reported.v1", "data": data}


def test_daily_sums_beside_cases_that_say_otherwise_are_named_by_hall_indicator_and_day(
    store: Store, store_url: str
) -> None:
    first = date(2026, 6, 1)
    days = [first + timedelta(days=number) for number in range(4)]
    cases = [event for number, day in enumerate(days) for event in _case(number, day, number % 2 == 0)]
    tallies = [
        _tally(days[0], 1, 1),  # as the cases say
        _tally(days[1], 3, 0),  # two more accepted
        _tally(days[2], 0, 1),  # one fewer: not made up for by the day before
        _tally(days[3], 9, 9),
        _tally(days[3], 1, 0, revision=2),  # put right since
        _tally(date(2026, 6, 5), 50, 5),  # without cases: it counts
    ]
    merge_all(store, decoded([*cases, *tallies]), 3)
    with asking(store_url) as client:
        found = reconciled(client, "222400")
        assert all(one["agrees"] for one in found["indicators"])
        assert told(found, kind="daily_sums") == [
            ("acceptance_rate", "222401", "hall-9", 1, 1),
            ("full_process_acceptance_rate", "222401", "hall-9", 0, 1),
            ("unified_acceptance_rate", "222401", "hall-9", 0, 1),
        ]
        (accepted,) = [one for one in found["differences"] if one["indicator"] == "acceptance_rate"]
        assert accepted["days"] == [str(days[1]), str(days[2])]
        assert (accepted["stated"]["numerator"], accepted["counted"]["numerator"]) == (3, 2)
        assert found["agrees"] is False
        assert reconciled(client, "222400", "from=2026-06-03&to=2026-06-30")["differences"][0]["days"] == [str(days[2])]
        assert reconciled(client, "222400", "from=2026-06-04&to=2026-06-30")["agrees"] is True


def test_each_child_says_how_fresh_it_is_and_what_it_is_called(store: Store, store_url: str) -> None:
    day = date(2026, 6, 1)
    merge_all(store, decoded([*_case(1, day, True), _tally(day, 1, 1)]), 10)
    store.halls.add(222424, "hall-1", ["case"], "0" * 64)
    with asking(store_url) as client:
        found = reconciled(client, "222400")
        silent, fresh = sorted(found["children"], key=lambda child: child["newest"] or "")
        assert (silent["region"], silent["names"]["zh"]) == ("222424", "汪清县")
        assert (silent["halls"], silent["reporting"], silent["newest"], silent["silent_hours"]) == (1, 0, None, None)
        assert (fresh["region"], fresh["halls"], fresh["reporting"]) == ("222401", 1, 1)
        assert fresh["newest"].startswith("2026-06-09T20:00:00")
        hours = (NOW.timestamp() - 1_781_006_400) // 3600
        assert abs(fresh["silent_hours"] - hours) <= 12
        assert found["names"]["zh"]
        (hall,) = reconciled(client, "222401")["children"]
        assert (hall["region"], hall["hall"], hall["halls"]) == ("222401", "hall-9", 1)


def test_a_hall_and_a_department_do_not_ask_for_a_regions_reconciliation(store_url: str) -> None:
    with asking(store_url) as client:
        for query, status in (
            ("region=222400", 200), ("region=", 400), ("", 400), ("region=222400&hall=h", 400),
            ("region=222400&from=2026-02-01&to=2026-01-01", 422), ("region=222400&as_of=2026-06-01T00:00:00Z", 200),
        ):  # fmt: skip
            answer = client.get(f"/v1/reconciliation?{query}")
            assert answer.status_code == status, (query, json.dumps(answer.json())[:300])
