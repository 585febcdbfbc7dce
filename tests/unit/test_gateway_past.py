"""The past, the balance of a month and the causes of a change, without a database."""

# ruff: noqa: F401, F811 (fixtures of another file)
from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from litestar.testing import TestClient

from hallpulse.domain.compression import COMPRESSION, ItemChange, ItemLimits
from hallpulse.domain.figures import Figure, Scope
from hallpulse.domain.flow import Flow
from hallpulse.domain.indicators import ItemRef, doubt
from hallpulse.store import Past
from tests.gateway_ground import COUNTY, HALL_TOKEN, FakeStore
from tests.unit.test_gateway_queries import answer, ask, gateway, problem, store


def test_a_list_of_a_state_is_that_of_the_day_that_is_asked(gateway: TestClient[Any], store: FakeStore) -> None:
    found = answer(gateway, "/v1/cases?region=222424&state=overdue&on=2026-05-31")
    assert (found["on"], found["state"]) == ("2026-05-31", "overdue")
    day = date(2026, 5, 31)
    assert ("turn_back", Past(on=day), Scope(COUNTY)) in store.asked
    assert [asked[2] for asked in store.asked if asked[0] == "list_cases"] == [day]


@pytest.mark.parametrize(
    "query", ["/v1/indicators?", "/v1/targets?", "/v1/cases?state=open&", "/v1/flow?month=2026-05&"]
)
def test_as_of_turns_the_reading_back_and_says_so(gateway: TestClient[Any], store: FakeStore, query: str) -> None:
    found = answer(gateway, f"{query}region=222424&as_of=2026-06-01T08:00:00%2B08:00")
    assert found["as_of"] == "2026-06-01T08:00:00+08:00"
    turned = [asked[1].as_of for asked in store.asked if asked[0] == "turn_back"]
    assert turned == [int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000]


def test_a_day_that_is_left_out_is_that_of_the_moment(gateway: TestClient[Any]) -> None:
    asked = "region=222424&as_of=2026-06-01T01:00:00%2B08:00"
    assert answer(gateway, f"/v1/targets?{asked}")["on"] == "2026-06-01"
    assert answer(gateway, f"/v1/indicators?{asked}")["to"] == "2026-06-01"


def test_a_plus_sign_that_came_as_a_blank_is_one(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/targets?region=222424&as_of=2026-06-01T08:00:00+08:00")
    assert found["as_of"] == "2026-06-01T08:00:00+08:00"


def test_without_a_past_nothing_is_turned_back(gateway: TestClient[Any], store: FakeStore) -> None:
    for path in ("/v1/indicators?", "/v1/targets?", "/v1/cases?state=open&", "/v1/flow?month=2026-05&"):
        answer(gateway, f"{path}region=222424")
    assert [asked for asked in store.asked if asked[0] == "turn_back"] == []


@pytest.mark.parametrize(
    "moment", ["2026-06-01", "2026-06-01T08:00:00", "yesterday", "2026-13-01T00:00:00Z", "1980-01-01T00:00:00Z"]
)
def test_what_is_no_moment_is_refused(gateway: TestClient[Any], moment: str) -> None:
    problem(ask(gateway, f"/v1/indicators?region=222424&as_of={moment}"), 422, "as_of")


def test_a_case_is_told_as_it_was_known_and_rights_are_those_of_today(
    gateway: TestClient[Any], store: FakeStore
) -> None:
    path = "/v1/cases/222424/hall-2/c?as_of=2026-06-01T08:00:00Z"
    problem(ask(gateway, path, HALL_TOKEN), 403)
    assert [asked for asked in store.asked if asked[0] == "turn_back"] == []
    problem(ask(gateway, path), 404)
    assert [asked[0] for asked in store.asked if asked[0] == "turn_back"] == ["turn_back"]


def test_the_flow_of_a_month_leads_to_the_cases_of_each_part(gateway: TestClient[Any], store: FakeStore) -> None:
    store.flows = {"justice": Flow(5, 10, 1, 4, 1, 2, 0, 1, 6)}
    found = answer(gateway, "/v1/flow?region=222424&month=2026-05&item=i")
    assert (found["carried"], found["received"], found["refused"], found["withdrawn"], found["open"]) == (
        5,
        10,
        1,
        1,
        6,
    )
    assert found["decided"] == {"early": 4, "on_time": 1, "late": 2, "without_limit": 0}
    assert found["cases"]["decided_late"] == "/v1/cases?region=222424&flow=decided_late&month=2026-05&item=i"
    for part, total in (("carried", 5), ("decided", 7), ("open", 6)):
        assert answer(gateway, found["cases"][part])["total"] == total


def test_the_causes_of_a_change_add_up_exactly(gateway: TestClient[Any], store: FakeStore) -> None:
    store.earlier = {date(2026, 5, 1): {COMPRESSION: Figure(20, 40)}, date(2026, 5, 31): {COMPRESSION: Figure(55, 80)}}
    store.changes = (
        ItemChange(COUNTY, "a", "事项a", ItemLimits("water", False, 20, 10), ItemLimits("water", False, 40, 5)),
        ItemChange(COUNTY, "b", "事项b", None, ItemLimits("justice", False, 20, 10)),
    )
    found = answer(gateway, "/v1/compression?region=222424&from=2026-05-01&to=2026-05-31")
    assert [part["id"] for part in found["parts"]] == [
        "promised_cut", "statutory_raised", "added", "retired", "reclassified",
    ]  # fmt: skip
    assert (
        sum(Fraction(part["exact"]) for part in found["parts"])
        == Fraction(found["exact"])
        == Fraction(55, 80) - Fraction(1, 2)
    )
    (added,) = found["parts"][2]["items"]
    assert (added["before"], added["after"]["statutory_days"], added["department"]) == (None, 20, "justice")


def test_where_there_was_no_catalogue_nothing_is_split(gateway: TestClient[Any], store: FakeStore) -> None:
    store.earlier = {date(2026, 5, 1): {COMPRESSION: Figure(0, 0)}}
    found = answer(gateway, "/v1/compression?region=222424&from=2026-05-01&to=2026-05-31")
    assert (found["before"]["value"], found["difference"], found["exact"], found["parts"]) == (None, None, None, [])


def test_a_marked_figure_says_which_check_and_the_figure_without_it(gateway: TestClient[Any], store: FakeStore) -> None:
    item, limits = ItemRef(COUNTY, "a", "事项a"), ItemLimits("justice", False, 2, 1)
    store.doubts = (doubt("statutory_raised", item, limits, 1),)
    (target,) = [t for t in answer(gateway, "/v1/targets?region=222424")["targets"] if t["marks"]]
    assert target["indicator"] == COMPRESSION
    without = {"numerator": 2, "denominator": 3, "value": pytest.approx(2 / 3)}
    mark = {
        "check": "statutory_raised",
        "names": {"zh": "提高法定时限换取压缩比", "en": "compression by raising statutory limits"},
    }
    assert target["marks"] == [{**mark, "findings": 1, "without": without}]
    figures = answer(gateway, "/v1/indicators?region=222424")["indicators"]
    assert {one["id"] for one in figures if one["marks"]} == {COMPRESSION}
    departments = answer(gateway, "/v1/departments?region=222424")["departments"]
    assert {d["id"] for d in departments for one in d["indicators"] if one["marks"]} == {"justice"}
