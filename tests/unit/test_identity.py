"""Who sent an event is looked at before anything else, and again when it is sent again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pika.spec import BasicProperties

from hallpulse.broker.deliveries import origin_of
from hallpulse.broker.rejections import Rejection
from hallpulse.broker.replay import RefusedMessage
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, Decoded, decode_message
from hallpulse.contract.events import EventType
from hallpulse.contract.identity import claim_of
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.store import Grant
from hallpulse.store.registry import Hall
from services.console.refusals.vouching import Vouched, Vouching
from services.gateway.events import take_in
from services.ingest.worker import is_stranger
from tests.forgeries import BY_HTTP, FAULTS, FORGERIES, SENDER, Forgery, Message, batch, events, single
from tests.hall_events import NOW, changed

LATER = 1_900_000_000_000_000
GATEWAYS = frozenset({"gateway", "operator"})
GRANT = Grant("hall", 222424, "hall-1", families=("case", "tally", "heartbeat"))
SHAPES: dict[str, Callable[[Any, Reason], Message]] = {"single": single, "batch": batch}
ADDED = datetime(2026, 1, 1, tzinfo=UTC)
REGISTRY = (Hall(222424, "hall-1", ("case", "tally", "heartbeat"), ADDED), Hall(222424, "hall-2", ("item",), ADDED))


def received(message: Message, key: str = f"{SENDER}.case", user: str | None = SENDER, now: int = LATER) -> Decoded:
    return decode_message(
        message.body, content_type=message.content_type, routing_key=key, user_id=user, now=now, gateway_users=GATEWAYS
    )


def sent(forgery: Forgery, message: Message) -> Decoded:
    user = forgery.user and forgery.user.format(hall=SENDER)
    return received(message, forgery.key.format(hall=SENDER), user)


@pytest.mark.attack
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_event_is_refused_as_forged_whatever_else_is_wrong_with_it(name: str, shape: str) -> None:
    forgery = FORGERIES[name]
    for event in events(forgery, "f"):
        for fault in FAULTS:
            taken, refusals = sent(forgery, SHAPES[shape](event, fault))
            assert taken == []
            assert {refusal.reason for refusal in refusals} == {forgery.reason}, (event["type"], fault)


@pytest.mark.attack
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BY_HTTP)
def test_what_a_token_forges_is_refused_as_forged_by_the_gateway_and_by_the_ingest(name: str, shape: str) -> None:
    forgery = FORGERIES[name]
    for event in events(forgery, "f"):
        for fault in FAULTS:
            message = SHAPES[shape](event, fault)
            intake = take_in(message.body, message.content_type, GRANT, LATER)
            assert {result.reason for result in intake.results} == {forgery.reason}, (event["type"], fault)
            for copy in intake.messages:
                taken, refusals = received(Message(copy.body, copy.content_type), copy.routing_key, "gateway")
                assert taken == []
                assert {refusal.reason for refusal in refusals} == {forgery.reason}, (event["type"], fault)


def test_an_honest_hall_is_told_what_is_wrong() -> None:
    event = changed(source="/222424/hall-1", time="2026-02-11T08:20:10+08:00")
    for fault in FAULTS.keys() - {Reason.ID_REUSED, Reason.BAD_DATE, Reason.FUTURE_PERIOD, Reason.BAD_REGION}:
        for shape in SHAPES.values():
            message = shape(event, fault)
            assert {refusal.reason for refusal in received(message).refusals} == {fault}
            by_token = take_in(message.body, message.content_type, GRANT, LATER)
            assert {result.reason for result in by_token.results} == {fault}
            for copy in by_token.messages:
                again = received(Message(copy.body, copy.content_type), copy.routing_key, "gateway")
                assert {refusal.reason for refusal in again.refusals} == {fault}


def test_of_a_batch_only_the_forged_events_are_refused_as_forged() -> None:
    mine, foreign = changed(source="/222424/hall-1"), changed(source="/222424/hall-2", time="now")
    wrong = changed(source="/222424/hall-1", time="now")
    taken, refusals = received(Message(json.dumps([mine, foreign, wrong]).encode(), BATCH_TYPE))
    assert len(taken) == 1
    assert [refusal.reason for refusal in refusals] == [Reason.SOURCE_MISMATCH, Reason.BAD_TIME]


@pytest.mark.parametrize(
    "body",
    [
        b'{"source": "/222424/hall-2"',
        b'{"so\\u0075rce": "/222424/hall-2"',
        b'{"source" :\n "\\/222424\\/hall-2", ',
        b'{"x": NaN, "source": "/222424/hall-2"',
        b'\xff{"source": "/222424/hall-2"}',
        '{"source": "/222424/hall-2"}'.encode("utf-16"),
        '{"source": "/222424/hall-2"'.encode("utf-32-le"),
        b'\xef\xbb\xbf{"source": "/222424/hall-2"}',
        json.dumps(json.dumps({"source": "/222424/hall-2"})).encode(),
        b'{"source": "/222424/hall-2"}{"source": "/222424/hall-1"}',
        b'{"source": "/222424/hall-2", "source": "/222424/hall-1"}',
        b'[{"source": "/222424/hall-1"}, {"source": "/222424/hall-2"}]',
        b'{"a": ' + b"[" * 100_000 + b', "source": "/222424/hall-2"',
        b'{"n": ' + b"1" * 5000 + b', "source": "/222424/hall-2"}',
    ],
    ids=range(14),
)
def test_a_source_is_read_from_what_is_no_event(body: bytes) -> None:
    assert "/222424/hall-2" in claim_of(body).sources
    assert {one.reason for one in received(Message(body, EVENT_TYPE)).refusals} == {Reason.SOURCE_MISMATCH}


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"\xff\xfe", b"null", b"{}", b'{"source": 7}', b'{"data": {"source": "x"}}']
)
def test_where_no_source_can_be_read_the_publishers_counts(body: bytes) -> None:
    assert claim_of(body).sources == frozenset()
    assert {one.reason for one in received(Message(body, EVENT_TYPE)).refusals} <= {
        Reason.NOT_JSON, Reason.BAD_ENVELOPE,
    }  # fmt: skip
    assert received(Message(body, EVENT_TYPE), "222424.hall-2.case").refusals[0].reason is Reason.ROUTING_MISMATCH


@pytest.mark.attack
@pytest.mark.parametrize(
    "piece", [b"\\", b'"source"', b'"source":"', b'"source" ', b'\\"type\\":', b"[", b'{"source":']
)
def test_reading_a_source_takes_no_time_whatever_the_body(piece: bytes) -> None:
    body = piece * (4 * 1024 * 1024 // len(piece))
    began = time.process_time()
    claim_of(body)
    assert time.process_time() - began < 5


@pytest.mark.attack
@pytest.mark.parametrize(
    ("user", "app", "found"),
    [
        ("operator", "on-behalf-of:222424.hall-1", "operator for 222424.hall-1"),
        ("operator", "on-behalf-of:", "operator for ?"),
        ("operator", "on-behalf-of:gateway", "operator for ?"),
        ("operator", "another program", "operator"),
        ("222424.hall-1", "on-behalf-of:222424.hall-2", "222424.hall-1"),
        (None, "on-behalf-of:222424.hall-2", None),
        ("", "on-behalf-of:222424.hall-2", ""),
        ("operator", "hallpulse import", "operator importing"),
        ("222424.hall-1", "hallpulse import", "222424.hall-1"),
        ("county.222424", "hallpulse import", "county.222424"),
        (None, "hallpulse import", None),
    ],
)
def test_only_who_is_no_hall_speaks_on_behalf_of_one(user: str | None, app: str, found: str | None) -> None:
    assert origin_of("k", BasicProperties(user_id=user, app_id=app)).user_id == found


@pytest.mark.attack
@pytest.mark.parametrize(
    ("user", "source", "key", "reason"),
    [
        ("operator for 222424.hall-1", "/222424/hall-1", "222424.hall-1.case", None),
        ("operator for 222424.hall-1", "/222424/hall-2", "222424.hall-2.case", Reason.SOURCE_MISMATCH),
        ("operator for 222424.hall-1", "/222424/hall-2", "222424.hall-1.case", Reason.SOURCE_MISMATCH),
        ("operator for 222424.hall-1", "/222424/hall-1", "222424.hall-2.case", Reason.ROUTING_MISMATCH),
        ("operator for 222424.hall-1", "/222424/hall-1", "222424.hall-1.item", Reason.ROUTING_MISMATCH),
        ("operator for ?", "/222424/hall-1", "222424.hall-1.case", Reason.SOURCE_MISMATCH),
        ("stranger for 222424.hall-1", "/222424/hall-1", "222424.hall-1.case", Reason.SOURCE_MISMATCH),
        ("operator", "/222424/hall-2", "222424.hall-2.case", None),
    ],
)
def test_what_is_sent_on_behalf_of_a_hall_is_held_to_it(
    user: str, source: str, key: str, reason: Reason | None
) -> None:
    taken, refusals = received(Message(json.dumps(changed(source=source)).encode(), EVENT_TYPE), key, user)
    assert [refusal.reason for refusal in refusals] == ([] if reason is None else [reason])
    assert len(taken) == (reason is None)


def judged(body: bytes, reason: Reason, key: str = f"{SENDER}.case", user: str = SENDER) -> Vouched | Refusal:
    event = RefusedMessage("id", 1, body, reason, "", "expected", "", "", key, user)
    return Vouching(REGISTRY, GATEWAYS).judge(event, LATER)


def test_what_was_refused_for_its_time_is_sent_again_as_its_own_hall_and_by_its_own_key() -> None:
    body = json.dumps(changed(source="/222424/hall-1", id="e")).encode()
    assert (
        received(Message(body, EVENT_TYPE), now=NOW - 365 * 86_400_000_000).refusals[0].reason is Reason.TIME_IN_FUTURE
    )
    right = Vouched(SENDER, f"{SENDER}.case", "/222424/hall-1", "e")
    assert judged(body, Reason.TIME_IN_FUTURE) == right
    assert judged(body, Reason.TIME_IN_FUTURE, f"{SENDER}.refused", "gateway") == right
    assert judged(body, Reason.TIME_IN_FUTURE, user="operator for 222424.hall-1") == right


@pytest.mark.attack
@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("reason", Reason)
def test_no_reason_makes_a_forgery_fit_to_be_sent_again(reason: Reason, name: str) -> None:
    forgery = FORGERIES[name]
    user, key = (forgery.user or "").format(hall=SENDER), forgery.key.format(hall=SENDER)
    for event in events(forgery, "f"):
        body = json.dumps(event).encode()
        found = [judged(body, reason, key, user)]
        found += [judged(body, reason, f"{SENDER}.{last}", "gateway") for last in ("refused", "denied")] * (
            name in BY_HTTP
        )
        for one in found:
            assert isinstance(one, Refusal)
            assert one.reason is forgery.reason


@pytest.mark.attack
@pytest.mark.parametrize(
    ("hall", "kind", "user"),
    [
        ("hall-2", EventType.CASE_RECEIVED, "222424.hall-2"),  # no longer granted
        ("hall-3", EventType.CASE_RECEIVED, "222424.hall-3"),  # no longer registered
        ("hall-3", EventType.CASE_RECEIVED, "operator"),
        ("hall-1", EventType.ITEM_RETIRED, "operator"),
        ("hall-1", EventType.CASE_RECEIVED, "222424.hall-1 for 222424.hall-2"),
        ("hall-1", EventType.CASE_RECEIVED, "guest"),
    ],
)
def test_what_its_hall_may_not_send_now_is_withheld(hall: str, kind: EventType, user: str) -> None:
    event = changed(kind, source=f"/222424/{hall}")
    key = f"222424.{hall}.{kind.family}"
    found = judged(json.dumps(event).encode(), Reason.TIME_IN_FUTURE, key, user)
    assert isinstance(found, Refusal)
    assert found.reason in (Reason.SOURCE_MISMATCH, Reason.ROUTING_MISMATCH)


def test_an_id_that_was_used_for_something_else_is_never_sent_again() -> None:
    found = judged(json.dumps(changed(source="/222424/hall-1")).encode(), Reason.ID_REUSED)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.ID_REUSED


@pytest.mark.attack
@pytest.mark.parametrize(
    ("user", "key", "source", "reason"),
    [
        ("county.222424", "222424.hall-1.case", "/222424/hall-1", None),
        ("county.222424", "222424.new.case", "/222424/new", None),
        ("county.222424", "222424.hall-1.case", "/222424/hall-2", Reason.SOURCE_MISMATCH),
        ("county.222424", "222424.hall-1.case", "/222401/hall-1", Reason.SOURCE_MISMATCH),
        ("county.222424", "222401.hall-1.case", "/222401/hall-1", Reason.SOURCE_MISMATCH),
        ("county.222424", "222424.hall-1.item", "/222424/hall-1", Reason.ROUTING_MISMATCH),
        ("county.222424", "222424.hall-1.refused", "/222424/hall-1", Reason.ROUTING_MISMATCH),
        ("county.222424 for 222424.hall-1", "222424.hall-1.case", "/222424/hall-1", Reason.SOURCE_MISMATCH),
        ("gateway for county.222424", "222424.hall-1.case", "/222424/hall-1", Reason.SOURCE_MISMATCH),
        ("county.222400", "222424.hall-1.case", "/222424/hall-1", Reason.SOURCE_MISMATCH),
        ("county.222424.hall-1", "222424.hall-1.case", "/222424/hall-1", Reason.SOURCE_MISMATCH),
        ("county.2224240", "222424.hall-1.case", "/222424/hall-1", Reason.SOURCE_MISMATCH),
        ("xcounty.222424", "222424.hall-1.case", "/222424/hall-1", Reason.SOURCE_MISMATCH),
    ],
)
def test_a_countys_suite_speaks_for_the_halls_of_that_county_alone(
    user: str, key: str, source: str, reason: Reason | None
) -> None:
    event = changed(EventType.CASE_RECEIVED, source=source)
    taken, refusals = decode_message(
        json.dumps(event).encode(), content_type=EVENT_TYPE, routing_key=key, user_id=user,
        now=LATER, gateway_users=GATEWAYS,
    )  # fmt: skip
    assert [refusal.reason for refusal in refusals] == ([] if reason is None else [reason])
    assert len(taken) == (reason is None)


@pytest.mark.attack
@pytest.mark.parametrize(("user", "stranger"), [("county.222424", False), ("county.222400", True), ("222424.h", False)])
def test_a_countys_forgeries_do_not_stop_the_ingest_as_a_strangers_would(user: str, stranger: bool) -> None:
    refusal = Refusal(Reason.SOURCE_MISMATCH, "source", "-", "/222401/hall-1", b"{}")
    assert is_stranger(Rejection(refusal, "222424.hall-1.case", user)) is stranger
