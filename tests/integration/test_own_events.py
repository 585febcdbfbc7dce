"""What a hall learns of its own events: traced by id, listed where refused, told before they are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from litestar.testing import TestClient

from hallpulse.domain.case import unpack_id
from hallpulse.store import Store, hash_of
from services.console.commands.validate import command
from services.gateway.app import create_app
from tests.gateway_ground import NOW as GATEWAY_NOW
from tests.gateway_ground import READ_TOKEN, FakePublisher, make_resources
from tests.integration.test_refused_table import refusal
from tests.integration.test_store import case, cloud_event, item, received, step
from tests.merging import NOW, decoded, merge_by_workers

HALL, OTHER = "of-hall-1", "of-hall-2"
FAMILIES = ["case", "item", "tally", "figure", "heartbeat"]
COUNTS = {
    "accepted": 9, "rejected": 0, "unified_accepted": 1, "full_process_accepted": 1, "decided": 1, "instant_decided": 1,
}  # fmt: skip


def corrected(event: dict[str, Any], id_: str, of: str, **data: Any) -> dict[str, Any]:
    return {**event, "id": id_, "data": {**event["data"], **data, "corrects": of}}


def tally(id_: str, revision: int) -> dict[str, Any]:
    return cloud_event(
        "tally.reported", "2026-03-20T17:00:00", id_, {"date": "2026-03-20", "revision": revision} | COUNTS
    )


def figure(id_: str, numerator: int, **data: Any) -> dict[str, Any]:
    said = {"indicator": "loss", "period": "2026-03", "revision": 0, "numerator": numerator, **data}
    return cloud_event("figure.reported", "2026-04-01T09:00:00", id_, said)


DECIDED = step("case-2", "decided", "2026-03-09", outcome="granted")
EVENTS = [
    *case(1),
    received("case-2", "2026-03-02"),
    DECIDED,
    corrected(DECIDED, "right", "case-2-decided", outcome="refused"),
    step("case-2", "rated", "2026-03-10", score=1),
    cloud_event("case.rated", "2026-03-11T10:00:00", "later", {"case_id": "case-2", "score": 5}),
    step("case-2", "delivered", "2026-03-10"),
    step("case-2", "retracted", "2026-03-11", event_id="case-2-delivered"),
    step("case-1", "retracted", "2026-03-11", event_id="case-2-rated"),
    step("case-3", "decided", "2026-03-09", outcome="granted"),
    item(5, "2026-01-01", "v1"),
    item(6, "2026-01-01", "v0"),
    item(7, "2026-06-01", "v2"),
    corrected(item(8, "2026-07-01", "v2"), "v3", "v2"),
    tally("t1", 1),
    tally("t2", 2),
    tally("t3", 3),
    cloud_event("tally.retracted", "2026-03-21T09:00:00", "t-back", {"date": "2026-03-20", "event_id": "t3"}),
    figure("f1", 4),
    corrected(figure("f1", 4), "f2", "f1", numerator=3),
    cloud_event("heartbeat", "2026-03-02T09:00:00", "beat", {}),
    cloud_event("case.withdrawn", "2026-03-12T09:00:00", "a/b ü", {"case_id": "case-2"}),
    {**received("case-1", "2026-03-02"), "source": "/222424/hall-2", "id": "theirs"},
]
EFFECTS = [
    ("case-1-received", "counts", []),
    ("case-2-decided", "corrected", ["right"]),
    ("right", "counts", []),
    ("case-2-rated", "superseded", ["later"]),
    ("case-2-delivered", "retracted", ["case-2-retracted"]),
    ("case-2-retracted", "counts", []),
    ("case-1-retracted", "names-nothing", []),
    ("case-3-decided", "waits", []),
    ("v0", "superseded", ["v1"]),
    ("v1", "counts", []),
    ("v2", "corrected", ["v3"]),
    ("v3", "counts", []),
    ("t1", "superseded", ["t2"]),
    ("t2", "counts", []),
    ("t3", "retracted", ["t-back"]),
    ("t-back", "counts", []),
    ("f1", "corrected", ["f2"]),
    ("f2", "counts", []),
    ("beat", "counts", []),
]


@pytest.fixture
def stored(store: Store) -> Store:
    store.halls.add(222424, "hall-1", FAMILIES, hash_of(HALL))
    store.halls.add(222424, "hall-2", FAMILIES, hash_of(OTHER))
    store.merge(decoded(EVENTS), NOW)
    return store


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def gateway(stored: Store, publisher: FakePublisher) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(make_resources(stored, publisher, find=stored.tokens.find))) as client:
        yield client


def ask(gateway: TestClient[Any], path: str, token: str = HALL) -> Any:
    return gateway.get(path, headers={"authorization": f"Bearer {token}"})


def test_an_event_says_what_it_does_and_what_took_it_out(gateway: TestClient[Any]) -> None:
    told = {id_: ask(gateway, f"/v1/events/{id_}").json()["stored"] for id_, _, _ in EFFECTS}
    assert [(id_, told[id_]["effect"], told[id_]["by"]) for id_, _, _ in EFFECTS] == EFFECTS
    assert (told["right"]["corrects"], told["right"]["event"]["data"]["outcome"]) == ("case-2-decided", "refused")
    assert told["right"]["arrived"] == "2026-11-24T20:00:00+08:00"
    assert told["v1"]["case"] is None
    assert (told["case-1-received"]["case"]["state"], told["case-1-received"]["case"]["elapsed"]) == ("decided", 4)
    assert told["case-3-decided"]["case"]["state"] == "pending"
    assert ask(gateway, told["case-1-received"]["case"]["url"]).status_code == 200


def test_an_id_of_any_characters_is_found(gateway: TestClient[Any]) -> None:
    answer = ask(gateway, "/v1/events/a%2Fb%20%C3%BC").json()
    assert (answer["id"], answer["status"], answer["source"]) == ("a/b ü", "stored", "/222424/hall-1")


def test_a_refused_event_says_reason_and_field_and_a_reused_id_both(gateway: TestClient[Any], stored: Store) -> None:
    bad = refusal(b'{"id": "bad"}', reason="bad-field", field="data.score", detail="expected a whole number")
    again = refusal(b'{"id": "right"}', reason="id-reused", field="id")
    stored.refused.enter([bad, bad, again], GATEWAY_NOW)
    answer = ask(gateway, "/v1/events/bad").json()
    assert (answer["status"], answer["stored"]) == ("refused", None)
    (told,) = answer["refusals"]
    assert (told["reason"], told["field"], told["times"]) == ("bad-field", "data.score", 2)
    assert told["names"]["zh"] == "字段的值不符合契约。"
    both = ask(gateway, "/v1/events/right").json()
    assert (both["status"], both["stored"]["effect"]) == ("stored", "counts")
    assert [one["reason"] for one in both["refusals"]] == ["id-reused"]


def again(gateway: TestClient[Any], id_: str, token: str = HALL) -> Any:
    return ask(gateway, f"/v1/events/{id_}", token).json()["again"]


def test_an_event_that_came_again_says_how_often_and_when_last(gateway: TestClient[Any], stored: Store) -> None:
    ids = [id_ for id_, _, _ in EFFECTS]
    assert [again(gateway, id_) for id_ in ids] == [None] * len(ids)
    stored.merge(decoded([EVENTS[0]]), NOW + timedelta(hours=1))
    assert again(gateway, "case-1-received") == {"times": 1, "last_at": "2026-11-24T21:00:00+08:00"}
    new = received("case-9", "2026-03-02")
    stored.merge(decoded([EVENTS[0], new, tally("t1", 1), EVENTS[0], new]), NOW + timedelta(hours=2))
    assert again(gateway, "case-1-received") == {"times": 3, "last_at": "2026-11-24T22:00:00+08:00"}
    assert [again(gateway, id_)["times"] for id_ in ("case-9-received", "t1")] == [1, 1]
    assert ask(gateway, "/v1/events/case-9-received").json()["stored"]["effect"] == "counts"
    assert [again(gateway, id_) for id_ in ids if id_ not in ("case-1-received", "t1")] == [None] * (len(ids) - 2)
    assert stored.recompute(check=True) == []


def test_an_id_that_is_used_for_something_else_did_not_come_again(gateway: TestClient[Any], stored: Store) -> None:
    other = {**EVENTS[0], "time": "2026-03-03T09:00:00+08:00"}
    theirs = {**other, "source": "/222424/hall-2"}
    outcome = stored.merge(decoded([other, theirs, theirs]), NOW)
    assert ([event.id for event in outcome.reused], len(outcome.duplicates)) == (["case-1-received"], 1)
    assert again(gateway, "case-1-received") is None
    assert again(gateway, "case-1-received", OTHER)["times"] == 1


def test_what_came_again_is_told_for_ninety_days_and_then_deleted(
    gateway: TestClient[Any], stored: Store, store_url: str
) -> None:
    theirs = {**EVENTS[0], "source": "/222424/hall-2"}
    stored.merge(decoded([EVENTS[0], theirs, theirs]), NOW - timedelta(days=91))
    stored.merge(decoded([EVENTS[1]]), NOW - timedelta(days=89))
    assert again(gateway, "case-1-received") is None
    assert again(gateway, EVENTS[1]["id"])["times"] == 1
    stored.merge(decoded([tally("t1", 1)]), NOW)
    with psycopg.connect(store_url) as connection:
        kept = {(hall, unpack_id(id_)) for hall, id_ in connection.execute("SELECT hall, id FROM sent_again")}
    assert kept == {("hall-1", EVENTS[1]["id"]), ("hall-1", "t1"), ("hall-2", "case-1-received")}
    stored.merge(decoded([EVENTS[0]]), NOW)
    assert again(gateway, "case-1-received")["times"] == 1


def test_workers_that_get_the_same_events_again_in_any_order_count_each_time(stored: Store, store_url: str) -> None:
    old, events = decoded(EVENTS[:3]), decoded(EVENTS[3:])
    stored.merge(old, NOW - timedelta(days=91))
    merge_by_workers(store_url, [*events, *reversed(events)] * 10, 4, 5)
    with stored.read() as moment:
        times = [moment.trace(one.region, one.hall, one.id, NOW.date()).again for one in [*old, *events]]
    assert [again and again.times for again in times] == [None] * 3 + [20] * len(events)
    assert stored.recompute(check=True) == []


@pytest.mark.attack
def test_another_halls_events_are_not_there_whatever_was_stored_or_refused(
    gateway: TestClient[Any], stored: Store
) -> None:
    stored.refused.enter([refusal(b'{"id": "their-bad"}', "222424.hall-2.case")], GATEWAY_NOW)
    answers = [ask(gateway, f"/v1/events/{id_}") for id_ in ("theirs", "their-bad", "never")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content.replace(b"their-bad", b"never").replace(b"theirs", b"never") for answer in answers}) == 1
    assert ask(gateway, "/v1/events/theirs", OTHER).json()["status"] == "stored"
    assert ask(gateway, "/v1/refused").json()["refused"] == []
    for path in ("/v1/events/theirs", "/v1/events/never", "/v1/refused"):
        assert ask(gateway, path, READ_TOKEN).status_code == 403


def test_refused_events_are_listed_by_day_and_page(gateway: TestClient[Any], stored: Store) -> None:
    for number, days in enumerate((40, 3, 2, 2, 1)):
        stored.refused.enter([refusal(b'{"id": "r%d"}' % number)], GATEWAY_NOW - timedelta(days=days))
    other = refusal(b"{}", "222424.hall-2.case")
    stored.refused.enter([other], GATEWAY_NOW)
    pages, cursor = [], ""
    while True:
        page = ask(gateway, f"/v1/refused?limit=2{cursor}").json()
        pages.append([one["event_id"] for one in page["refused"]])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == [["r1", "r2"], ["r3", "r4"]]
    day = (GATEWAY_NOW - timedelta(days=2)).date()
    page = ask(gateway, f"/v1/refused?from={day}&to={day}").json()
    assert ([one["event_id"] for one in page["refused"]], page["from"]) == (["r2", "r3"], str(day))
    for wrong, status in (("cursor=zz", 400), (f"cursor={other.id}", 400), ("from=2026-03-02&to=2026-03-01", 422)):
        assert ask(gateway, f"/v1/refused?{wrong}").status_code == status


def dry(gateway: TestClient[Any], events: list[Any]) -> Any:
    given = {"authorization": f"Bearer {HALL}", "content-type": "application/cloudevents-batch+json"}
    return gateway.post("/v1/events?dry_run=true", content=json.dumps(events).encode(), headers=given)


FORESEEN = [
    case(1)[0],
    {**case(1)[0], "time": "2026-03-03T09:00:00+08:00"},
    {**step("case-9", "decided", "2026-03-09", outcome="granted"), "id": ""},
    received("new", "2026-03-02", item_code="no-such-item"),
    step("new", "accepted", "2026-03-03"),
    {**step("case-1", "decided", "2026-03-04", outcome="granted"), "id": "n1"},
    corrected(DECIDED, "n2", "right"),
    item(25, "2026-09-01", "v9"),
]


def test_a_dry_run_tells_what_would_become_of_events_and_sends_nothing(
    gateway: TestClient[Any], publisher: FakePublisher, stored: Store
) -> None:
    answer = dry(gateway, FORESEEN)
    assert (answer.status_code, publisher.delivered) == (200, [])
    told = answer.json()
    assert [(one["status"], one["reason"]) for one in told["results"]] == [
        ("duplicate", None), ("refused", "id-reused"), ("refused", "bad-envelope"), *[("accepted", None)] * 5,
    ]  # fmt: skip
    assert (told["accepted"], told["refused"], told["dry_run"]) == (6, 2, True)
    assert [one["notes"] for one in told["results"]][3:] == [
        ["unknown_item"], None, None, None, ["promised_over_statutory"],
    ]  # fmt: skip
    cases = {one["case_id"]: one for one in told["cases"]}
    assert (cases["new"]["before"], cases["new"]["after"]["state"]) == (None, "on_time")
    assert "unknown_item" in cases["new"]["new_flags"]
    assert cases["case-1"]["new_flags"] == ["repeated_without_correction"]
    assert (cases["case-2"]["before"]["elapsed"], cases["case-2"]["after"]["elapsed"]) == (5, 5)
    assert [len(told["items"][0][side]) for side in ("before", "after")] == [2, 3]
    with stored.read() as moment:
        assert moment.stored_ids(222424, "hall-1", ["n1", "n2", "v9"]) == set()


def test_a_dry_run_is_what_then_happens(gateway: TestClient[Any], stored: Store) -> None:
    told = dry(gateway, FORESEEN).json()
    good = [event for event, result in zip(FORESEEN, told["results"], strict=True) if result["status"] != "refused"]
    outcome = stored.merge(decoded(good), datetime.now(UTC))
    assert (len(outcome.new), len(outcome.duplicates)) == (5, 1)
    for one in told["cases"]:
        now = ask(gateway, f"/v1/cases/222424/hall-1/{one['case_id']}").json()
        assert (now["state"], now["due"], now["flags"]) == (
            one["after"]["state"], one["after"]["due"], one["after"]["flags"],
        )  # fmt: skip


def test_a_dry_run_of_what_is_no_json_says_so(gateway: TestClient[Any]) -> None:
    given = {"authorization": f"Bearer {HALL}", "content-type": "application/json"}
    answer = gateway.post("/v1/events?dry_run=true", content=b"{", headers=given)
    assert (answer.status_code, answer.json()["results"][0]["reason"]) == (200, "not-json")
    assert gateway.post("/v1/events?dry_run=perhaps", content=b"{}", headers=given).status_code == 400


def test_a_file_is_validated_and_its_cases_are_told(stored: Store, store_url: str, tmp_path: Path) -> None:
    assert stored is not None
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(map(json.dumps, FORESEEN)) + "\n\n")
    environment = {"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_AMQP_URL": "amqp://h/"}
    done = CliRunner().invoke(command, [str(file)], env=environment)
    assert done.exit_code == 1, done.output
    assert done.stderr.splitlines() == [
        "line 2: id-reused: id: expected an id that was not used for another event of this source",
        "line 3: bad-envelope: id: expected 1 to 64 characters, no control characters, got a text of 0 characters",
    ]
    assert "8 events: 5 would be taken, 1 are there already, 2 would be refused" in done.stdout
    assert "case 222424/hall-1/case-1: decided, due 2026-03-09, 4 working days" in done.stdout
    assert "line 4: unknown_item" in done.stdout
    shown = json.loads(CliRunner().invoke(command, [str(file), "--json"], env=environment).stdout)
    assert len(shown["results"]) == 8
    file.write_text(json.dumps(FORESEEN[3]))
    assert CliRunner().invoke(command, [str(file)], env=environment).exit_code == 0


def test_a_file_is_validated_by_the_contract_where_no_suite_runs(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(FORESEEN[3]) + "\n{}\n")
    done = CliRunner().invoke(command, [str(file), "--dir", str(tmp_path)], env={"HALLPULSE_DATABASE_URL": ""})
    assert done.exit_code == 1
    assert "Checked against the contract alone" in done.stderr
    assert "line 2: bad-envelope: specversion" in done.stderr
