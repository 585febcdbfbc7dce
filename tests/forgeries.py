"""Events that are forged, and wrong in every other way besides: what no other fault may hide."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE, MAX_BODY
from hallpulse.contract.events import EventType
from hallpulse.contract.identity import IDENTITY
from hallpulse.contract.reasons import Reason
from tests.hall_events import changed

Event = dict[str, Any]
SENDER = "222424.hall-1"


@dataclass(frozen=True)
class Message:
    """body and content type as they are sent."""

    body: bytes
    content_type: str


@dataclass(frozen=True)
class Forgery:
    """source: that the event names; user, key: by which it is sent, {hall} for the sender; reason: it is refused for.

    kinds: types of the event; each stands for a harm: a case, one retracted, an item retired.
    """

    source: str = "/222424/hall-1"
    user: str | None = "{hall}"
    key: str = "{hall}.case"
    reason: Reason = Reason.SOURCE_MISMATCH
    kinds: tuple[EventType, ...] = (EventType.CASE_RECEIVED, EventType.CASE_RETRACTED)


FORGERIES: Mapping[str, Forgery] = {
    "another hall": Forgery("/222424/hall-2"),
    "another region": Forgery("/222401/hall-1"),
    "a hall that is not registered": Forgery("/222424/hall-9"),
    "a region and hall that are not registered": Forgery("/110105/hall-9"),
    "no user_id": Forgery(user=None, reason=Reason.PUBLISHER_UNIDENTIFIED),
    "another hall, no user_id": Forgery("/222424/hall-2", user=None, reason=Reason.PUBLISHER_UNIDENTIFIED),
    "another hall's routing key": Forgery(key="222424.hall-2.case", reason=Reason.ROUTING_MISMATCH),
    "another hall and its routing key": Forgery("/222424/hall-2", key="222424.hall-2.case"),
    "items, not granted": Forgery(
        reason=Reason.ROUTING_MISMATCH, kinds=(EventType.ITEM_RETIRED, EventType.ITEM_PUBLISHED)
    ),
    "figures, not granted": Forgery(reason=Reason.ROUTING_MISMATCH, kinds=(EventType.FIGURE_REPORTED,)),
    "items of another hall": Forgery("/222424/hall-2", kinds=(EventType.ITEM_RETIRED,)),
}
BY_HTTP = (
    "another hall", "another region", "a hall that is not registered", "a region and hall that are not registered",
    "items, not granted", "figures, not granted", "items of another hall",
)  # fmt: skip


def _with(**attributes: Any) -> Callable[[Event], bytes]:
    return lambda event: json.dumps({**event, **attributes}).encode()


def _data(field: str, value: object) -> Callable[[Event], bytes]:
    return lambda event: json.dumps({**event, "data": {**event["data"], field: value}}).encode()


def _without_a_field(event: Event) -> bytes:
    return json.dumps({**event, "data": dict(list(event["data"].items())[1:])}).encode()


def _twice(event: Event) -> bytes:
    return json.dumps(event).replace('"time":', '"time": "now", "time":', 1).encode()


FAULTS: Mapping[Reason, Callable[[Event], bytes]] = {
    Reason.NOT_JSON: lambda event: json.dumps(event).encode()[:-1],
    Reason.TOO_LARGE: lambda event: json.dumps(event).encode() + b" " * MAX_BODY,
    Reason.BAD_CONTENT_TYPE: lambda event: json.dumps(event).encode(),
    Reason.BAD_BATCH: lambda event: json.dumps(event).encode(),
    Reason.BAD_ENVELOPE: _with(specversion="0.3"),
    Reason.DUPLICATE_FIELD: _twice,
    Reason.UNKNOWN_ATTRIBUTE: _with(caseId="x"),
    Reason.UNKNOWN_TYPE: lambda event: json.dumps({**event, "type": f"{event['type'][:-1]}2"}).encode(),
    Reason.UNKNOWN_FIELD: _data("citizen", "x"),
    Reason.MISSING_FIELD: _without_a_field,
    Reason.BAD_FIELD: _data("case_id", 7),
    Reason.BAD_DATE: _data("effective_from", "2026-02-30"),
    Reason.FUTURE_PERIOD: _data("period", "9998"),
    Reason.BAD_TIME: _with(time="2026-02-11 09:30"),
    Reason.TIME_IN_FUTURE: _with(time="2999-01-01T00:00:00+08:00"),
    Reason.TIME_OUT_OF_RANGE: _with(time="1991-01-01T00:00:00+08:00"),
    Reason.BAD_REGION: lambda event: json.dumps(event).replace('"source"', '"source": "/222400/x", "source"').encode(),
    Reason.PERSONAL_DATA: _with(subject="13800138000"),
    Reason.ID_REUSED: lambda event: json.dumps({**event, "id": "used"}).encode(),
}
"""Each reason that is not about who sent an event, and how an event earns it. A date, a period or a field that its type
has not is unknown there, and wrong all the same."""
_TYPES = {Reason.BAD_CONTENT_TYPE: "text/plain", Reason.BAD_BATCH: BATCH_TYPE}
WHOLE = (Reason.NOT_JSON, Reason.TOO_LARGE, Reason.BAD_CONTENT_TYPE, Reason.BAD_BATCH)
"""Of a batch, these are about all of it."""


def events(forgery: Forgery, name: str) -> Iterator[Event]:
    for kind in forgery.kinds:
        yield changed(kind, source=forgery.source, id=f"{name}-{kind.name.lower()}", time="2026-02-11T08:20:10+08:00")


def single(event: Event, fault: Reason | None) -> Message:
    """The event with a fault, or without one."""
    if fault is None:
        return Message(json.dumps(event).encode(), EVENT_TYPE)
    return Message(FAULTS[fault](event), _TYPES.get(fault, EVENT_TYPE))


def batch(event: Event, fault: Reason | None, size: int = 2) -> Message:
    """The event so many times, all of them wrong; where the fault is of the whole batch, that is wrong instead."""
    if fault is Reason.BAD_BATCH:
        return Message(json.dumps([event] * 1001).encode(), BATCH_TYPE)
    if fault in WHOLE:
        whole = json.dumps([{**event, "id": f"{event['id']}-{n}"} for n in range(size)]).encode()
        spoilt = {Reason.NOT_JSON: whole[:-1], Reason.TOO_LARGE: whole + b" " * MAX_BODY}.get(fault, whole)
        return Message(spoilt, "text/plain" if fault is Reason.BAD_CONTENT_TYPE else BATCH_TYPE)
    parts = [single({**event, "id": f"{event['id']}-{n}"}, fault).body for n in range(size)]
    return Message(b"[" + b",".join(parts) + b"]", BATCH_TYPE)


OF_THE_STORE = frozenset({Reason.REGION_ENDED, Reason.UNPROCESSABLE})
"""Reasons that do not follow from a message alone, but from what was declared or how storing it went."""
assert FAULTS.keys() | IDENTITY | OF_THE_STORE == set(Reason), "each reason has its fault"
