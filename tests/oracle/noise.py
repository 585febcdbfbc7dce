"""Corrections and retractions of any event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.oracle.eventset import ENTITY, SHANGHAI, Event, family
from tests.oracle.pen import DEPARTMENTS, Pen

OUTCOMES = ("granted", "granted", "refused", "forwarded", "terminated", "other")
LIMITS = (None, None, 0, 0, 1, 2, 3, 3, 5, 5, 10, 10, 15, 20, 20, 45, 999)


def correct(pen: Pen, event: Event) -> Event | None:
    """A second event of the same type about the same thing, that says something else, at the same or another time.

    Half of them say that they correct the first; a few of those miss it.
    """
    moment = datetime.fromisoformat(event["time"]).astimezone(SHANGHAI)
    data = {name: _other(pen, name, value) for name, value in event["data"].items()}
    if data.get("handling") == "instant":
        data["promised_days"] = 0
    if event["type"] == "hall.case.received.v1" and pen.maybe(0.3):
        data["item_code"] = data["item_code"][:-1] + str(pen.rng.randrange(10))
    if "unified_accepted" in data:
        data["unified_accepted"] = min(data["unified_accepted"], data["accepted"])
    if "event_id" in data and pen.maybe(0.5):
        data["event_id"] = "no-such-event"  # a retraction that took out the wrong event
    data.pop("corrects", None)
    if pen.maybe(0.5):
        data["corrects"] = _corrected(pen, event)
    return pen.write(event["source"], event["type"][5:-3], pen.near(moment), data)


def _corrected(pen: Pen, event: Event) -> str:
    """The event's id; now and then that of any event before, of this or of another hall, type or thing, or of none."""
    miss = pen.rng.random()
    if miss < 0.08:
        return "no-such-event"
    return str(pen.rng.choice(pen.events)["id"] if miss < 0.2 else event["id"])


def join_in_circle(pen: Pen, first: Event) -> None:
    """Two events of which each corrects the other: neither counts."""
    moment = datetime.fromisoformat(first["time"]).astimezone(SHANGHAI)
    second = pen.write(first["source"], first["type"][5:-3], moment, {**first["data"], "corrects": first["id"]})
    if second is not None:
        first["data"]["corrects"] = second["id"]


def _other(pen: Pen, name: str, value: Any) -> Any:
    """Half of the fields stay as they are; those that say what the event is about always do."""
    if pen.maybe(0.5) or name in ("case_id", "item_code", "date", "indicator", "period", "event_id"):
        return value
    others: dict[str, Sequence[Any]] = {
        "department": DEPARTMENTS if value else [value],
        "statutory_days": LIMITS,
        "promised_days": LIMITS,
        "score": range(1, 6),
        "outcome": OUTCOMES,
    }
    if name in others:
        return pen.rng.choice(others[name])
    if isinstance(value, bool):
        return not value
    return value + pen.rng.randrange(3) if isinstance(value, int) else value


def retract(pen: Pen, event: Event) -> Event | None:
    """Takes an event out; sometimes misses: an unknown id, another case, or another hall's event of the same id."""
    data = {name: event["data"][name] for name in ENTITY[family(event)] if event["data"].get(name) is not None}
    data["event_id"] = event["id"]
    source = event["source"]
    miss = pen.rng.random()
    if miss < 0.06:
        data["event_id"] = "no-such-event"
    elif miss < 0.1:
        _name_another_thing(data)
    elif miss < 0.13:
        source = f"{source[:-1]}{'2' if source.endswith('1') else '1'}"
    if pen.maybe(0.3):
        data["reason"] = "录入错误"
    moment = datetime.fromisoformat(event["time"]).astimezone(SHANGHAI)
    when = moment + timedelta(days=pen.rng.choice([-3, 0, 0, 1, 4]), minutes=pen.rng.randrange(60))
    return pen.write(source, f"{family(event)}.retracted", min(when, pen.moment(pen.end)), data)


def _name_another_thing(data: dict[str, Any]) -> None:
    if "case_id" in data:
        data["case_id"] += "x"
    elif "item_code" in data:
        data["item_code"] += "9"
    elif "date" in data:
        data["date"] = "2026-01-01"
    else:
        data["department"] = "nobody"


def blemish(pen: Pen, event: Event | None, corrected: float = 0.07, retracted: float = 0.06) -> None:
    """Correct and retract an event now and then, and then the correction, and the retraction of it."""
    if event is None:
        return
    if pen.maybe(0.003):
        join_in_circle(pen, event)
    if pen.maybe(corrected):
        blemish(pen, correct(pen, event), corrected=0.1, retracted=0.3)
    if pen.maybe(retracted):
        retraction = retract(pen, event)
        if retraction and pen.maybe(0.15):
            retract(pen, retraction)  # has no effect
        if retraction and pen.maybe(0.1):
            correct(pen, retraction)  # may bring back what it took out
