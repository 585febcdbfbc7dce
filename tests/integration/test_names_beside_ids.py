"""Names beside every id of every answer, in the OpenAPI document and in what a gateway on a real database says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from litestar.testing import TestClient

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.ladder import Deed, MatterEntry, NewMatter, Rung, Wording
from hallpulse.domain.plan import Names
from hallpulse.plans import load_plans
from hallpulse.store import Draft, Grant, NewUpload, Store, hash_of
from services.gateway.app import create_app, handlers
from services.gateway.document import document
from services.gateway.naming import FRESH_SECONDS, IDS, SUFFIX, NameBook
from services.gateway.service_calls import Answer
from services.reports.issuing import MonthlyReports, Order
from tests.gateway_ground import PLANS, READ_TOKEN, FakeClock, make_resources
from tests.integration.test_own_events import EVENTS
from tests.integration.test_store import cloud_event, item, step
from tests.merging import NOW, decoded
from tests.moments import StatedStore

HALL, BUREAU = "of-hall-1", "of-the-bureau"
FAMILIES = ["case", "item", "tally", "figure", "heartbeat"]
EVENTS_OF_THE_COUNTY = [
    *EVENTS,
    item(5, "2026-01-01", "water", department="water"),
    item(4, "2026-08-01", "less", department="water"),
    cloud_event(
        "figure.reported", "2026-04-01T09:00:00", "declared",
        {"indicator": "law_lectures", "department": "justice", "period": "2026-03", "revision": 0, "numerator": 1},
    ),
    cloud_event(
        "case.received", "2026-11-02T09:00:00", "open",
        {"case_id": "open", "item_code": "22242400001", "department": "water", "channel": "window"},
    ),
]  # fmt: skip
SAMPLES = {
    "region": "222424", "hall": "hall-1", "case_id": "case-1", "event_id": "right", "report_id": "1",
    "month": "2026-03", "day": "2026-03-31", "department": "justice", "matter_id": "1", "about": "target",
    "subject": "settled_items",
    "upload_id": "1", "draft_id": "1", "target_id": "settled_items", "indicator": "due_kept_rate",
}  # fmt: skip
"""A value for each parameter that a route requires."""
QUESTIONS = {
    "/v1/cases": [
        {"state": "unaccepted_late"}, {"indicator": "mean_elapsed_days"}, {"indicator": "settled_item_share"},
        {"indicator": "acceptance_rate", "hall": "hall-1"},
        {"flow": "received", "month": "2026-03", "department": "dept-1"},
    ],
    "/v1/indicators": [{}, {"department": "justice"}, {"hall": "hall-1"}],
    "/v1/integrity": [{"from": "2026-01-01", "to": "2026-11-30"}],
    "/v1/figures": [{"from": "2026-01-01", "to": "2026-12-31"}],
    "/v1/targets/{target_id}/split": [{"by": "department"}, {"by": "item"}],
    "/v1/series": [{"departments": "water,justice"}],
    "/v1/compression": [{"from": "2026-06-30", "to": "2026-11-01"}],
}  # fmt: skip
"""More than the required parameters, by route: what fills all lists of its answer."""
OF_A_HALL = ("/v1/events/{event_id}", "/v1/refused")
OF_THE_BUREAU = (
    "/v1/audit", "/v1/uploads", "/v1/uploads/{upload_id}", "/v1/items", "/v1/drafts", "/v1/drafts/{draft_id}",
)  # fmt: skip
FILES = ("/v1/templates", "/v1/uploads/{upload_id}/rejected")
"""Routes whose answers are files."""
UNNAMED = {"EventTrace", "UploadAnswer", "DraftAnswer", "EventResult", "DeclaredResult", "ReportAnswer", "OneReport"}
"""Answers whose `id` is that of an event or the number of a report, which have no name."""


class OneAlert:
    """A suite in which one target falls short."""

    def ask(self, kind: type[Answer], service: str, method: str, /, *args: Any, **kwargs: Any) -> Answer:
        assert (service, method, args, kwargs) == ("notices", "fires", (), {})
        alert = {
            "region": "222424", "fingerprint": "f1", "alert": "TargetMissed", "severity": "warning",
            "labels": {"target": "compression"}, "annotations": {}, "started": "2026-11-20T09:00:00+08:00",
            "receivers": ["bureau"], "silenced": False, "acknowledged": None, "acknowledged_by": None, "notes": [],
        }  # fmt: skip
        return msgspec.convert({"alerts": [alert]}, kind)


@pytest.fixture(scope="module")
def gateway(shared_store: Store) -> Iterator[TestClient[Any]]:
    """With something of everything. The tests send it nothing that is stored, so that all may ask the same one."""
    store = shared_store
    store.halls.add(222424, "hall-1", FAMILIES, hash_of(HALL), "政务大厅", "Government Hall")
    store.merge(decoded(EVENTS_OF_THE_COUNTY), NOW)
    plans = load_plans(PLANS)
    MonthlyReports(store, plans, datetime(2026, 11, 20, tzinfo=UTC).timestamp).keep(Order(222424, "2026-03"))
    told = MatterEntry(NOW, "王", Deed.OPENED, Rung.REMINDER, NOW.date(), Wording("请说明。", "Explain."))
    title = Wording("进驻事项占比", "settled items")
    store.matters.open(NewMatter(222424, "target", "settled_items", "data-bureau", title), told)
    bureau = Grant("bureau", 222424, name="bureau")
    table = NewUpload(222424, "cases", "hall-1", "cases.csv", "token bureau", "bureau")
    asked, at = {"changes": []}, datetime(2026, 11, 20, tzinfo=UTC)
    store.drafts.add(Draft(222424, "justice", "draft", "bureau", at, asked, {"region": "222424"}))
    store.uploads.add(table, b"a,b", at)

    def find(token_hash: str) -> Grant | None:
        return bureau if token_hash == hash_of(BUREAU) else store.tokens.find(token_hash)

    resources = make_resources(
        store,
        find=find,
        archive=store.reports,
        services=OneAlert(),
        reviews=store.reviews,
        matters=store.matters,
        uploads=store.uploads,
        drafts=store.drafts,
        audit_entries=store.audit,
    )
    with TestClient(create_app(resources)) as client:
        yield client


@cache
def routes() -> dict[str, Any]:
    return {
        path: one["get"]
        for path, one in document(handlers())["paths"].items()
        if "get" in one and path.startswith("/v1/") and path not in FILES
    }


def ask(gateway: TestClient[Any], path: str, **asked: str) -> Any:
    token = HALL if path in OF_A_HALL else BUREAU if path in OF_THE_BUREAU else READ_TOKEN
    required = {one["name"]: SAMPLES[one["name"]] for one in routes()[path].get("parameters", ()) if one["required"]}
    query = {name: value for name, value in required.items() if f"{{{name}}}" not in path} | asked
    address = f"{path.format(**required)}?{urlencode(query)}"
    response = gateway.get(address, headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 200, (address, response.text)
    return response.json()


def unnamed(value: Any, place: str = "$") -> Iterator[str]:
    """The places of an answer at which an id stands without names; raw events and labels of alerts are as they came."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from unnamed(one, f"{place}[{number}]")
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in IDS and one not in (None, "") and not are_names(value.get(name + SUFFIX)):
                yield f"{place}.{name}"
            elif name not in ("event", "labels"):
                yield from unnamed(one, f"{place}.{name}")


