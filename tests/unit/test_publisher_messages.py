"""What a publisher makes of events."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, decode_events, decode_message
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from hallpulse.contract.reasons import Reason, Refused
from hallpulse.publisher.confirmed_channel import Backoff
from hallpulse.publisher.message import Message, envelope, message_of
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


def test_what_was_made_a_message_is_not_looked_at_again() -> None:
    message = Message(KEY, b"{}")
    assert message_of(message, NOW) is message


def test_an_envelope_is_a_batch_and_of_one_event_that_event() -> None:
    assert envelope(KEY, [b"1", b"2", b"3"]) == Message(KEY, b"[1,2,3]", BATCH_TYPE, 3)
    assert envelope(KEY, [b"{}"]) == Message(KEY, b"{}", EVENT_TYPE, 1)


def test_pauses_double_up_to_the_longest_and_begin_again_after_a_success() -> None:
    backoff = Backoff(1, 100)
    pauses = [backoff.next() for _ in range(20)]
    longest = [min(2**n, 100) for n in range(20)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    backoff.reset()
    assert backoff.next() <= 1


def test_a_hall_needs_nothing_but_pika_and_msgspec() -> None:
    code = """import sys
before = set(sys.modules)
import hallpulse.publisher
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - sys.stdlib_module_names))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = set(done.stdout.split()) - {"typing_extensions"}  # which msgspec takes where it is there
    assert (loaded, done.stderr) == ({"hallpulse", "msgspec", "pika"}, "")
