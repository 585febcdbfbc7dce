"""The events of a run, the same for one seed: valid ones of several halls, and what a careless program sends.

What is to come of each is known beforehand, whatever strikes and whatever the clock says: stored once, or refused for
one reason. So no event lies near the 24 hours ahead of the clock from which on events are refused.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.oracle.streams import stream

Event = dict[str, Any]
EVENT_TYPE, BATCH_TYPE = "application/cloudevents+json", "application/cloudevents-batch+json"
CARELESS = ("222424", "hall-9")
"""The region and hall of the careless program."""
ROUGH_SHARE = 0.02
_LAST_DAY = (11, 20)
"""No event of a stream is of a later day."""
_MARK = re.compile(rb"x-\d{6}")


@dataclass(frozen=True)
class Rough:
    """A message of the careless program. refused: mark of each event in it that must be refused → the reason."""

    routing_key: str
    content_type: str
    body: bytes
    user: bool
    refused: dict[str, str]


@dataclass
class History:
    """good: source → its events in the order in which they are sent, duplicates among them; valid: all that is to be
    stored, the good ones of the careless program too."""

    seed: int
    year: int
    good: dict[str, list[Event]] = field(default_factory=dict)
    rough: list[Rough] = field(default_factory=list)
    valid: list[Event] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.good.values())) + len(self.rough)

    @property
    def refused(self) -> dict[str, str]:
        return {mark: reason for message in self.rough for mark, reason in message.refused.items()}

    @property
    def regions(self) -> list[str]:
        return sorted({event["source"].split("/")[1] for event in self.valid})


def year_before(today: date) -> int:
    """The last year whose events all lie some days back."""
    over = today > date(today.year, *_LAST_DAY) + timedelta(days=3)
    return today.year if over else today.year - 1


def history(seed: int, events: int, regions: tuple[str, ...], today: date) -> History:
    year = year_before(today)
    made = History(seed, year)
    for event in stream(seed, events, regions, year):
        made.good.setdefault(event["source"], []).append(event)
        made.valid.append(event)
    rng = random.Random(seed)
    writer = _Careless(rng, year, today)
    for number in range(max(len(_FAULTS) + 2, int(events * ROUGH_SHARE))):
        made.rough += writer.write(number)
    made.valid += writer.good
    return made


def marks_of(body: bytes) -> str:
    """The mark by which an event of the careless program is known, whatever is wrong with it."""
    found = _MARK.search(body)
    return found[0].decode() if found else ""


class _Careless:
    """Writes messages in which something is wrong, and keeps the good events that travel with them."""

    def __init__(self, rng: random.Random, year: int, today: date) -> None:
        self.rng, self.year, self.today = rng, year, today
        self.good: list[Event] = []
        self._number = 0

    def write(self, number: int) -> list[Rough]:
        """One wrong message, every kind of them first; for an id used again also the event that used it before."""
        kinds = len(_FAULTS) + 2
        kind = number if number < kinds else self.rng.randrange(kinds)
        if kind == len(_FAULTS):
            return self._reused()
        if kind == len(_FAULTS) + 1:
            return [self._mixed()]
        reason, spoil = _FAULTS[kind]
        return [spoil(self, self.event(), reason)]

    def event(self) -> Event:
        self._number += 1
        day = date(self.year, 1, 5) + timedelta(days=self.rng.randrange(300))
        mark = f"x-{self._number:06d}"
        return {
            "specversion": "1.0", "id": mark, "source": "/" + "/".join(CARELESS), "type": "hall.case.received.v1",
            "time": f"{day}T09:{self.rng.randrange(60):02d}:00+08:00",
            "data": {"case_id": f"C{mark}", "item_code": "22242400001", "department": "dept-4", "channel": "window"},
        }  # fmt: skip

    def message(self, body: Event | bytes, reason: str, content_type: str = EVENT_TYPE, user: bool = True) -> Rough:
        raw = body if isinstance(body, bytes) else encoded(body)
        return Rough(".".join((*CARELESS, "case")), content_type, raw, user, {marks_of(raw): reason})

    def _mixed(self) -> Rough:
        """A batch of good events with bad ones among them: only those are refused."""
        events = [self.event() for _ in range(self.rng.randint(2, 12))]
        bad = [self.event() for _ in range(self.rng.randint(1, 3))]
        self.good += events
        for event in bad:
            event["data"]["channel"] = "fax"
        both = events + bad
        self.rng.shuffle(both)
        body = encoded(both)
        key = ".".join((*CARELESS, "case"))
        return Rough(key, BATCH_TYPE, body, True, {event["id"]: "bad-field" for event in bad})

    def _reused(self) -> list[Rough]:
        first = self.event()
        self.good.append(first)
        second = first | {"data": first["data"] | {"channel": "online"}}
        message = self.message(first, "")
        return [Rough(message.routing_key, EVENT_TYPE, message.body, True, {}), self.message(second, "id-reused")]


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _with(**attributes: Any) -> Callable[[_Careless, Event, str], Rough]:
    return lambda pen, event, reason: pen.message({**event, **attributes}, reason)


def _with_data(**fields: Any) -> Callable[[_Careless, Event, str], Rough]:
    return lambda pen, event, reason: pen.message({**event, "data": {**event["data"], **fields}}, reason)


def _without(name: str) -> Callable[[_Careless, Event, str], Rough]:
    def spoil(pen: _Careless, event: Event, reason: str) -> Rough:
        del event["data"][name]
        return pen.message(event, reason)

    return spoil


def _heartbeat(pen: _Careless, event: Event, reason: str) -> Rough:
    """Under the routing key of a case."""
    return pen.message({**event, "type": "hall.heartbeat.v1", "data": None}, reason)


def _far(pen: _Careless, event: Event, reason: str) -> Rough:
    return pen.message({**event, "time": f"{pen.today + timedelta(days=400)}T09:00:00+08:00"}, reason)


_FAULTS: tuple[tuple[str, Callable[[_Careless, Event, str], Rough]], ...] = (
    ("not-json", lambda pen, event, reason: pen.message(encoded(event)[:-9], reason)),
    ("bad-content-type", lambda pen, event, reason: pen.message(event, reason, "text/plain")),
    ("bad-batch", lambda pen, event, reason: pen.message(event, reason, BATCH_TYPE)),
    ("bad-envelope", _with(specversion="0.3")),
    ("duplicate-field", lambda pen, event, reason: pen.message(encoded(event)[:-1] + b',"id":"again"}', reason)),
    ("unknown-attribute", _with(Bad_Name="yes")),
    ("unknown-type", _with(type="hall.case.forgotten.v1")),
    ("unknown-field", _with_data(colour="red")),
    ("missing-field", _without("item_code")),
    ("bad-field", _with_data(channel="fax")),
    ("bad-time", _with(time="yesterday")),
    ("time-in-future", _far),
    ("time-out-of-range", _with(time="1980-01-01T09:00:00+08:00")),
    ("bad-region", _with(source="/222400/hall-9")),
    ("source-mismatch", _with(source="/222424/hall-1")),
    ("routing-mismatch", _heartbeat),
    ("personal-data", _with_data(case_id="11010519491231002X")),
    ("publisher-unidentified", lambda pen, event, reason: pen.message(event, reason, user=False)),
)
