"""Events for tests of the contract: the published examples, changed as a test needs them."""

from __future__ import annotations

import json
from typing import Any

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import EventType, HallEvent
from hallpulse.contract.examples import example
from hallpulse.contract.reasons import Reason, Refusal

NOW = 1_700_000_000_000_000
DAY = 86_400_000_000
RECEIVED = EventType.CASE_RECEIVED
RETRACTED = EventType.CASE_RETRACTED


def changed(kind: EventType = RECEIVED, /, data: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """The example of a type with some attributes and data fields replaced; `...` takes one out."""
    event = {**example(kind), **attributes}
    if data is not None:
        event["data"] = {k: v for k, v in {**event["data"], **data}.items() if v is not ...}
    return {name: value for name, value in event.items() if value is not ...}


def decoded_bytes(body: bytes, content_type: str | None = EVENT_TYPE) -> HallEvent | Refusal:
    (outcome,) = decode_events(body, content_type=content_type, now=NOW)
    return outcome


def decoded(event: Any, **dumps: Any) -> HallEvent | Refusal:
    return decoded_bytes(json.dumps(event, **dumps).encode())


def accepted(event: Any, **dumps: Any) -> HallEvent:
    outcome = decoded(event, **dumps)
    assert isinstance(outcome, HallEvent), outcome
    return outcome


def refused(event: Any, reason: Reason, field: str, **dumps: Any) -> Refusal:
    """Both ways in refuse it for this reason, and what they hand back is the event, byte for byte."""
    body = json.dumps(event, **dumps).encode()
    outcome = decoded_bytes(body)
    assert isinstance(outcome, Refusal), outcome
    assert (outcome.reason, outcome.field, outcome.body) == (reason, field, body)
    assert outcome.detail.startswith("expected ")
    assert outcome.detail.isprintable()
    return outcome


BODY = json.dumps(changed())
