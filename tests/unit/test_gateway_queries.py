"""The queries without a database: the contract's shapes, defaults, rights, and a problem for every wrong question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from httpx import Response
from litestar.testing import TestClient

from hallpulse.domain.compression import COMPRESSION, ItemChange, ItemLimits, ItemRef, doubt
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Figure, Known, Scope, Window
from hallpulse.domain.flow import Flow
from hallpulse.store import CaseFilter, CasePage, CaseRow, ItemRow, Past, TallyRow
from services.gateway.app import create_app
from tests.gateway_ground import (
    COUNTY,
    DEPARTMENT_TOKEN,
    HALL_TOKEN,
    READ_TOKEN,
    TODAY,
    FakePublisher,
    FakeStore,
    make_resources,
)

YEAR_SO_FAR = Window(date(2026, 1, 1), TODAY)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def gateway(store: FakeStore) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(make_resources(store))) as client:
        yield client


def ask(gateway: TestClient[Any], path: str, token: str = READ_TOKEN) -> Response:
    return gateway.get(path, headers={"authorization": f"Bearer {token}"})


def answer(gateway: TestClient[Any], path: str, token: str = READ_TOKEN) -> dict[str, Any]:
    response = ask(gateway, path, token)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


def problem(response: Response, status: int, field: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(found)
    assert found.get("field") == field, found
    return found


def test_indicators_have_the_contracts_shape(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/indicators?region=222424&from=2026-03-01&to=2026-08-31")
    assert [found[key] for key in ("region", "from", "to")] == ["222424", "2026-03-01", "2026-08-31"]
    assert found["as_of"] == "2026-11-24T12:00:00+08:00"
    assert (found["coverage"]["halls"], found["coverage"]["reporting"]) == (5, 4)
    by_id = {i["id"]: i for i in found["indicators"]}
    kept = by_id["promise_kept_rate"]
    assert (kept["numerator"], kept["denominator"], kept["value"]) == (3, 4, 0.75)
    assert kept["names"] == {"zh": "承诺时限内办结率", "en": "decided within the promised limit"}
    assert kept["enough"] is False
    assert by_id["mean_elapsed_days"]["percentiles"] == {"p50": 2, "p90": 7, "p95": None}
    assert "percentiles" not in kept
    assert (by_id["leader_in_court"]["kind"], by_id["leader_in_court"]["names"]["zh"]) == ("declared", "负责人出庭率")
    assert found["open_cases"]["overdue"] == 1
    assert found["provisional"] is False


def test_an_indicator_of_the_catalogue_says_of_how_many_items_it_is_known(
    gateway: TestClient[Any], store: FakeStore
) -> None:
    store.own["settled_item_share"] = Figure(2, 3, known=Known(3, 4))
    store.own["tolerance_items"] = Figure(0, 0, count=True, known=Known(0, 4))
    by_id = {one["id"]: one for one in answer(gateway, "/v1/indicators?region=222424")["indicators"]}
    settled, tolerance = by_id["settled_item_share"], by_id["tolerance_items"]
    assert (settled["known"], settled["known_of"], settled["denominator"]) == (3, 4, 3)
    assert (tolerance["known"], tolerance["known_of"], tolerance["value"]) == (0, 4, None)
    assert "known" not in by_id["promise_kept_rate"]


def test_a_window_in_a_year_without_official_holidays_is_provisional(gateway: TestClient[Any]) -> None:
    assert answer(gateway, "/v1/indicators?region=222424&from=2026-12-01&to=2027-01-31")["provisional"] is True


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("region=222424", YEAR_SO_FAR),
        ("region=222424&to=2026-03-31", Window(date(2026, 1, 1), date(2026, 3, 31))),
        ("region=222424&to=2023-09-30", Window(date(2023, 1, 1), date(2023, 9, 30))),
        ("region=222424&from=2026-11-01", Window(date(2026, 11, 1), TODAY)),
        ("region=222400", YEAR_SO_FAR),
        ("region=220000&to=2025-05-05", Window(date(2025, 1, 1), date(2025, 5, 5))),
    ],
)
def test_a_window_left_out_is_the_plans_period_so_far_or_the_year(
    gateway: TestClient[Any], store: FakeStore, query: str, window: Window
) -> None:
    answer(gateway, f"/v1/indicators?{query}")
    (asked,) = [call[2] for call in store.asked if call[0] == "overview"]
    assert asked == window


def test_a_scope_is_a_region_a_department_or_a_hall(gateway: TestClient[Any], store: FakeStore) -> None:
    for query, scope in (
        ("department=justice", Scope(COUNTY, "justice")),
        ("hall=hall-1", Scope(COUNTY, None, "hall-1")),
        ("department=%E5%8F%B8", Scope(COUNTY, "司")),
    ):
        store.asked.clear()
        answer(gateway, f"/v1/indicators?region=222424&{query}")
        assert {call[1] for call in store.asked if call[0] == "overview"} == {scope}


@pytest.mark.parametrize("path", ["/v1/indicators", "/v1/targets", "/v1/trend", "/v1/departments", "/v1/cases"])
@pytest.mark.parametrize("region", ["", "22242", "2224240", "abcdef", "022424", "992424", "２２２４２４"])
def test_a_region_is_a_code_of_six_digits(gateway: TestClient[Any], path: str, region: str) -> None:
    found = problem(ask(gateway, f"{path}?region={region}"), 400, "region")
    assert "a GB/T 2260 code of 6 digits" in found["detail"]
    assert found["instance"] == path
    assert problem(ask(gateway, path), 400, "region")["detail"].endswith("got nothing")


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("from=2026-13-01", 400, "from"),
        ("from=20260101", 400, "from"),
        ("to=", 400, "to"),
        ("to=2026-02-30", 400, "to"),
        ("from=2026-03-01&to=2026-02-01", 422, "from"),
        ("from=2026-12-01", 422, "from"),
        ("from=1989-12-31", 422, "from"),
        ("to=2251-01-01", 422, "to"),
        ("to=9999-12-31", 422, "to"),
        ("hall=Hall", 400, "hall"),
        ("department=", 400, "department"),
        ("department=%00", 400, "department"),
        ("department=justice&hall=hall-1", 422, "hall"),
        ("regoin=222424", 400, "regoin"),
        ("to=2026-01-01&to=2026-02-01", 400, "to"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_was_expected(
    gateway: TestClient[Any], query: str, status: int, field: str
) -> None:
    assert "expected" in problem(ask(gateway, f"/v1/indicators?region=222424&{query}"), status, field)["detail"]


def test_targets_have_the_contracts_shape(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/targets?region=222424&on=2026-11-24")
    assert (found["region"], found["on"], found["plan"]["id"]) == ("222424", "2026-11-24", "222424-2026")
    targets = {target["id"]: target for target in found["targets"]}
    assert len(targets) == len(found["targets"])
    keys = {
        "id",
        "indicator",
        "value",
        "numerator",
        "denominator",
        "required",
        "goal",
        "gap",
        "met",
        "on_pace",
        "forecast",
    }
    assert all(keys <= set(target) for target in found["targets"])
    instant = targets["instant_items"]
    assert (instant["value"], instant["numerator"], instant["denominator"]) == (0.75, 3, 4)
    assert (instant["goal"], instant["met"], instant["on_pace"], instant["state"]) == (0.4194, True, True, "met")
    assert instant["gap"] == pytest.approx(0.3306)
    assert instant["readings"] == {"points": 0.4194, "relative": 0.35134, "remaining": 0.38746}
    assert instant["rule"]["reading"] == "points"
    assert instant["lead"][0]["names"]["zh"].startswith("县政务服务")
    missing = targets["disclosure_loss"]
    assert (missing["value"], missing["met"], missing["state"], missing["rule"]["direction"]) == (
        None, None, "not_measured", "down",
    )  # fmt: skip
    assert missing["reason"]


def test_a_target_of_every_department_lists_the_departments(gateway: TestClient[Any]) -> None:
    (report,) = [t for t in answer(gateway, "/v1/targets?region=222424")["targets"] if t["id"] == "monthly_report"]
    assert report["scope"] == "each department"
    assert len(report["departments"]) == report["bound"] > 30
    assert {"department", "names", "value", "goal", "met"} <= set(report["departments"][0])


def test_who_reported_late_is_told_by_month_and_indicator(store: FakeStore, gateway: TestClient[Any]) -> None:
    firsts = [date(2026, month, 1) for month in range(1, 8)]
    store.arrivals = {("administrative_loss", "tax", first): date(2026, 8, 7) for first in firsts}
    path = "/v1/targets?region=222424&on=2026-08-31"
    (target,) = [one for one in answer(gateway, path)["targets"] if one["id"] == "monthly_report"]
    assert (target["met"], target["numerator"], target["denominator"]) == (False, 0, 280)
    (tax,) = [one for one in target["departments"] if one["department"] == "tax"]
    assert tax["reports"][0] == {
        "month": "2026-01", "by": "2026-08-05", "state": "missing", "days": None,
        "late": ["administrative_loss"], "missing": ["leader_in_court"],
        "names": {
            "administrative_loss": {"zh": "行政机关败诉率", "en": "share of lawsuits lost by administrative organs"},
            "leader_in_court": {"zh": "负责人出庭率", "en": "share of hearings a head attended"},
        },
    }  # fmt: skip
    assert len(tax["reports"]) == 7


def test_a_region_without_a_plan_has_no_targets(gateway: TestClient[Any]) -> None:
    for region in ("222400", "222401"):
        found = answer(gateway, f"/v1/targets?region={region}")
        assert (found["plan"], found["targets"]) == (None, [])
        assert answer(gateway, f"/v1/trend?region={region}")["points"] == []


def test_the_trend_is_read_at_the_end_of_every_month(gateway: TestClient[Any]) -> None:
    points = answer(gateway, "/v1/trend?region=222424&on=2026-03-15")["points"]
    assert [point["on"] for point in points] == ["2026-01-31", "2026-02-28", "2026-03-15"]
    assert points[0]["values"]["settled_item_share"] == {"numerator": 3, "denominator": 4, "value": 0.75}
    assert "satisfaction" not in points[0]["values"]


def test_departments_are_those_of_the_plan_and_of_the_data(gateway: TestClient[Any]) -> None:
    found = {d["id"]: d for d in answer(gateway, "/v1/departments?region=222424")["departments"]}
    assert found["justice"]["names"]["zh"] == "县司法局"
    assert found["justice"]["open_cases"]["overdue"] == 1
    assert found["unlisted"]["names"] == {"zh": "unlisted", "en": "unlisted"}
    assert found["water"]["indicators"] == []


def test_regions_are_the_counties_and_what_lies_above_them(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/regions")
    listed = [(r["region"], r["level"], r["counties"]) for r in found["regions"]]
    assert listed == [
        ("222401", "county", 1), ("222424", "county", 1), ("220000", "province", 2), ("222400", "prefecture", 2),
    ]  # fmt: skip
    assert answer(gateway, "/v1/regions", HALL_TOKEN)["hall"] == "hall-1"


COUNTY_NAMES = {"region_names": {"zh": "汪清县", "en": "Wangqing County"}}
CASE = CaseRow(
    COUNTY, "hall-1", "a/b c", "i", "justice", "window", date(2026, 3, 2), date(2026, 3, 2), None, date(2026, 3, 6),
    None, None, date(2026, 3, 9), None, 20, 5, 0, 4, None, False, False, 16, 4,
)  # fmt: skip


def test_a_list_says_its_total_and_where_each_case_is_told_in_full(gateway: TestClient[Any], store: FakeStore) -> None:
    store.page = CasePage(9, [CASE], [TallyRow(COUNTY, "hall-2", date(2026, 3, 3), 5)], [], "next")
    found = answer(gateway, "/v1/cases?region=222424&indicator=mean_elapsed_days&part=numerator&cursor=abc&limit=7")
    assert (found["total"], found["next_cursor"], found["of"]) == (9, "next", "cases")
    (case,) = found["cases"]
    assert (case["case_id"], case["decided"], case["amount"], case["flags"]) == (
        "a/b c", "2026-03-06", 4, ["unknown_item"],
    )  # fmt: skip
    assert case["url"] == "/v1/cases/222424/hall-1/a%2Fb%20c"
    assert found["tallies"] == [
        {
            "region": "222424",
            **COUNTY_NAMES,
            "hall": "hall-2",
            "hall_names": {"zh": "hall-2", "en": "hall-2"},
            "date": "2026-03-03",
            "amount": 5,
        }
    ]
    wanted = CaseFilter(Scope(COUNTY), indicator="mean_elapsed_days", part="numerator", window=YEAR_SO_FAR)
    assert ("list_cases", wanted, TODAY, "abc", 7) in store.asked


def test_items_are_behind_a_figure_of_the_catalogue(gateway: TestClient[Any], store: FakeStore) -> None:
    store.page = CasePage(1, items=[ItemRow(COUNTY, "i-1", "事项", "justice", True, None, 0, 1)])
    found = answer(gateway, "/v1/cases?region=222424&indicator=instant_item_share")
    assert (found["of"], found["part"], found["items"][0]["handling"]) == ("items", "numerator", "instant")


def test_without_a_plan_in_force_a_declared_count_stays_a_count(gateway: TestClient[Any]) -> None:
    """Of a province no plan is in force: its four lectures are four, not 400 %; its court cases stay a share."""
    found = answer(gateway, "/v1/indicators?region=220000")
    assert found["plan"] is None
    units = {one["id"]: one["unit"] for one in found["indicators"] if one["kind"] == "declared"}
    assert units == {"law_lectures": "count", "leader_in_court": "share"}


def test_a_fault_of_ours_in_a_list_is_a_fault_and_no_empty_list(store: FakeStore) -> None:
    store.fault = KeyError("a column that is not there")
    with TestClient(create_app(make_resources(store)), raise_server_exceptions=False) as client:
        problem(ask(client, "/v1/cases?region=222424&indicator=satisfaction"), 500)


def test_a_declared_figure_has_a_total_and_nothing_behind_it(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/cases?region=222424&indicator=leader_in_court&part=denominator")
    assert (found["of"], found["total"], found["cases"]) == ("declared", 6, [])
    assert answer(gateway, "/v1/cases?region=222424&indicator=petition_backlog")["total"] == 0


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 422, "state"),
        ("state=overdue&indicator=satisfaction", 422, "state"),
        ("state=overdue&part=numerator", 422, "part"),
        ("state=overdue&from=2026-01-01", 422, "from"),
        ("state=late", 400, "state"),
        ("indicator=no_such_thing", 422, "indicator"),
        ("indicator=Bad", 400, "indicator"),
        ("indicator=satisfaction&part=both", 400, "part"),
        ("indicator=instant_item_share&hall=hall-1", 422, "indicator"),
        ("state=open&cursor=rubbish", 400, "cursor"),
        ("state=open&cursor=%F0%9F%98%80", 400, "cursor"),
        ("state=open&limit=0", 400, "limit"),
        ("state=open&limit=1001", 400, "limit"),
        ("state=open&limit=ten", 400, "limit"),
    ],
)
def test_a_list_is_of_one_state_or_of_one_part(gateway: TestClient[Any], query: str, status: int, field: str) -> None:
    assert "expected" in problem(ask(gateway, f"/v1/cases?region=222424&{query}"), status, field)["detail"]


def test_an_unknown_case_is_not_found(gateway: TestClient[Any], store: FakeStore) -> None:
    problem(ask(gateway, "/v1/cases/222424/hall-1/no%2Fsuch%20case%3F"), 404)
    assert store.asked[-1] == ("case_history", COUNTY, "hall-1", "no/such case?", TODAY)
    store.asked.clear()
    for path in ("222400/hall-1/c", "222424/Hall/c", "222424/hall-1/%00", "222424/hall-1/" + "x" * 65, "x/y/z"):
        problem(ask(gateway, f"/v1/cases/{path}"), 404)
    assert [call for call in store.asked if call[0] == "case_history"] == []


def test_a_hall_reads_its_own_figures_and_no_others(gateway: TestClient[Any]) -> None:
    answer(gateway, "/v1/indicators?region=222424&hall=hall-1", HALL_TOKEN)
    answer(gateway, "/v1/cases?region=222424&hall=hall-1&state=open", HALL_TOKEN)
    for path in (
        "/v1/indicators?region=222424", "/v1/indicators?region=222424&hall=hall-2", "/v1/targets?region=222424",
        "/v1/indicators?region=222401&hall=hall-1", "/v1/indicators?region=222400&hall=hall-1",
        "/v1/cases/222424/hall-2/c", "/v1/departments?region=222424", "/v1/cases?region=222424&state=open",
    ):  # fmt: skip
        assert "region=222424&hall=hall-1" in problem(ask(gateway, path, HALL_TOKEN), 403)["detail"]


def test_a_department_reads_its_own_figures_and_no_others(gateway: TestClient[Any]) -> None:
    answer(gateway, "/v1/indicators?region=222424&department=justice", DEPARTMENT_TOKEN)
    problem(ask(gateway, "/v1/indicators?region=222424&department=water", DEPARTMENT_TOKEN), 403)
    problem(ask(gateway, "/v1/indicators?region=222424&hall=hall-1", DEPARTMENT_TOKEN), 403)


@pytest.mark.parametrize("path", ["/v1/indicators?region=222424", "/v1/regions", "/v1/cases/222424/hall-1/c"])
def test_every_query_needs_a_token(gateway: TestClient[Any], path: str) -> None:
    problem(gateway.get(path), 401)
    problem(ask(gateway, path, "nobodys"), 401)


def test_a_database_out_of_reach_is_a_reason_to_try_again(gateway: TestClient[Any], store: FakeStore) -> None:
    store.fault = Unavailable("database: connection refused")
    response = ask(gateway, "/v1/indicators?region=222424")
    assert problem(response, 503)["detail"] == "database: connection refused"
    assert response.headers["retry-after"]
    problem(ask(gateway, "/readyz"), 503)
    assert gateway.get("/healthz").status_code == 200


def test_a_fault_of_ours_tells_no_secrets(gateway: TestClient[Any], store: FakeStore) -> None:
    store.fault = Halt("database: column secret does not exist")
    found = problem(ask(gateway, "/v1/indicators?region=222424"), 500)
    assert "secret" not in str(found)


def test_a_wrong_address_and_a_wrong_method_are_problems_too(gateway: TestClient[Any]) -> None:
    problem(ask(gateway, "/v1/nothing"), 404)
    problem(ask(gateway, "/nothing"), 404)
    response = gateway.delete("/v1/indicators?region=222424")
    problem(response, 405)
    assert "GET" in response.headers["allow"]


def test_ready_means_broker_and_database() -> None:
    publisher = FakePublisher(connected=False)
    with TestClient(create_app(make_resources(FakeStore(), publisher))) as gateway:
        problem(gateway.get("/readyz"), 503)
        publisher.connected = True
        assert gateway.get("/readyz").json() == {"status": "ready", "broker": True, "database": True}


def test_metrics_count_by_documented_route_only(gateway: TestClient[Any]) -> None:
    for path in ("/v1/cases/222424/hall-1/one", "/v1/cases/222424/hall-1/two", "/nothing/1", "/nothing/2"):
        ask(gateway, path)
    text = gateway.get("/metrics").text
    assert 'route="/v1/cases/{region}/{hall}/{case_id}",status="404"} 2.0' in text
    assert 'route="other",status="404"} 2.0' in text
    assert "hallpulse_build_info" in text


def test_every_answer_says_that_it_is_what_it_says(gateway: TestClient[Any]) -> None:
    headers = ask(gateway, "/v1/regions").headers
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_the_page_runs_nothing_but_its_own_files(gateway: TestClient[Any]) -> None:
    response = gateway.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert gateway.get("/nothing").headers["x-content-type-options"] == "nosniff"
    problem(gateway.get("/page/nothing.js"), 404)
    problem(gateway.get("/page/..%2Fapp.py"), 404)


def test_the_type_of_a_problem_leads_to_its_explanation(gateway: TestClient[Any]) -> None:
    slug = ask(gateway, "/nothing").json()["type"].partition("#")[2]
    assert f'id="{slug}"' in gateway.get("/problems").text


def test_every_integrity_check_is_answered_with_its_count_and_its_cases(gateway: TestClient[Any]) -> None:
    found = answer(gateway, "/v1/integrity?region=222424&from=2026-01-01&to=2026-03-31")
    assert (found["region"], found["from"], found["to"]) == ("222424", "2026-01-01", "2026-03-31")
    checks = {check["id"]: check for check in found["checks"]}
    assert checks["slow_instant"]["count"] == 1
    (case,) = checks["slow_instant"]["cases"]
    assert case == {
        "region": "222424", **COUNTY_NAMES, "hall": "hall-1", "hall_names": {"zh": "hall-1", "en": "hall-1"},
        "case_id": "A 1", "decided": "2026-11-24", "elapsed": 3,
        "url": "/v1/cases/222424/hall-1/A%201",
    }  # fmt: skip
    problem(ask(gateway, "/v1/integrity"), 400, "region")


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v1/cases?region=222424&state=overdue", "/#/list?region=222424&state=overdue"),
        ("/v1/cases/222424/hall-1/a%2Fb%20c", "/#/case/222424/hall-1/a%2Fb%20c"),
    ],
)
def test_a_browser_that_follows_a_link_is_led_to_the_page(gateway: TestClient[Any], path: str, address: str) -> None:
    response = gateway.get(path, headers=BROWSER, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, address)
    problem(gateway.get(path), 401)
    problem(gateway.get(path, headers={**BROWSER, "authorization": "Bearer x"}), 401)
    problem(gateway.get("/v1/regions", headers=BROWSER), 401)


# ---- the past, the balance, the causes


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


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("state=open&flow=open&month=2026-05", 422, "state"),
        ("flow=open", 422, "month"),
        ("flow=open&month=2026-13", 400, "month"),
        ("flow=gone&month=2026-05", 400, "flow"),
        ("flow=open&month=2026-05&on=2026-05-31", 422, "on"),
        ("flow=open&month=2026-05&from=2026-05-01", 422, "from"),
        ("state=open&month=2026-05", 422, "month"),
        ("state=open&on=1989-01-01", 422, "on"),
        ("state=open&item=i", 422, "item"),
        ("indicator=satisfaction&on=2026-05-31", 422, "on"),
    ],
)
def test_what_does_not_go_together_is_named(gateway: TestClient[Any], query: str, status: int, field: str) -> None:
    problem(ask(gateway, f"/v1/cases?region=222424&{query}"), status, field)


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