def are_names(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"zh", "en"} and all(value.values())


@pytest.mark.parametrize("path", sorted(routes()))
def test_beside_every_id_of_every_answer_stand_its_names(gateway: TestClient[Any], path: str) -> None:
    for question in QUESTIONS.get(path, [{}]):
        answer = ask(gateway, path, **question)
        assert list(unnamed(answer)) == []
        if question:
            assert any(isinstance(one, list) and one for one in answer.values()), (path, question)


def test_the_names_are_those_of_the_plan_and_of_the_register(gateway: TestClient[Any]) -> None:
    (case,) = ask(gateway, "/v1/cases", state="unaccepted_late", department="water")["cases"]
    assert case["region_names"] == {"zh": "汪清县", "en": "Wangqing County"}
    assert case["hall_names"] == {"zh": "政务大厅", "en": "Government Hall"}
    assert case["department_names"] == {"zh": "县水利局", "en": "Water Bureau"}
    assert (case["hall"], case["department"]) == ("hall-1", "water")
    figures = ask(gateway, "/v1/figures", **QUESTIONS["/v1/figures"][0])["figures"]
    named = {one["indicator"]: one["indicator_names"] for one in figures}
    assert named["law_lectures"]["zh"] == "学法授课次数"
    assert named["loss"] == {"zh": "loss", "en": "loss"}  # no plan has it, which is why it counts nowhere


