from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, MAX_BODY, Decoded, Refusal, decode_events, decode_message
from hallpulse.contract.events import Accepted, EventType, HallEvent, Heartbeat, ItemPublished
from hallpulse.contract.examples import example
from hallpulse.contract.reasons import Reason
from hallpulse.domain.indicators import COMPUTED
from tests.hall_events import BODY, DAY, NOW, RECEIVED, RETRACTED, accepted, changed, decoded_bytes, refused

WORKED = Path(__file__).parents[3] / "shared" / "data" / "worked" / "events.ndjson"


def message(event: Any, key: str = "222424.hall-1.case", user: str | None = "222424.hall-1") -> Decoded:
    body = json.dumps(event).encode()
    kind = BATCH_TYPE if isinstance(event, list) else EVENT_TYPE
    return decode_message(
        body, content_type=kind, routing_key=key, user_id=user, now=NOW, gateway_users=frozenset({"gateway"})
    )


@pytest.mark.parametrize("kind", list(EventType))
def test_every_type_decodes(kind: EventType) -> None:
    event = accepted(example(kind))
    assert (event.region, event.hall, event.type) == (222424, "hall-1", kind)


def test_what_an_event_says_is_what_was_sent() -> None:
    event = accepted(changed(EventType.CASE_ACCEPTED, {"unified": False, "promised_days": 3, "commitment": None}))
    assert event.data == Accepted("WQ-2023-000094", unified=False, tolerated_missing=True, promised_days=3)
    assert event.time == 1_685_669_400_000_000
    assert event.extra is None


def test_a_heartbeat_needs_no_data() -> None:
    nothings: list[dict[str, Any]] = [{}, {"data": None}, {"data": {}}]
    for nothing in nothings:
        assert accepted({**example(EventType.HEARTBEAT), **nothing}).data == Heartbeat()


def test_null_means_left_out() -> None:
    with_nulls = changed(RECEIVED, {"unified": None, "statutory_days": None}, subject=None, traceparent=None)
    without = changed(RECEIVED, {"unified": ..., "statutory_days": ...})
    assert accepted(with_nulls) == accepted(without)


def test_extensions_and_subject_are_kept_as_canonical_json() -> None:
    event = accepted(changed(zone="乙", subject="s", answer=42, flag=True, nothing=None, dataschema="urn:x:y"))
    assert event.extra == '{"answer":42,"dataschema":"urn:x:y","flag":true,"subject":"s","zone":"乙"}'.encode()


def test_tracing_and_the_only_content_type_are_taken_and_not_kept() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for content_type in ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"):
        event = changed(traceparent=parent, tracestate="a=b", datacontenttype=content_type)
        assert accepted(event) == accepted(changed())


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2023-06-02T09:30:00+08:00", 0),
        ("2023-06-02T01:30:00Z", 0),
        ("2023-06-02t01:30:00z", 0),
        ("2023-06-01T15:30:00-10:00", 0),
        ("2023-06-02T01:30:00-00:00", 0),
        ("2023-06-02T09:30:00.5+08:00", 500_000),
        ("2023-06-02T09:30:00.123456789+08:00", 123_456),
        ("2023-06-02T09:30:00.99999999999999999999+08:00", 999_999),
    ],
)
def test_times_are_rfc_3339_and_cut_to_the_microsecond(text: str, microseconds: int) -> None:
    assert accepted(changed(time=text)).time == 1_685_669_400_000_000 + microseconds


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2017-01-01T07:59:60+08:00", "2016-12-31T15:59:60-08:00"])
def test_a_leap_second_counts_as_the_second_after_it(text: str) -> None:
    assert accepted(changed(time=text)) == accepted(changed(time="2017-01-01T00:00:00Z"))
    assert accepted(changed(time=text.replace(":60", ":60.25"))).time == 1_483_228_800_250_000


@pytest.mark.parametrize("written", ["20.0", "2e1", "20.000", "0.2E+2"])
def test_a_number_without_a_fraction_is_a_whole_one_however_it_is_written(written: str) -> None:
    body = BODY.replace('"promised_days": 5', f'"promised_days": {written}')
    assert decoded_bytes(body.encode()) == accepted(changed(RECEIVED, {"promised_days": 20}))
    assert accepted(changed(answer=42.0)) == accepted(changed(answer=42))


