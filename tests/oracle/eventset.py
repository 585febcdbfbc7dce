"""The set of events: each once, without what was retracted, and what every part needs to know of one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Any

Event = dict[str, Any]
SHANGHAI = timezone(timedelta(hours=8))
ENTITY = {
    "case": ("case_id",),
    "item": ("item_code",),
    "tally": ("date",),
    "figure": ("indicator", "period", "department"),
    "heartbeat": (),
}


def instant(event: Event) -> datetime:
    return datetime.fromisoformat(event["time"].upper())


def local_day(event: Event) -> date:
    return instant(event).astimezone(SHANGHAI).date()


def order(event: Event) -> tuple[datetime, str, str]:
    """(time, id), and the source where events of several halls meet."""
    return instant(event), event["id"], event["source"]


def region_of(event: Event) -> str:
    return str(event["source"].split("/")[1])


def hall_of(event: Event) -> str:
    return str(event["source"].split("/")[2])


def family(event: Event) -> str:
    return str(event["type"].split(".")[1])


def action(event: Event) -> str:
    """What happened: `received`, `published`, ...; a heartbeat has none."""
    parts = event["type"].split(".")
    return str(parts[2]) if len(parts) == 4 else ""


def about(event: Event) -> tuple[Any, ...]:
    """What the event is about: its source, family, and case, item, day or figure."""
    data = event.get("data") or {}
    return event["source"], family(event), *(data.get(name) for name in ENTITY[family(event)])


def distinct(events: Iterable[Event]) -> list[Event]:
    """One of each (source, id)."""
    return list({(event["source"], event["id"]): event for event in events}.values())


def standing(events: Iterable[Event]) -> list[Event]:
    """The events that count: no duplicates, no retractions, nothing that was retracted or corrected.

    A retraction of a retraction has no effect: retractions only take out what is no retraction. A retraction that
    another one corrects takes nothing out. A correction that is itself corrected or retracted still does.
    """
    once = distinct(events)
    corrected = {(about(event), event["type"], named) for event in once if (named := corrects(event)) is not None}
    kept = [event for event in once if (about(event), event["type"], event["id"]) not in corrected]
    retracted = {(about(event), event["data"]["event_id"]) for event in kept if action(event) == "retracted"}
    return [event for event in kept if action(event) != "retracted" and (about(event), event["id"]) not in retracted]


def corrects(event: Event) -> str | None:
    """The id of the event whose place this one takes."""
    named: str | None = (event.get("data") or {}).get("corrects")
    return named


def content(event: Event) -> Any:
    """What an event says, to the microsecond, whatever its id and whatever it corrects; null says nothing."""
    return instant(event), {
        name: value for name, value in event["data"].items() if value is not None and name != "corrects"
    }


def latest(events: Iterable[Event]) -> Event | None:
    """Of events of one type the one with the later (time, id)."""
    return max(events, key=order, default=None)
