from __future__ import annotations

import gzip
from typing import Any

import pytest

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.events import EventType
from hallpulse.contract.reasons import SENTENCES, Reason, Refusal
from tests.hall_events import BODY, RECEIVED, RETRACTED, changed, decoded_bytes, refused

LONG = "x" * 65
WRONG: list[tuple[Any, Reason, str]] = [
    ([], Reason.BAD_ENVELOPE, ""),
    (None, Reason.BAD_ENVELOPE, ""),
    ("text", Reason.BAD_ENVELOPE, ""),
    ({}, Reason.BAD_ENVELOPE, "specversion"),
    (changed(specversion="0.3"), Reason.BAD_ENVELOPE, "specversion"),
    (changed(specversion=1.0), Reason.BAD_ENVELOPE, "specversion"),
    (changed(id=...), Reason.BAD_ENVELOPE, "id"),
    (changed(id=None), Reason.BAD_ENVELOPE, "id"),
    (changed(id=""), Reason.BAD_ENVELOPE, "id"),
    (changed(id=7), Reason.BAD_ENVELOPE, "id"),
    (changed(id=LONG), Reason.BAD_ENVELOPE, "id"),
    (changed(id="a\x00b"), Reason.BAD_ENVELOPE, "id"),
    (changed(id="a\n"), Reason.BAD_ENVELOPE, "id"),
    (changed(id="a\x7f"), Reason.BAD_ENVELOPE, "id"),
    (changed(source=...), Reason.BAD_ENVELOPE, "source"),
    (changed(source="222424/hall-1"), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/222424"), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/222424/"), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/222424/Hall"), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/222424/a/b"), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/222424/hall\n"), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/222424/" + "h" * 41), Reason.BAD_ENVELOPE, "source"),
    (changed(source=["/222424/hall-1"]), Reason.BAD_ENVELOPE, "source"),
    (changed(source="/22242/hall-1"), Reason.BAD_REGION, "source"),
    (changed(source="/2224241/hall-1"), Reason.BAD_REGION, "source"),
    (changed(source="/222400/hall-1"), Reason.BAD_REGION, "source"),
    (changed(source="/220000/hall-1"), Reason.BAD_REGION, "source"),
    (changed(source="/022424/hall-1"), Reason.BAD_REGION, "source"),
    (changed(source="/992424/hall-1"), Reason.BAD_REGION, "source"),
    (changed(source="/２22424/hall-1"), Reason.BAD_REGION, "source"),
    (changed(type=...), Reason.BAD_ENVELOPE, "type"),
    (changed(type="hall.case.received.v2"), Reason.UNKNOWN_TYPE, "type"),
    (changed(type="hall.case.exploded.v1"), Reason.UNKNOWN_TYPE, "type"),
    (changed(type={}), Reason.UNKNOWN_TYPE, "type"),
    (changed(time=...), Reason.BAD_ENVELOPE, "time"),
    (changed(subject=""), Reason.BAD_ENVELOPE, "subject"),
    (changed(subject="a\x00"), Reason.BAD_ENVELOPE, "subject"),
    (changed(datacontenttype="text/xml"), Reason.BAD_ENVELOPE, "datacontenttype"),
    (changed(traceparent=1), Reason.BAD_ENVELOPE, "traceparent"),
    (changed(myext={"a": 1}), Reason.BAD_ENVELOPE, "myext"),
    (changed(myext=[1]), Reason.BAD_ENVELOPE, "myext"),
    (changed(myext=1.5), Reason.BAD_ENVELOPE, "myext"),
    (changed(myext=2**31), Reason.BAD_ENVELOPE, "myext"),
    (changed(myext="a\x00b"), Reason.BAD_ENVELOPE, "myext"),
    (changed(myext="x" * 9000), Reason.BAD_ENVELOPE, "myext"),
    (changed(data_base64="AAAA"), Reason.UNKNOWN_ATTRIBUTE, "data_base64"),
    (changed(data_base64=None), Reason.UNKNOWN_ATTRIBUTE, "data_base64"),
    ({**changed(), "caseId": "x"}, Reason.UNKNOWN_ATTRIBUTE, "caseId"),
    ({**changed(), "x" * 21: "x"}, Reason.UNKNOWN_ATTRIBUTE, "x" * 21),
    ({**changed(), "": "x"}, Reason.UNKNOWN_ATTRIBUTE, ""),
    ({**changed(), "a\n": "x"}, Reason.UNKNOWN_ATTRIBUTE, "a?"),
    ({**changed(), "data": ["a"]}, Reason.BAD_FIELD, "data"),
    ({**changed(), "data": "{}"}, Reason.BAD_FIELD, "data"),
    ({**changed(), "data": None}, Reason.MISSING_FIELD, "data"),
    ({**changed(), "data": {}}, Reason.MISSING_FIELD, "data.case_id"),
    (changed(RECEIVED, {"item_code": ...}), Reason.MISSING_FIELD, "data.item_code"),
    (changed(RECEIVED, {"name": "x"}), Reason.UNKNOWN_FIELD, "data.name"),
    (changed(RECEIVED, {"name": None}), Reason.UNKNOWN_FIELD, "data.name"),
    (changed(RECEIVED, {"a\x00": 1}), Reason.UNKNOWN_FIELD, "data.a?"),
    ({**changed(EventType.HEARTBEAT), "data": {"a": 1}}, Reason.UNKNOWN_FIELD, "data.a"),
    (changed(RECEIVED, {"case_id": None}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"case_id": ""}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"case_id": LONG}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"case_id": 12}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"case_id": " a"}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"case_id": "a\u3000"}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"case_id": "a\n"}), Reason.BAD_FIELD, "data.case_id"),
    (changed(RECEIVED, {"department": "a\x00b"}), Reason.BAD_FIELD, "data.department"),
    (changed(RECEIVED, {"department": "a\x7fb"}), Reason.BAD_FIELD, "data.department"),
    (changed(RECEIVED, {"channel": "fax"}), Reason.BAD_FIELD, "data.channel"),
    (changed(RECEIVED, {"channel": ["window"]}), Reason.BAD_FIELD, "data.channel"),
    (changed(RECEIVED, {"unified": 1}), Reason.BAD_FIELD, "data.unified"),
    (changed(RECEIVED, {"unified": "true"}), Reason.BAD_FIELD, "data.unified"),
    (changed(RECEIVED, {"promised_days": True}), Reason.BAD_FIELD, "data.promised_days"),
    (changed(RECEIVED, {"promised_days": 1.5}), Reason.BAD_FIELD, "data.promised_days"),
    (changed(EventType.CASE_RATED, {"channel": "post"}), Reason.BAD_FIELD, "data.channel"),
    (changed(EventType.CASE_RATED, {"automatic": 1}), Reason.BAD_FIELD, "data.automatic"),
    (changed(EventType.CASE_RATING_ANSWERED, {"rectified": ...}), Reason.MISSING_FIELD, "data.rectified"),
    (changed(RECEIVED, {"corrects": ""}), Reason.BAD_FIELD, "data.corrects"),
    (changed(RECEIVED, {"corrects": LONG}), Reason.BAD_FIELD, "data.corrects"),
    (changed(RECEIVED, {"corrects": "a\n"}), Reason.BAD_FIELD, "data.corrects"),
    (changed(RECEIVED, {"corrects": 7}), Reason.BAD_FIELD, "data.corrects"),
    (changed(RECEIVED, {"corrects": "13800138000"}), Reason.PERSONAL_DATA, "data.corrects"),
    (changed(EventType.CASE_DELIVERED, {"corrects": "13800138000"}), Reason.PERSONAL_DATA, "data.corrects"),
    (changed(EventType.ITEM_RETIRED, {"corrects": "13800138000"}), Reason.PERSONAL_DATA, "data.corrects"),
    ({**changed(EventType.HEARTBEAT), "data": {"corrects": "x"}}, Reason.UNKNOWN_FIELD, "data.corrects"),
    (changed(EventType.FIGURE_REPORTED, {"numerator": -1}), Reason.BAD_FIELD, "data.numerator"),
    (changed(EventType.FIGURE_REPORTED, {"denominator": -1}), Reason.BAD_FIELD, "data.denominator"),
    (changed(time="2023-06-02T09:30:60+08:00"), Reason.BAD_TIME, "time"),
    (changed(time="2023-06-02T07:59:61+08:00"), Reason.BAD_TIME, "time"),
    (changed(RECEIVED, {"promised_days": "5"}), Reason.BAD_FIELD, "data.promised_days"),
    (changed(RECEIVED, {"promised_days": -1}), Reason.BAD_FIELD, "data.promised_days"),
    (changed(RECEIVED, {"promised_days": 10**30}), Reason.BAD_FIELD, "data.promised_days"),
    (changed(EventType.CASE_SUSPENDED, {"procedure": "holiday"}), Reason.BAD_FIELD, "data.procedure"),
    (changed(EventType.CASE_EXTENDED, {"days": 0}), Reason.BAD_FIELD, "data.days"),
    (changed(EventType.CASE_RATED, {"score": 6}), Reason.BAD_FIELD, "data.score"),
    (changed(EventType.CASE_RATED, {"score": 0}), Reason.BAD_FIELD, "data.score"),
    (changed(EventType.CASE_DECIDED, {"outcome": "maybe"}), Reason.BAD_FIELD, "data.outcome"),
    (changed(RETRACTED, {"reason": "a\x00"}), Reason.BAD_FIELD, "data.reason"),
    (changed(RETRACTED, {"reason": "x" * 501}), Reason.BAD_FIELD, "data.reason"),
    (changed(EventType.ITEM_PUBLISHED, {"kind": "gift"}), Reason.BAD_FIELD, "data.kind"),
    (changed(EventType.ITEM_PUBLISHED, {"settled": "是"}), Reason.BAD_FIELD, "data.settled"),
    (changed(EventType.ITEM_PUBLISHED, {"effective_from": "2023-02-29"}), Reason.BAD_DATE, "data.effective_from"),
    (changed(EventType.ITEM_RETIRED, {"effective_from": "2026-02-30"}), Reason.BAD_DATE, "data.effective_from"),
    (changed(EventType.TALLY_REPORTED, {"date": "2023-13-01"}), Reason.BAD_DATE, "data.date"),
    (changed(EventType.TALLY_REPORTED, {"date": "2023-6-1"}), Reason.BAD_FIELD, "data.date"),
    (changed(EventType.TALLY_REPORTED, {"date": "2023-06-01\n"}), Reason.BAD_FIELD, "data.date"),
    (changed(EventType.TALLY_REPORTED, {"accepted": -1}), Reason.BAD_FIELD, "data.accepted"),
    (changed(EventType.TALLY_REPORTED, {"revision": ...}), Reason.MISSING_FIELD, "data.revision"),
    (changed(EventType.TALLY_RETRACTED, {"date": "0000-01-01"}), Reason.BAD_DATE, "data.date"),
    (changed(EventType.FIGURE_REPORTED, {"period": "2023-00"}), Reason.BAD_DATE, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"period": "2023-04-31"}), Reason.BAD_DATE, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"period": "0000"}), Reason.BAD_DATE, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"period": "2024"}), Reason.FUTURE_PERIOD, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"period": "2023-12"}), Reason.FUTURE_PERIOD, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"period": "2023-11-16"}), Reason.FUTURE_PERIOD, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"period": "2023Q1"}), Reason.BAD_FIELD, "data.period"),
    (changed(EventType.FIGURE_REPORTED, {"indicator": "Loss"}), Reason.BAD_FIELD, "data.indicator"),
    (changed(EventType.FIGURE_RETRACTED, {"period": "2023-13"}), Reason.BAD_DATE, "data.period"),
    (changed(id="13800138000"), Reason.PERSONAL_DATA, "id"),
    (changed(subject="13800138000"), Reason.PERSONAL_DATA, "subject"),
    (changed(phone="tel:13800138000"), Reason.PERSONAL_DATA, "phone"),
    (changed(RECEIVED, {"case_id": "110105-11010519491231002X"}), Reason.PERSONAL_DATA, "data.case_id"),
    (changed(RETRACTED, {"event_id": "11010519491231002X"}), Reason.PERSONAL_DATA, "data.event_id"),
    (changed(RETRACTED, {"reason": "电话138 0013 8000"}), Reason.PERSONAL_DATA, "data.reason"),
]


