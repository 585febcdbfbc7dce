"""Whatever arrives: an event or a refusal, never an exception, and both looks at an event agree."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, _fast, decode_events, decode_message
from hallpulse.contract.encode import encode_batch, encode_event, event_json
from hallpulse.contract.events import EventType, HallEvent
from hallpulse.contract.examine import examine
from hallpulse.contract.examples import example
from hallpulse.contract.reasons import Refusal
from hallpulse.contract.validation import personal_field
from tests.hall_events import NOW
from tests.strategies import hall_events, json_values

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def checked(body: bytes) -> HallEvent | Refusal:
    """The outcome, after checking all that must hold of any."""
    (outcome,) = decode_events(body, content_type=EVENT_TYPE, now=NOW)
    assert outcome == examine(body, NOW)
    assert _fast(body, NOW) in (None, outcome)
    if isinstance(outcome, Refusal):
        assert outcome.body == body
        assert (outcome.field + outcome.detail + outcome.source).isprintable()
    return outcome


@fuzz
@given(st.binary() | st.text().map(str.encode), st.sampled_from([EVENT_TYPE, BATCH_TYPE, None, "x"]), st.text())
def test_any_bytes_are_refused_or_taken(body: bytes, content_type: str | None, text: str) -> None:
    checked(body)
    decoded = decode_message(body, content_type=content_type, routing_key=text, user_id=text, now=NOW)
    assert decoded.events == []
    assert decoded.refusals


@fuzz
@given(json_values())
def test_any_json_is_refused_or_taken(value: Any) -> None:
    checked(json.dumps(value).encode())
    for outcome in decode_events(json.dumps([value]).encode(), content_type=BATCH_TYPE, now=NOW):
        assert isinstance(outcome, Refusal)


@fuzz
@given(st.sampled_from(EventType), st.data(), json_values(), st.booleans())
def test_an_event_with_anything_in_any_place_is_refused_or_taken(
    kind: EventType, data: st.DataObject, value: Any, escaped: bool
) -> None:
    event = example(kind)
    place = event["data"] if "data" in event and data.draw(st.booleans()) else event
    place[data.draw(st.sampled_from(sorted(place)) | st.text(max_size=25))] = value
    checked(json.dumps(event, ensure_ascii=escaped).encode(errors="surrogatepass"))


@fuzz
@given(st.sampled_from(EventType), st.data())
def test_an_event_with_bytes_changed_is_refused_or_taken(kind: EventType, data: st.DataObject) -> None:
    body = json.dumps(example(kind), ensure_ascii=data.draw(st.booleans())).encode()
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 8)))
    inserts = st.binary(max_size=8) | st.sampled_from([b'"', b":", b",", b"{", b"}", b"\\", b"\\u0000", b" ", body])
    checked(body[:start] + data.draw(inserts) + body[end:])


@fuzz
@given(st.sampled_from(EventType), st.data())
def test_an_event_with_a_field_twice_never_passes(kind: EventType, data: st.DataObject) -> None:
    event = example(kind)
    place = event["data"] if "data" in event and data.draw(st.booleans()) else event
    name = data.draw(st.sampled_from(sorted(place)))
    text = json.dumps(event)
    value = json.dumps(data.draw(st.sampled_from([place[name], None, False, 1, "x"])))
    doubled = text.replace(f'"{name}":', f'"{name}": {value}, "{name}":', 1)
    outcome = checked(doubled.encode())
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "duplicate-field"


@fuzz
@given(hall_events())
def test_an_event_survives_being_written_and_read(event: HallEvent) -> None:
    assume(personal_field(event, json.loads(event.extra) if event.extra else None) is None)
    assert checked(encode_event(event)) == event
    assert checked(json.dumps(event_json(event)).encode()) == event
    assert decode_events(encode_batch([event, event]), content_type=BATCH_TYPE, now=NOW) == [event, event]