@pytest.mark.parametrize(
    "text",
    [
        "2023-06-02T09:30:00",
        "2023-06-02",
        "2023-06-02 09:30:00+08:00",
        "2023-06-02T09:30+08:00",
        "2023-06-02T09:30:00+0800",
        "2023-06-02T09:30:00+24:00",
        "2023-06-02T09:30:00+08:60",
        "2023-02-30T09:30:00+08:00",
        "2023-06-02T24:00:00+08:00",
        "2023-W22-5T09:30:00+08:00",
        "2023-06-02T093000.0+08:00",
        "２０23-06-02T09:30:00+08:00",
        "2023-06-02T09:30:00+08:00\n",
        "yesterday",
        "",
        1_685_669_400,
    ],
)
def test_other_times_are_refused(text: Any) -> None:
    refused(changed(time=text), Reason.BAD_TIME, "time")


def test_24_hours_ahead_of_the_clock_are_the_limit() -> None:
    assert accepted(changed(time="2023-11-15T22:13:20Z")).time == NOW + DAY
    refused(changed(time="2023-11-15T22:13:20.000001Z"), Reason.TIME_IN_FUTURE, "time")


def test_1992_is_the_first_year() -> None:
    accepted(changed(time="1992-01-01T00:00:00+08:00"))
    refused(changed(time="1991-12-31T23:59:59+08:00"), Reason.TIME_OUT_OF_RANGE, "time")
    refused(changed(time="0001-01-01T00:00:00+08:00"), Reason.TIME_OUT_OF_RANGE, "time")


def test_escapes_in_ordinary_text_change_nothing() -> None:
    assert accepted(changed(), ensure_ascii=True) == accepted(changed(), ensure_ascii=False)
    quoted = changed(RETRACTED, {"reason": 'a "b" \\ c / d: e\n\tf'})
    assert accepted(quoted).data.reason == 'a "b" \\ c / d: e\n\tf'  # type: ignore[attr-defined]


def test_instant_items_promise_nothing_or_0() -> None:
    for days in (0, ..., None):
        event = accepted(changed(EventType.ITEM_PUBLISHED, {"handling": "instant", "promised_days": days}))
        assert isinstance(event.data, ItemPublished)
    refused(changed(EventType.ITEM_PUBLISHED, {"handling": "instant"}), Reason.BAD_FIELD, "data.promised_days")


@pytest.mark.parametrize("indicator", [*COMPUTED, "cases_open"])
def test_nobody_declares_a_figure_that_is_computed(indicator: str) -> None:
    refused(changed(EventType.FIGURE_REPORTED, {"indicator": indicator}), Reason.BAD_FIELD, "data.indicator")


@pytest.mark.parametrize("period", ["2023", "2023-02", "2020-02-29", "1992-12-31", "2023-11", "2023-11-15"])
def test_periods_that_exist(period: str) -> None:
    accepted(changed(EventType.FIGURE_REPORTED, {"period": period}))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json; charset=utf-8",
        'Application/CloudEvents+JSON;charset="UTF-8"',
        "application/cloudevents+json ; profile=x",
    ],
)
def test_content_types_may_carry_parameters(content_type: str) -> None:
    assert isinstance(decoded_bytes(BODY.encode(), content_type), HallEvent)


@pytest.mark.parametrize("content_type", [None, "", "application/json", EVENT_TYPE + "; charset=gbk"])
def test_other_content_types_are_refused(content_type: str | None) -> None:
    outcome = decoded_bytes(BODY.encode(), content_type)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.body) == (Reason.BAD_CONTENT_TYPE, BODY.encode())


def test_4_mib_are_the_limit() -> None:
    body = BODY.encode() + b" " * (MAX_BODY - len(BODY.encode()))
    assert isinstance(decoded_bytes(body), HallEvent)
    outcome = decoded_bytes(body + b" ")
    assert isinstance(outcome, Refusal)
    assert outcome.reason is Reason.TOO_LARGE


