"""Bodies of 4 MiB that are made to keep their reader busy."""

from __future__ import annotations

import json
import time

import pytest

from hallpulse.contract.decode import EVENT_TYPE, MAX_BODY, decode_message
from hallpulse.contract.reasons import Reason

pytestmark = pytest.mark.attack
MOST_SECONDS = 0.5
"""Of processor time; JSON's reader of objects takes about two and a half."""
_ROOM = MAX_BODY - 200
DENSE = {
    "empty objects": b"[" + b"{}," * (_ROOM // 3) + b"{}]",
    "empty objects in an object": b'{"data":[' + b"{}," * (_ROOM // 3) + b"{}]}",
    "numbers": b"[" + b"1e9," * (_ROOM // 4) + b"1]",
    "one name again and again": b"{" + b'"a":1,' * (_ROOM // 6) + b'"b":1}',
}


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("source", ["", "/222424/hall-2"])
def test_a_body_of_millions_of_values_is_refused_at_once_and_as_forged_where_it_is(name: str, source: str) -> None:
    body = DENSE[name][:-1] + b',"source":' + json.dumps(source).encode() + DENSE[name][-1:]
    began = time.process_time()
    decoded = decode_message(
        body, content_type=EVENT_TYPE, routing_key="222424.hall-1.case", user_id="222424.hall-1", now=0
    )
    assert time.process_time() - began < MOST_SECONDS
    (refusal,) = decoded.refusals
    unforged = Reason.NOT_JSON if body.startswith(b"[") else Reason.BAD_ENVELOPE  # an array has no names
    assert refusal.reason == (Reason.SOURCE_MISMATCH if source else unforged)