def test_what_is_sent_is_answered_with_names_too(gateway: TestClient[Any]) -> None:
    body = {"region": "222424", "department": "justice", "period": "2026-10", "figures": [
        {"indicator": "law_lectures", "numerator": 1}]}  # fmt: skip
    given = {"authorization": f"Bearer {BUREAU}", "content-type": "application/json"}
    declared = gateway.post("/v1/figures", content=json.dumps(body).encode(), headers=given)
    assert declared.status_code == 201
    assert list(unnamed(declared.json())) == []
    foreseen = gateway.post(
        "/v1/events?dry_run=true",
        content=json.dumps(step("open", "accepted", "2026-11-03")).encode(),
        headers={"authorization": f"Bearer {HALL}", "content-type": "application/cloudevents+json"},
    )
    assert foreseen.json()["cases"][0]["hall_names"]["zh"] == "政务大厅"
    assert list(unnamed(foreseen.json())) == []


def test_an_event_is_answered_as_it_was_sent(gateway: TestClient[Any]) -> None:
    events = ask(gateway, "/v1/cases/{region}/{hall}/{case_id}")["events"]
    assert not [name for one in events for name in one["event"]["data"] if name.endswith(SUFFIX)]
    assert any("department" in one["event"]["data"] for one in events)


def test_the_document_has_names_beside_every_id() -> None:
    described = document(handlers())
    seen = set()
    for name, schema in reached(described).items():
        properties = schema.get("properties", {})
        for id_ in set(IDS) & set(properties):
            seen.add(id_)
            assert id_ + SUFFIX in properties, (name, id_)
            assert (id_ in schema["required"]) == (id_ + SUFFIX in schema["required"]), (name, id_)
        if "id" in properties and name not in UNNAMED:
            assert "names" in properties, name
    assert seen >= {"region", "hall", "department", "indicator"}


def reached(described: dict[str, Any]) -> dict[str, Any]:
    """The schemas of all answers; the requests' and the events' are what others send."""
    schemas = described["components"]["schemas"]
    found: dict[str, Any] = {}
    ahead = [json.dumps(one["responses"]) for ops in described["paths"].values() for one in ops.values()]
    while ahead:
        text = ahead.pop()
        for name in schemas:
            if f'"#/components/schemas/{name}"' in text and name not in found:
                found[name] = schemas[name]
                ahead.append(json.dumps(schemas[name]))
    return found


def test_without_a_database_halls_keep_the_names_they_had_and_their_ids_are_read_seldom() -> None:
    clock, store = FakeClock(), StatedStore()
    book = NameBook(store, load_plans(PLANS), lambda: clock.seconds)
    book.refresh()
    book.refresh()
    assert store.asked == [("hall_facts",), ("successions",)]
    store.fault = Unavailable("database: away")
    clock.seconds += FRESH_SECONDS
    book.refresh()
    assert book.names("hall", "222424", "hall-1") == Names("hall-1", "hall-1")


def test_a_prefecture_has_the_names_that_the_plans_below_it_agree_on() -> None:
    book = NameBook(StatedStore(), load_plans(PLANS), lambda: 0.0)
    assert book.names("department", "222400", "justice").zh == "县司法局"
    assert book.names("indicator", "330100", "satisfaction").zh == "满意率"
    assert book.names("department", "330100", "justice") == Names("justice", "justice")
    assert book.names("target", "222424", "settled_items").zh


def test_a_region_without_a_plan_has_its_name_of_gb_2260_and_never_its_bare_code() -> None:
    book = NameBook(StatedStore(), load_plans(PLANS), lambda: 0.0)
    assert book.names("region", "", "222424").en == "Wangqing County"
    assert book.names("region", "", "222400") == Names("延边朝鲜族自治州", "延边朝鲜族自治州 (222400)")
    assert book.names("region", "", "220000") == Names("吉林省", "吉林省 (220000)")
    assert book.names("region", "", "320311") == Names("泉山区", "泉山区 (320311)")  # 郊区 until 1992
    assert book.names("region", "", "999999") == Names("地区 999999", "Region 999999")
