"""The queries without a database: the contract's shapes, defaults, rights, and a problem for every wrong question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from httpx import Response
from litestar.testing import TestClient

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.domain.figures import Figure, Known, Scope, Window
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

COUNTY_NAMES = {"region_names": {"zh": "汪清县", "en": "Wangqing County"}}
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


def test_without_a_plan_in_force_a_declared_count_stays_a_count(gateway: TestClient[Any]) -> None:
    """Of a province no plan is in force: its four lectures are four, not 400 %; its court cases stay a share."""
    found = answer(gateway, "/v1/indicators?region=220000")
    assert found["plan"] is None
    units = {one["id"]: one["unit"] for one in found["indicators"] if one["kind"] == "declared"}
    assert units == {"law_lectures": "count", "leader_in_court": "share"}


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


@pytest.mark.parametrize("path", ["/", "/wall", "/problems"])
def test_every_page_names_its_icon_or_browsers_ask_for_one_that_is_not_there(
    gateway: TestClient[Any], path: str
) -> None:
    (icon,) = re.findall(r'<link rel="icon" href="([^"]*)"', gateway.get(path).text)
    assert gateway.get(icon).headers["content-type"].startswith("image/svg+xml")


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