@pytest.mark.parametrize(
    ("event", "reason", "field"), WRONG, ids=lambda value: None if isinstance(value, dict) else str(value)[:30]
)
def test_what_is_wrong_is_named_with_its_place(event: Any, reason: Reason, field: str) -> None:
    plain = refused(event, reason, field, ensure_ascii=False)
    escaped = refused(event, reason, field)
    assert (plain.detail, plain.source) == (escaped.detail, escaped.source)


def test_a_refusal_says_what_was_expected_and_never_what_was_sent() -> None:
    refusal = refused(changed(RECEIVED, {"channel": "张三"}), Reason.BAD_FIELD, "data.channel")
    assert refusal.detail == "expected one of kiosk, mobile, online, post, window, got a text of 2 characters"
    assert refusal.source == "/222424/hall-1"
    refusal = refused(changed(RECEIVED, {"promised_days": 1.5}), Reason.BAD_FIELD, "data.promised_days")
    assert refusal.detail == "expected a whole number from 0 to 36500, got a number with a fraction"


@pytest.mark.parametrize(
    ("value", "got"),
    [(36501, "a greater one"), (-1, "a smaller one"), (1e300, "a greater number"), (10**30, "a greater one"),
     (True, "true"), ("5", "a text of 1 characters")],
)  # fmt: skip
def test_what_is_said_of_a_number_is_true(value: Any, got: str) -> None:
    refusal = refused(changed(RECEIVED, {"promised_days": value}), Reason.BAD_FIELD, "data.promised_days")
    assert refusal.detail == f"expected a whole number from 0 to 36500, got {got}"


