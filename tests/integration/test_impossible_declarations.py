"""Declarations that cannot be right, by every door: none changes a figure, each is told and listed for the bureau."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from hallpulse.contract.decode import EVENT_TYPE, decode_message
from hallpulse.contract.reasons import Refusal
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.plans import load_plans
from hallpulse.store import Grant, Store, hash_of, open_store
from services.gateway.app import create_app
from services.gateway.events import take_in
from services.gateway.publishing import OutgoingMessage
from services.importing.case_import import HallOfCases
from services.importing.problems import told
from tests.gateway_ground import FakeClock, FakePublisher, make_resources
from tests.merging import NOW
from tests.moments import ask
from tests.shelf import Shelf, take

PLANS = load_plans(Path(__file__).parents[2] / "plans")
YEAR, COUNTY = Window(date(2026, 1, 1), date(2026, 12, 31)), Scope(222424)
MICROSECONDS = int(NOW.timestamp() * 1_000_000)
HALL = Grant("hall", 222424, "hall-1", families=("figure",), name="222424.hall-1")
TOKEN = "bureau-token"
GOOD: dict[str, Any] = {
    "indicator": "leader_in_court", "department": "justice", "period": "2026-05", "numerator": 4, "denominator": 5,
}  # fmt: skip
KINDS: Sequence[tuple[str, dict[str, Any]]] = (
    ("9 of 5", {"numerator": 9}),
    ("-7 of 5", {"numerator": -7}),
    ("4 of -5", {"denominator": -5}),
    ("1 of 0", {"numerator": 1, "denominator": 0}),
    ("a half", {"numerator": 2.5}),
    ("a text", {"numerator": "四"}),
    ("a percentage", {"numerator": "80%"}),
    ("yes", {"numerator": True}),
    ("no numerator", {"numerator": None}),
    ("a huge number", {"numerator": 1, "denominator": 10**15}),
    ("no denominator", {"denominator": None}),
    ("a denominator too many", {"indicator": "law_lectures", "numerator": 1, "denominator": 2}),
    ("an unknown indicator", {"indicator": "leader_in_curt"}),
    ("a computed indicator", {"indicator": "satisfaction"}),
    ("a measured indicator", {"indicator": "monthly_report", "numerator": 1, "denominator": 1}),
    ("an unknown department", {"department": "justize"}),
    ("next month", {"period": "2026-12"}),
    ("next year", {"period": "2027"}),
    ("a year of a month's plan", {"period": "2026"}),
    ("a day of a month's plan", {"period": "2026-05-04"}),
    ("before the plan", {"period": "2025-12"}),
    ("a month that is none", {"period": "2026-13"}),
    ("no period", {"period": "May"}),
)


def event(said: dict[str, Any], id_: str, revision: int = 1) -> bytes:
    data = {name: value for name, value in {**said, "revision": revision}.items() if value is not None}
    return json.dumps(
        {"specversion": "1.0", "id": id_, "source": "/222424/hall-1", "type": "hall.figure.reported.v1",
         "time": "2026-06-03T09:00:00+08:00", "data": data}
    ).encode()  # fmt: skip


def arrive(store: Store, message: OutgoingMessage, user: str) -> list[Refusal]:
    """As the ingest takes a message in."""
    decoded = decode_message(
        message.body,
        content_type=message.content_type,
        routing_key=message.routing_key,
        user_id=user,
        now=MICROSECONDS,
        gateway_users=frozenset({"gateway"}),
    )
    store.merge(decoded.events, NOW)
    return decoded.refusals


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, plans=PLANS)
    assert (
        arrive(opened, OutgoingMessage("222424.hall-1.figure", event(GOOD, "good"), EVENT_TYPE), "222424.hall-1") == []
    )
    yield opened
    opened.close()


def findings(store: Store) -> int:
    checks = ask(store).integrity(COUNTY, YEAR, YEAR.end)
    return sum(one.count for one in checks if one.check.of == "figures")


def listed(store: Store, before: int, refusals: Sequence[Refusal]) -> bool:
    """Whether the bureau finds it: as one more finding, or in hall.refused."""
    return (findings(store) - before) + len(refusals) == 1


def unchanged(store: Store) -> bool:
    figures = ask(store).figures(COUNTY, YEAR)
    declared = {one.id for plan in PLANS for one in plan.indicators} | {"monthly_report", "leader_in_curt"}
    own = {name: figure for name, figure in figures.items() if name in declared}
    return own == {"leader_in_court": Figure(4, 5)} and figures["satisfaction"] == Figure(0, 0)


def test_by_amqp(store: Store) -> None:
    for number, (kind, wrong) in enumerate(KINDS):
        before = findings(store)
        body = event({**GOOD, **wrong}, f"e-{number}", revision=2)
        refusals = arrive(store, OutgoingMessage("222424.hall-1.figure", body, EVENT_TYPE), "222424.hall-1")
        assert unchanged(store), kind
        assert listed(store, before, refusals), kind
    assert store.recompute(check=True) == []


def test_by_http_as_an_event(store: Store) -> None:
    for number, (kind, wrong) in enumerate(KINDS):
        before = findings(store)
        intake = take_in(event({**GOOD, **wrong}, f"e-{number}", revision=2), EVENT_TYPE, HALL, MICROSECONDS)
        (result,) = intake.results
        refusals = [refusal for message in intake.messages for refusal in arrive(store, message, "gateway")]
        assert (result.status == "refused") == bool(refusals), kind
        assert unchanged(store), kind
        assert listed(store, before, refusals), kind


def test_by_declaring_at_the_gateway(store: Store) -> None:
    publisher, grants = FakePublisher(), {hash_of(TOKEN): Grant("bureau", 222424, name="bureau-desk")}
    resources = make_resources(store, publisher, FakeClock(NOW), plans=PLANS, find=grants.get)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    with TestClient(create_app(resources)) as gateway:
        for kind, wrong in KINDS:
            said = {**GOOD, **wrong}
            figure = {name: said[name] for name in ("indicator", "numerator", "denominator") if said[name] is not None}
            body = {"region": "222424", "department": said["department"], "period": said["period"], "figures": [figure]}
            before, publisher.delivered[:] = findings(store), []
            response = gateway.post("/v1/figures", content=json.dumps(body), headers=headers)
            assert response.status_code == 422, (kind, response.text)
            assert response.json()["field"] in ("period", "department", *(f"figures[0].{name}" for name in GOOD)), kind
            assert "expected" in response.json()["detail"], kind
            refusals = [refusal for message in publisher.delivered for refusal in arrive(store, message, "gateway")]
            assert unchanged(store), kind
            assert listed(store, before, refusals), kind


def test_what_is_right_counts_by_the_same_door(store: Store) -> None:
    publisher, grants = FakePublisher(), {hash_of(TOKEN): Grant("bureau", 222424, name="bureau-desk")}
    resources = make_resources(store, publisher, FakeClock(NOW), plans=PLANS, find=grants.get)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    figures = [{"indicator": "leader_in_court", "numerator": 5, "denominator": 5, "note": "复核"}]
    body = {"region": "222424", "department": "justice", "period": "2026-05", "figures": figures}
    with TestClient(create_app(resources)) as gateway:
        response = gateway.post("/v1/figures", content=json.dumps(body), headers=headers)
        assert response.status_code == 201, response.text
        assert response.json()["results"][0]["revision"] == 2
        assert [arrive(store, message, "gateway") for message in publisher.delivered] == [[]]
        told_of = gateway.get("/v1/figures?region=222424&from=2026-01-01&to=2026-12-31", headers=headers).json()[
            "figures"
        ]
    assert ask(store).figures(COUNTY, YEAR)["leader_in_court"] == Figure(5, 5)
    assert [(one["revision"], one["status"], one["reporter"], one["note"]) for one in told_of] == [
        (2, "counted", "bureau-desk", "复核"), (1, "superseded", None, None),
    ]  # fmt: skip
    assert ask(store).coverage(COUNTY, YEAR).halls == 1
    assert store.recompute(check=True) == []


def test_a_figure_that_is_declared_again_corrects_the_one_before_and_a_wrong_one_does_not(store: Store) -> None:
    publisher, grants = FakePublisher(), {hash_of(TOKEN): Grant("bureau", 222424, name="bureau-desk")}
    resources = make_resources(store, publisher, FakeClock(NOW), plans=PLANS, find=grants.get)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    results = []
    with TestClient(create_app(resources)) as gateway:
        for numerator, status in ((5, 201), (3, 201), (9, 422), (4, 201)):
            figures = [{"indicator": "leader_in_court", "numerator": numerator, "denominator": 5}]
            body = {"region": "222424", "department": "justice", "period": "2026-05", "figures": figures}
            publisher.delivered.clear()
            response = gateway.post("/v1/figures", content=json.dumps(body), headers=headers)
            assert response.status_code == status, response.text
            for message in publisher.delivered:
                assert arrive(store, message, "gateway") == []
            results += response.json()["results"] if status == 201 else []
        told_of = gateway.get("/v1/figures?region=222424&from=2026-01-01&to=2026-12-31", headers=headers).json()[
            "figures"
        ]
    assert [one["corrects"] for one in results] == [None, results[0]["id"], results[1]["id"]]
    assert ask(store).figures(COUNTY, YEAR)["leader_in_court"] == Figure(4, 5)
    assert {(one["numerator"], one["status"]) for one in told_of if one["reporter"]} == {
        (4, "counted"), (9, "impossible_figure"), (3, "superseded"), (5, "superseded"),
    }  # fmt: skip
    assert store.recompute(check=True) == []


def test_by_import(tmp_path: Path, store: Store) -> None:
    for kind, wrong in KINDS:
        said = {**GOOD, **wrong}
        path = tmp_path / "figures.csv"
        cells = ["" if value is None else str(value) for value in said.values()]
        path.write_text(f"指标编码,部门,期间,分子,分母\n{','.join(cells)}\n", encoding="utf-8")
        done = take(path, "figures", Shelf(HallOfCases(222424, "import"), now=MICROSECONDS))
        assert done.published == [], kind
        (rejected,) = done.rejected
        assert told(rejected.problem.reason).what.zh, kind
        assert told(rejected.problem.reason).remedy.zh, kind
        before = findings(store)
        assert done.job is not None
        message = done.job.declined(rejected)
        assert message is not None, kind
        again = done.job.declined(rejected)
        refusals = arrive(store, OutgoingMessage(*message, EVENT_TYPE), "gateway")
        assert (unchanged(store), again) == (True, message), kind
        assert listed(store, before, refusals), kind
    assert store.recompute(check=True) == []


@pytest.mark.parametrize("row", ["leader_in_court,justice,2026-05,,", "leader_in_court,justice,2026-05,#N/A,5"])
def test_a_row_that_declares_nothing_for_sure_is_no_finding(tmp_path: Path, row: str) -> None:
    path = tmp_path / "figures.csv"
    path.write_text(f"指标编码,部门,期间,分子,分母\n{row}\n", encoding="utf-8")
    done = take(path, "figures", Shelf(HallOfCases(222424, "import"), now=MICROSECONDS))
    assert done.job is not None
    assert [done.job.declined(one) for one in done.rejected] == [None]
