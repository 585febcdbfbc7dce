"""What a publisher makes of events."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_events, decode_message
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from hallpulse.contract.reasons import Reason
from hallpulse.contract.refusal import Refused
from hallpulse.publisher.message import Message, envelopes, message_of
from tests.hall_events import NOW, accepted, changed

KEY = "222424.hall-1.case"


@pytest.mark.parametrize("kind", EventType)
def test_an_event_goes_under_the_routing_key_that_the_contract_asks_for(kind: EventType) -> None:
    message = message_of(example(kind), NOW)
    _, region, hall = example(kind)["source"].split("/")
    decoded = decode_message(
        message.body,
        content_type=message.content_type,
        routing_key=message.routing_key,
        user_id=f"{region}.{hall}",
        now=NOW,
    )
    assert (len(decoded.events), decoded.refusals) == (1, [])


def test_json_is_sent_as_it_was_given() -> None:
    body = json.dumps(changed(source="/222424/hall-1", traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01"), indent=1)
    assert message_of(body.encode(), NOW) == Message(KEY, body.encode(), EVENT_TYPE, 1)


def test_an_event_object_is_sent_as_json() -> None:
    event = accepted(changed(source="/222424/hall-1"))
    message = message_of(event, NOW)
    assert decode_events(message.body, content_type=EVENT_TYPE, now=NOW) == [event]


def test_what_the_bureau_would_refuse_is_refused_at_once_and_says_why() -> None:
    with pytest.raises(Refused) as refused:
        message_of(changed(data={"channel": "fax"}), NOW)
    assert (refused.value.reason, refused.value.field) == (Reason.BAD_FIELD, "data.channel")


def test_an_envelope_holds_one_routing_key_and_a_hundred_events_at_most() -> None:
    messages = [Message(f"222424.hall-{n % 2}.case", b"%d" % n) for n in range(401)]
    made = list(envelopes(messages))
    assert sorted((m.routing_key, m.events) for m in made) == [
        ("222424.hall-0.case", 1), ("222424.hall-0.case", 100), ("222424.hall-0.case", 100),
        ("222424.hall-1.case", 100), ("222424.hall-1.case", 100),
    ]  # fmt: skip
    assert sum(m.events for m in made) == 401
    first = next(m for m in made if m.routing_key == "222424.hall-0.case")
    assert json.loads(first.body) == list(range(0, 200, 2))
    assert first.content_type == BATCH_TYPE
    assert {m.content_type for m in made if m.events == 1} == {EVENT_TYPE}


def test_large_events_make_small_envelopes() -> None:
    messages = [Message(KEY, b'"' + b"x" * 300_000 + b'"') for _ in range(10)]
    made = list(envelopes(messages))
    assert [m.events for m in made] == [3, 3, 3, 1]
    assert max(len(m.body) for m in made) < 1024 * 1024


def test_a_hall_needs_nothing_but_pika_and_msgspec() -> None:
    suite = ("sqlalchemy", "psycopg", "nameko", "eventlet", "litestar", "httpx", "click", "yaml", "prometheus_client")
    code = f"import sys, hallpulse.publisher; sys.exit(', '.join(m for m in {suite!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
