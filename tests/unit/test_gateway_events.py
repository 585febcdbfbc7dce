"""POST /v1/events without a broker: what is taken in, what is refused, and as which problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from litestar.testing import TestClient

from hallpulse.domain.succession import Succession
from hallpulse.store import hash_of
from services.gateway import events as events_route
from services.gateway import server
from services.gateway.app import create_app
from tests.gateway_ground import HALL, HALL_TOKEN, READ_TOKEN, FakeClock, FakePublisher, FakeStore, make_resources

EVENT_TYPE, BATCH_TYPE = "application/cloudevents+json", "application/cloudevents-batch+json"
RECEIVED = {"case_id": "c-1", "item_code": "i-1", "department": "justice", "channel": "window"}


def event(id_: str = "e-1", **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/222424/hall-1",
        "type": "hall.case.received.v1",
        "time": "2026-02-11T08:20:10+08:00",
        "data": RECEIVED,
        **changes,
    }


FOREIGN = event("foreign", source="/222424/hall-2")
TALLY = event("tally", type="hall.tally.retracted.v1", data={"date": "2026-02-11", "event_id": "x"})
BEAT = event("beat", type="hall.heartbeat.v1", data=None)


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def gateway(publisher: FakePublisher) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(make_resources(FakeStore(), publisher))) as client:
        yield client


def send(
    gateway: TestClient[Any], body: Any, content_type: str = EVENT_TYPE, token: str = HALL_TOKEN, **headers: str
) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"authorization": f"Bearer {token}", "content-type": content_type, **headers}
    return gateway.post("/v1/events", content=content, headers=given)


def problem(response: Response, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(found)
    assert (found["type"], found["status"]) == (f"/problems#{slug}", status)
    assert found["instance"] == "/v1/events"
    assert "Traceback" not in response.text
    return found


def statuses(response: Response) -> list[tuple[str | None, str, str | None]]:
    return [(r["id"], r["status"], r["reason"]) for r in response.json()["results"]]


def keys(publisher: FakePublisher) -> list[tuple[str, str]]:
    return [(message.routing_key, message.content_type) for message in publisher.delivered]


def test_an_event_is_taken_in_byte_for_byte_under_its_halls_key(
    gateway: TestClient[Any], publisher: FakePublisher
) -> None:
    body = json.dumps(event(), indent=3).encode()
    answer = send(gateway, body)
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["refused"]) == (1, 0)
    assert statuses(answer) == [("e-1", "accepted", None)]
    (message,) = publisher.delivered
    assert (message.routing_key, message.body, message.content_type) == ("222424.hall-1.case", body, EVENT_TYPE)


def test_plain_json_is_taken_for_one_event(gateway: TestClient[Any]) -> None:
    assert send(gateway, event(), "application/json; charset=utf-8").status_code == 202
    problem(send(gateway, [event()], "application/json"), 422, "refused")


def test_a_batch_is_sorted_by_family(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    answer = send(gateway, [event("1"), BEAT, event("2")], BATCH_TYPE)
    assert statuses(answer) == [("1", "accepted", None), ("beat", "accepted", None), ("2", "accepted", None)]
    assert keys(publisher) == [("222424.hall-1.case", BATCH_TYPE), ("222424.hall-1.heartbeat", EVENT_TYPE)]
    assert json.loads(publisher.delivered[0].body) == [event("1"), event("2")]


def test_of_a_batch_only_the_bad_ones_are_refused_and_they_go_where_nothing_is_lost(
    gateway: TestClient[Any], publisher: FakePublisher
) -> None:
    bad = event("bad", data={"case_id": "c-1"})
    answer = send(gateway, [event("1"), bad, FOREIGN, TALLY, 5], BATCH_TYPE)
    assert answer.status_code == 202
    assert statuses(answer) == [
        ("1", "accepted", None),
        ("bad", "refused", "missing-field"),
        ("foreign", "refused", "source-mismatch"),
        ("tally", "refused", "routing-mismatch"),
        (None, "refused", "bad-envelope"),
    ]
    assert [r["index"] for r in answer.json()["results"]] == [0, 1, 2, 3, 4]
    refused = publisher.delivered[1:]
    assert {m.content_type for m in refused} == {EVENT_TYPE}
    assert [m.routing_key.rpartition(".") for m in refused] == [
        ("222424.hall-1", ".", last) for last in ("refused", "denied", "denied", "refused")
    ]
    assert [json.loads(m.body) for m in refused] == [bad, FOREIGN, TALLY, 5]


def test_a_bad_event_is_a_problem_that_says_where_and_what_was_expected(
    gateway: TestClient[Any], publisher: FakePublisher
) -> None:
    found = problem(send(gateway, event(data={**RECEIVED, "channel": "fax"})), 422, "refused")
    assert (found["field"], found["reason"]) == ("data.channel", "bad-field")
    assert "expected one of kiosk, mobile, online" in found["detail"]
    assert found["results"][0]["id"] == "e-1"
    assert keys(publisher) == [("222424.hall-1.refused", EVENT_TYPE)]


def test_a_batch_of_bad_events_only_is_a_problem_with_a_result_for_each(gateway: TestClient[Any]) -> None:
    found = problem(send(gateway, [event("1", data={}), event("2", time="now")], BATCH_TYPE), 422, "refused")
    assert [r["reason"] for r in found["results"]] == ["missing-field", "bad-time"]
    assert found["detail"].startswith("all 2 events are refused; the first: missing-field: data.case_id")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "slug"),
    [
        (b"{", EVENT_TYPE, 400, "not-json"),
        (b"", EVENT_TYPE, 400, "not-json"),
        (b'{"id": "\xff"}', EVENT_TYPE, 400, "not-json"),
        (b"[", BATCH_TYPE, 400, "not-json"),
        (b"{}", BATCH_TYPE, 422, "refused"),
        (b"[]", BATCH_TYPE, 422, "refused"),
        (b"[" + b",".join([b"1"] * 1001) + b"]", BATCH_TYPE, 422, "refused"),
        (b"[" * 100_000, EVENT_TYPE, 400, "not-json"),
        (b"{}", "text/plain", 415, "bad-content-type"),
        (b"{}", "", 415, "bad-content-type"),
        (b"{}", f"{EVENT_TYPE}; charset=gbk", 415, "bad-content-type"),
    ],
)
def test_a_body_that_is_no_event_is_a_problem(
    gateway: TestClient[Any], body: bytes, content_type: str, status: int, slug: str
) -> None:
    problem(send(gateway, body, content_type), status, slug)


def test_a_packed_body_is_not_unpacked(gateway: TestClient[Any]) -> None:
    problem(send(gateway, event(), **{"content-encoding": "gzip"}), 415, "bad-content-type")


def test_a_token_is_needed(gateway: TestClient[Any]) -> None:
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}):
        answer = gateway.post("/v1/events", content=b"{}", headers=headers)
        problem(answer, 401, "no-token")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_hall_speaks_for_itself_and_within_its_families(gateway: TestClient[Any]) -> None:
    found = problem(send(gateway, FOREIGN), 403, "forbidden")
    assert (found["field"], found["reason"]) == ("source", "source-mismatch")
    found = problem(send(gateway, TALLY), 403, "forbidden")
    assert "case, heartbeat" in found["detail"]
    problem(send(gateway, [FOREIGN, TALLY], BATCH_TYPE), 403, "forbidden")


def test_a_token_that_reads_everything_writes_nothing(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    problem(send(gateway, event(), token=READ_TOKEN), 403, "forbidden")
    assert publisher.delivered == []


def test_more_than_four_mebibytes_are_not_read(gateway: TestClient[Any]) -> None:
    problem(send(gateway, b" " * (4 * 1024 * 1024 + 1)), 413, "too-large")
    chunks = (b" " * 1024 * 1024 for _ in range(5))
    given = {"authorization": f"Bearer {HALL_TOKEN}", "content-type": EVENT_TYPE}
    problem(gateway.post("/v1/events", content=chunks, headers=given), 413, "too-large")


def test_a_batch_of_four_mebibytes_is_taken(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    filler = "x" * 990
    batch = [event(str(n), traceparent="t", **{f"ext{k}": filler for k in range(3)}) for n in range(1000)]
    assert send(gateway, batch, BATCH_TYPE).json()["accepted"] == 1000
    assert len(publisher.delivered) == 1


def test_without_a_broker_nothing_is_said_to_be_accepted(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    publisher.connected = False
    answer = send(gateway, event())
    problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_token_used_too_often_is_asked_to_wait(publisher: FakePublisher) -> None:
    clock = FakeClock()
    with TestClient(create_app(make_resources(FakeStore(), publisher, clock, rate=2))) as gateway:
        assert [send(gateway, event()).status_code for _ in range(5)] == [202, 202, 202, 202, 429]
        answer = send(gateway, event())
        problem(answer, 429, "too-many-requests")
        assert answer.headers["retry-after"] == "1"
        clock.seconds += 1
        assert [send(gateway, event()).status_code for _ in range(3)] == [202, 202, 429]


def test_a_hall_has_one_rate_for_all_its_tokens_and_every_hall_its_own(publisher: FakePublisher) -> None:
    store = FakeStore()
    store.tokens |= {hash_of("rotated"): HALL, hash_of("other"): replace(HALL, hall="hall-2")}
    with TestClient(create_app(make_resources(store, publisher, rate=1, find=store.find))) as gateway:
        assert [send(gateway, event(), token=token).status_code for token in (HALL_TOKEN, "rotated")] == [202, 202]
        assert send(gateway, event(), token="rotated").status_code == 429
        assert send(gateway, event(source="/222424/hall-2"), token="other").status_code == 202


def test_an_event_in_binary_mode_is_made_structured(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    whole = event("b-1", subject="a b")
    given = {f"ce-{name}": value for name, value in whole.items() if name != "data"} | {"ce-subject": "a%20b"}
    answer = send(gateway, whole["data"], "application/json", **given)
    assert statuses(answer) == [("b-1", "accepted", None)]
    assert json.loads(publisher.delivered[0].body) == whole


def test_a_heartbeat_in_binary_mode_has_no_body(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    given = {f"ce-{name}": value for name, value in BEAT.items() if name != "data"}
    assert send(gateway, b"", "application/json", **given).status_code == 202
    assert keys(publisher) == [("222424.hall-1.heartbeat", EVENT_TYPE)]


def test_only_post_is_taken(gateway: TestClient[Any]) -> None:
    answer = gateway.put("/v1/events", content=b"{}")
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]


def test_an_unknown_parameter_is_refused(gateway: TestClient[Any]) -> None:
    answer = gateway.post("/v1/events?x=1", content=b"{}", headers={"authorization": f"Bearer {HALL_TOKEN}"})
    assert problem(answer, 400, "bad-parameter")["field"] == "x"


def test_the_handler_gives_up_on_a_body_before_the_connection_is_closed() -> None:
    assert events_route.BODY_SECONDS < server.MESSAGE_SECONDS


def test_binary_mode_without_a_content_type_is_json(gateway: TestClient[Any], publisher: FakePublisher) -> None:
    attributes = {f"ce-{name}": value for name, value in event().items() if name != "data"}
    given = {"authorization": f"Bearer {HALL_TOKEN}", **attributes}
    answer = gateway.post("/v1/events", content=json.dumps(RECEIVED).encode(), headers=given)
    assert answer.status_code == 202, answer.text
    assert json.loads(publisher.delivered[0].body) == event()


def test_a_missing_content_type_is_named(gateway: TestClient[Any]) -> None:
    given = {"authorization": f"Bearer {HALL_TOKEN}"}
    answer = problem(gateway.post("/v1/events", content=b"{}", headers=given), 415, "bad-content-type")
    assert answer["detail"].startswith("content-type: expected application/cloudevents+json")
    assert answer["detail"].endswith("got none: the header is missing")


def test_the_contract_is_served_as_it_is_published(gateway: TestClient[Any]) -> None:
    docs = Path(__file__).parents[2] / "docs"
    for file in (docs / "asyncapi.yaml", *(docs / "schemas").iterdir()):
        answer = gateway.get(f"/{file.relative_to(docs)}")
        assert (answer.status_code, answer.text) == (200, file.read_text("utf-8"))
    assert gateway.get("/schemas/hall.case.eaten.v1.json").status_code == 404


def test_what_begins_under_a_code_that_has_ended_is_refused_at_once_with_the_successor(
    publisher: FakePublisher,
) -> None:
    store = FakeStore(
        successions=[Succession(222424, 222499, date(2026, 2, 11), True, "吉政函〔2026〕1号", "撤县设区")]
    )
    decided = {"case_id": "c-0", "outcome": "granted"}
    goes_on = event("goes-on", type="hall.case.decided.v1", data=decided)
    before = event("before", time="2026-02-10T23:59:59+08:00")
    with TestClient(create_app(make_resources(store, publisher))) as client:
        answer = send(client, [event("begins"), goes_on, before], BATCH_TYPE)
        assert answer.status_code == 202
        begins, *others = answer.json()["results"]
        assert (begins["status"], begins["reason"], begins["field"]) == ("refused", "region-ended", "source")
        assert "expected the code 222499, which succeeds 222424 from 2026-02-11 on" in begins["detail"]
        assert [one["status"] for one in others] == ["accepted", "accepted"]
        assert {message.routing_key for message in publisher.delivered} == {
            "222424.hall-1.case",
            "222424.hall-1.refused",
        }
        alone = send(client, event("alone"))
        assert (alone.status_code, alone.json()["reason"]) == (422, "region-ended")