def test_of_a_batch_only_the_bad_ones_are_refused_each_with_its_own_bytes() -> None:
    odd = b'{ "id" : 1 }'
    broken = BODY.encode().replace(b"window", b"win\xffdow")
    body = b"[" + BODY.encode() + b", " + odd + b",\n" + broken + b"," + BODY.encode() + b"]"
    first, second, third, fourth = decode_events(body, content_type=BATCH_TYPE, now=NOW)
    assert first == fourth == decoded_bytes(BODY.encode())
    assert isinstance(second, Refusal)
    assert isinstance(third, Refusal)
    assert (second.reason, second.body) == (Reason.BAD_ENVELOPE, odd)
    assert (third.reason, third.body) == (Reason.NOT_JSON, broken)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", Reason.BAD_BATCH),
        (b"[" + b",".join([BODY.encode()] * 1001) + b"]", Reason.BAD_BATCH),
        (BODY.encode(), Reason.BAD_BATCH),
        (b"1", Reason.BAD_BATCH),
        (b"[{}", Reason.NOT_JSON),
        (b"", Reason.NOT_JSON),
        (b"[" * 100_000 + b"]" * 100_000, Reason.NOT_JSON),
    ],
    ids=range(7),
)
def test_what_is_no_batch_is_refused_whole(body: bytes, reason: Reason) -> None:
    outcome = decoded_bytes(body, BATCH_TYPE)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.body) == (reason, body)


def test_a_batch_holds_1000_events() -> None:
    body = b"[" + b",".join([BODY.encode()] * 1000) + b"]"
    assert len(decode_events(body, content_type=BATCH_TYPE, now=NOW)) == 1000


def test_a_hall_speaks_for_itself() -> None:
    assert len(message(changed()).events) == 1
    assert len(message([changed(), changed()]).events) == 2


@pytest.mark.parametrize(
    ("key", "user", "reason"),
    [
        ("222424.hall-1.case", None, Reason.PUBLISHER_UNIDENTIFIED),
        ("222424.hall-1.case", "", Reason.PUBLISHER_UNIDENTIFIED),
        ("222424.hall-1.case", "222424.hall-2", Reason.SOURCE_MISMATCH),
        ("222424.hall-1.case", "222401.hall-1", Reason.SOURCE_MISMATCH),
        ("222424.hall-1.case", "guest", Reason.SOURCE_MISMATCH),
        ("222424.hall-2.case", "222424.hall-1", Reason.ROUTING_MISMATCH),
        ("222424.hall-1.item", "222424.hall-1", Reason.ROUTING_MISMATCH),
        ("222424.hall-1.case.x", "222424.hall-1", Reason.ROUTING_MISMATCH),
        ("222424.hall-1", "222424.hall-1", Reason.ROUTING_MISMATCH),
        ("", "222424.hall-1", Reason.ROUTING_MISMATCH),
        ("222424.hall-2.case", "gateway", Reason.ROUTING_MISMATCH),
    ],
)
def test_who_may_not_say_it_is_refused(key: str, user: str | None, reason: Reason) -> None:
    events, refusals = message([changed(), changed(RECEIVED, {"channel": "fax"})], key, user)
    assert events == []
    assert [refusal.reason for refusal in refusals] == [reason, reason]
    assert refusals[0].source == "/222424/hall-1"
    assert json.loads(refusals[0].body) == changed()


def test_the_gateway_speaks_for_any_hall() -> None:
    assert len(message(changed(), user="gateway").events) == 1
    assert len(message(changed(EventType.HEARTBEAT), "222424.hall-1.heartbeat", "gateway").events) == 1


def test_a_batch_may_not_smuggle_in_another_hall() -> None:
    events, refusals = message([changed(), changed(source="/222401/hall-1"), changed(EventType.ITEM_PUBLISHED)])
    assert len(events) == 1
    assert [refusal.reason for refusal in refusals] == [Reason.SOURCE_MISMATCH, Reason.ROUTING_MISMATCH]


@pytest.mark.skipif(not WORKED.exists(), reason="the worked example is not at hand")
def test_the_worked_example_decodes() -> None:
    late = NOW + 4 * 365 * DAY
    outcomes = [decode_events(line, content_type=EVENT_TYPE, now=late)[0] for line in WORKED.read_bytes().splitlines()]
    assert [outcome for outcome in outcomes if isinstance(outcome, Refusal)] == []
