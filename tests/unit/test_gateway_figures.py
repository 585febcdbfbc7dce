"""POST and GET /v1/figures without a broker: who may declare what, and what is said of what cannot be right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Response
from litestar.testing import TestClient

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import FigureReported, HallEvent
from hallpulse.store import FigureReport, Grant, hash_of
from services.gateway.app import create_app
from tests.gateway_ground import HALL_TOKEN, NOW, READ_TOKEN, FakePublisher, FakeStore, make_resources

JUSTICE, BUREAU, ELSEWHERE = "justice-token", "bureau-token", "elsewhere-token"
GRANTS = {
    hash_of(JUSTICE): Grant("department", 222424, None, "justice", name="justice-desk"),
    hash_of(BUREAU): Grant("bureau", 222424, name="bureau-desk"),
    hash_of(ELSEWHERE): Grant("bureau", 222401, name="elsewhere"),
}
MICROSECONDS = int(NOW.timestamp() * 1_000_000)


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def gateway(publisher: FakePublisher, store: FakeStore) -> Iterator[TestClient[Any]]:
    def find(token_hash: str) -> Grant | None:
        return GRANTS.get(token_hash) or store.find(token_hash)

    with TestClient(create_app(make_resources(store, publisher, find=find))) as client:
        yield client


def figure(
    numerator: object = 4, denominator: object = 5, indicator: object = "leader_in_court", **more: object
) -> Any:
    said = {"indicator": indicator, "numerator": numerator, "denominator": denominator, **more}
    return {name: value for name, value in said.items() if value is not ...}


def send(gateway: TestClient[Any], *figures: Any, token: str = JUSTICE, **changed: Any) -> Response:
    body = {"region": "222424", "department": "justice", "period": "2026-05", "figures": list(figures), **changed}
    content = json.dumps({name: value for name, value in body.items() if value is not ...})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return gateway.post("/v1/figures", content=content, headers=headers)


def published(publisher: FakePublisher) -> list[FigureReported]:
    """What the broker got, as the ingest will take it."""
    found = []
    for message in publisher.delivered:
        assert message.routing_key == "222424.declarations.figure"
        (event,) = decode_events(message.body, content_type=EVENT_TYPE, now=MICROSECONDS)
        assert isinstance(event, HallEvent), event
        assert isinstance(event.data, FigureReported)
        found.append(event.data)
    return found


def test_a_department_declares_its_figures_and_the_server_draws_the_revision(
    gateway: TestClient[Any], publisher: FakePublisher, store: FakeStore
) -> None:
    store.reports = [
        FigureReport(222424, "leader_in_court", "justice", "2026-05", 1, 5, 7, "hall-1", "x", 0, 0, "counted"),
        FigureReport(222424, "leader_in_court", "tax", "2026-05", 1, 5, 9, "hall-1", "y", 0, 0, "counted"),
    ]
    response = send(gateway, figure(note="复核后"), figure(0, 0, "administrative_loss"))
    assert response.status_code == 201, response.text
    results = response.json()["results"]
    assert [(one["indicator"], one["revision"], one["status"]) for one in results] == [
        ("leader_in_court", 8, "accepted"), ("administrative_loss", 1, "accepted"),
    ]  # fmt: skip
    first, second = published(publisher)
    assert (first.numerator, first.denominator, first.revision, first.department) == (4, 5, 8, "justice")
    assert (second.numerator, second.denominator) == (0, 0)
    said = json.loads(publisher.delivered[0].body)
    assert (said["note"], said["reporter"], said["id"]) == ("复核后", "justice-desk", results[0]["id"])


def test_the_bureau_declares_for_every_department_and_for_the_county(gateway: TestClient[Any]) -> None:
    assert send(gateway, figure(), token=BUREAU).status_code == 201
    assert send(gateway, figure(), token=BUREAU, department=None).status_code == 201
    assert send(gateway, figure(), token=BUREAU, department=...).status_code == 201


@pytest.mark.parametrize(
    ("token", "changed", "status"),
    [
        (JUSTICE, {"department": "tax"}, 403),
        (JUSTICE, {"department": None}, 403),
        (JUSTICE, {"region": "222401"}, 403),
        (ELSEWHERE, {}, 403),
        (HALL_TOKEN, {}, 403),
        (READ_TOKEN, {}, 403),
        ("nobody-was-given-this", {}, 401),
    ],
)
@pytest.mark.attack
def test_others_declare_nothing_here(
    gateway: TestClient[Any], publisher: FakePublisher, token: str, changed: dict[str, Any], status: int
) -> None:
    assert send(gateway, figure(), token=token, **changed).status_code == status
    assert publisher.delivered == []


BAD: list[tuple[dict[str, Any], Any, str, str]] = [
    ({}, figure(9), "figures[0].numerator", "impossible_figure"),
    ({}, figure(-7), "figures[0].numerator", "bad-field"),
    ({}, figure(4, -5), "figures[0].denominator", "bad-field"),
    ({}, figure(2.5), "figures[0].numerator", "bad-field"),
    ({}, figure("四"), "figures[0].numerator", "bad-field"),
    ({}, figure("4"), "figures[0].numerator", "bad-field"),
    ({}, figure(True), "figures[0].numerator", "bad-field"),
    ({}, figure(10**13, 10**14), "figures[0].numerator", "bad-field"),
    ({}, figure(...), "figures[0].numerator", "missing-field"),
    ({}, figure(4, ...), "figures[0].denominator", "impossible_figure"),
    ({}, figure(1, 0), "figures[0].numerator", "impossible_figure"),
    ({}, figure(1, 2, "law_lectures"), "figures[0].denominator", "impossible_figure"),
    ({}, figure(indicator="made_up"), "figures[0].indicator", "unknown_figure"),
    ({}, figure(indicator="monthly_report"), "figures[0].indicator", "unknown_figure"),
    ({}, figure(indicator="satisfaction"), "figures[0].indicator", "bad-field"),
    ({}, figure(indicator=7), "figures[0].indicator", "bad-field"),
    ({"department": "no-such-office"}, figure(), "department", "unknown_figure"),
    ({"period": "2027-05"}, figure(), "period", "future-period"),
    ({"period": "2026"}, figure(), "period", "impossible_figure"),
    ({"period": "2026-05-04"}, figure(), "period", "impossible_figure"),
    ({"period": "2025-05"}, figure(), "period", "unknown_figure"),
    ({"period": "2026-13"}, figure(), "period", "bad-date"),
    ({"period": "May"}, figure(), "period", "bad-field"),
    ({}, figure(citizen="x"), "figures[0]", "unknown-field"),
    ({}, 5, "figures[0]", "bad-field"),
]


@pytest.mark.parametrize("case", BAD, ids=[f"{f} {r}" for *_, f, r in BAD])
def test_what_cannot_be_right_is_told_with_its_field_and_listed_for_the_bureau(
    gateway: TestClient[Any], publisher: FakePublisher, case: tuple[dict[str, Any], Any, str, str]
) -> None:
    changed, said, field, reason = case
    response = send(gateway, figure(0, 0, "administrative_loss"), said, token=BUREAU, **changed)
    assert response.status_code == 422, response.text
    problem = response.json()
    wanted = field.replace("[0]", "[1]")
    told = [one for one in problem["results"] if one["field"] == wanted]
    assert told, problem
    assert told[-1]["reason"] == reason
    assert "expected" in told[-1]["detail"]
    good = [json.loads(message.body)["data"].get("indicator") for message in publisher.delivered]
    if field.startswith("figures"):
        assert len(publisher.delivered) == 1
        assert problem["field"] == wanted
        assert "administrative_loss" not in good
    kinds = {message.routing_key.rpartition(".")[2] for message in publisher.delivered}
    assert kinds == ({"figure"} if reason.endswith("_figure") else {"refused"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", None), (b"{", None), (b'{"regions": 1}', "regions"), (b'{"region": "222400"}', "region"),
        (b'{"region": "222424", "department": 5}', "department"), (b'{"region": "222424", "period": 2026}', "period"),
        (b'{"region": "222424", "period": "2026-05", "figures": []}', "figures"),
        (b'{"region": "222424", "period": "2026-05", "figures": 5}', "figures"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_declaration_is_told_where(gateway: TestClient[Any], body: bytes, field: str | None) -> None:
    headers = {"authorization": f"Bearer {BUREAU}", "content-type": "application/json"}
    response = gateway.post("/v1/figures", content=body, headers=headers)
    assert response.status_code in (400, 422)
    assert response.json().get("field") == field


def test_one_indicator_twice_in_a_request_is_refused(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    response = send(gateway, figure(4), figure(5))
    assert (response.status_code, response.json()["field"]) == (422, "figures[1].indicator")
    assert [message.routing_key for message in publisher.delivered] == ["222424.declarations.refused"]


def test_without_a_broker_nothing_is_said_to_be_there(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    publisher.connected = False
    assert send(gateway, figure()).status_code == 503


def test_the_reports_behind_a_number_say_who_when_and_whether_they_count(
    gateway: TestClient[Any], store: FakeStore
) -> None:
    extra = json.dumps({"reporter": "justice-desk", "note": "复核后"}).encode()
    store.reports = [
        FigureReport(222424, "leader_in_court", "justice", "2026-05", 4, 5, 2, "declarations", "e", MICROSECONDS,
                     MICROSECONDS // 60_000_000, "counted", extra),
        FigureReport(222424, "made_up", "", "2026-05", 4, None, 1, "hall-1", "f", MICROSECONDS, 0, "unknown_figure"),
    ]  # fmt: skip
    headers = {"authorization": f"Bearer {READ_TOKEN}"}
    response = gateway.get("/v1/figures?region=222424&from=2026-01-01&to=2026-06-30", headers=headers)
    assert response.status_code == 200, response.text
    first, second = response.json()["figures"]
    assert (first["reporter"], first["note"], first["hall"], first["status"]) == (
        "justice-desk", "复核后", "declarations", "counted",
    )  # fmt: skip
    assert first["names"]["zh"] == "负责人出庭率"
    assert (second["department"], second["status"]) == (None, "unknown_figure")
    mine = {"authorization": f"Bearer {JUSTICE}"}
    assert gateway.get("/v1/figures?region=222424", headers=mine).status_code == 403
    assert gateway.get("/v1/figures?region=222424&department=justice", headers=mine).status_code == 200