@pytest.mark.parametrize(
    ("time", "got"),
    [
        ("2023-06-02", "a date without a time"),
        ("2023-06-02T09:30+08:00", "a time without seconds"),
        ("2023-06-02 09:30", "a time without seconds"),
        ("2023-06-02 09:30:00+08:00", "a blank instead of T"),
        ("2023-06-02T09:30:00", "a time without an offset"),
        ("2023-06-02T09:30:00.5", "a time without an offset"),
        ("2023-06-02T09:30:60+08:00", "a leap second that is not 23:59:60 UTC"),
        ("2023-02-30T09:30:00+08:00", "a time that does not exist"),
        ("2023年6月2日", "a text of 9 characters"),
        ("2" * 70, "a text of 70 characters"),
    ],
)
def test_a_time_that_is_none_is_told_the_form_and_what_is_wrong(time: str, got: str) -> None:
    refusal = refused(changed(time=time), Reason.BAD_TIME, "time")
    assert refusal.detail == (
        f"expected RFC 3339 with seconds and offset, such as 2026-03-02T09:30:00+08:00, got {got}"
    )


@pytest.mark.parametrize("content_type", [EVENT_TYPE, BATCH_TYPE])
@pytest.mark.parametrize(
    ("body", "got"),
    [
        (gzip.compress(BODY.encode()), "gzip: send it uncompressed"),
        (BODY.encode("utf-16"), "UTF-16"),
        (b"\xef\xbb\xbf" + BODY.encode(), "a byte order mark before it"),
    ],
)
def test_what_is_no_text_is_named(body: bytes, got: str, content_type: str) -> None:
    outcome = decoded_bytes(body, content_type)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.detail) == (Reason.NOT_JSON, f"expected JSON in UTF-8, got {got}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        BODY.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"specversion": NaN}',
        b'{"specversion": -Infinity}',
        b'{"specversion": ' + b"1" * 5000 + b"}",
        BODY.replace("hall-1", r"\ud800").encode(),
        BODY.replace("window", "win\x00dow").encode(),
        BODY.encode().replace(b"window", b"win\xffdow"),
        BODY.encode() + b"x",
    ],
    ids=range(14),
)
def test_what_is_no_json_is_refused_as_such(body: bytes) -> None:
    outcome = decoded_bytes(body)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.body) == (Reason.NOT_JSON, body)
    assert outcome.detail.isprintable()


def test_numbers_beyond_measure_are_refused_where_they_stand() -> None:
    body = BODY.replace('"promised_days": 5', '"promised_days": 1e999').encode()
    outcome = decoded_bytes(body)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.field) == (Reason.BAD_FIELD, "data.promised_days")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"promised_days": 5', '"promised_days": 5, "promised_days": 50', "data.promised_days"),
        ('"unified": true', '"unified": null, "unified": true', "data.unified"),
        ('"source"', '"source": "/222401/other", "source"', "source"),
        ('"source"', r'"so\u0075rce": "/222401/other", "source"', "source"),
    ],
)
def test_a_field_given_twice_is_refused(old: str, new: str, field: str) -> None:
    outcome = decoded_bytes(BODY.replace(old, new).encode())
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.field) == (Reason.DUPLICATE_FIELD, field)


def test_escaped_colons_do_not_hide_a_field_given_twice() -> None:
    body = BODY.replace("T09:30", r"T09\u003a30").replace('"unified"', '"unified": false, "unified"')
    outcome = decoded_bytes(body.encode())
    assert isinstance(outcome, Refusal)
    assert outcome.reason is Reason.DUPLICATE_FIELD


def test_every_reason_has_its_sentences() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(reason.zh.endswith("。") and reason.en.endswith(".") for reason in Reason)
