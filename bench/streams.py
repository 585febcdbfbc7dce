"""The streams that are measured: events of simulated halls in the order of their arrival."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace as replace_fields

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.encode import encode_batch, encode_event
from hallpulse.contract.events import (
    CaseRetracted,
    Data,
    Family,
    FigureRetracted,
    HallEvent,
    ItemRetracted,
    TallyRetracted,
)
from hallpulse.domain.figures import Window
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Calendar, Workdays, day_of, workdays_of
from hallpulse.plans import load_plans
from services.simulator import County, Sent, simulate
from services.simulator.county import CASES_A_YEAR, moment

CHECKOUT = Path(__file__).resolve().parents[1]
COUNTY = 222424
COUNTIES = tuple(220_000 + prefecture * 100 + 21 + county for prefecture in range(11, 26) for county in range(4))
"""Sixty county codes of an invented province. 222424 is one of them, so that a regional calendar is used."""
RETRACTIONS = (CaseRetracted, FigureRetracted, ItemRetracted, TallyRetracted)
_SEASON = 60
"""Days of a province's stream: a whole year of every county would be sixteen million events."""


@dataclass(frozen=True)
class Stream:
    """A stream of events. catalogue: the item versions in force from the beginning, stored before the measurement."""

    name: str
    catalogue: Sequence[HallEvent]
    events: Sequence[HallEvent]

    @property
    def distinct(self) -> int:
        return len({(event.region, event.hall, event.id) for event in self.events})

    def first(self, count: int) -> Stream:
        return replace(self, events=self.events[:count])


class Message(NamedTuple):
    routing_key: str
    content_type: str
    body: bytes
    headers: Mapping[str, Any] | None = None


def calendars() -> list[Calendar]:
    return [national_calendar(), *load_overrides(CHECKOUT / "calendars")]


def plan_of(year: int) -> Plan:
    return next(plan for plan in load_plans(CHECKOUT / "plans") if plan.period.start.year == year)


def county_stream(size: int) -> Stream:
    """Return a stream of one county: 4 halls with cases, 1 with tallies, 40 departments, from New Year's Day on."""
    catalogue, events = _split(simulate(_county(COUNTY, days=365)), size)
    return Stream("county", catalogue, events)


def year_until_now(size: int, region: int = COUNTY) -> Stream:
    """Return the newest events of a county's year up to this hour, for queries about today."""
    catalogue, events = _split(simulate(_county_now(region, CASES_A_YEAR)), sys.maxsize)
    return Stream("county until now", catalogue, events[-size:])


def small_year_until_now(cases: int, region: int) -> Stream:
    """Return the year up to this hour of a county with few cases, without heartbeats, which would outnumber them."""
    catalogue, events = _split(simulate(_county_now(region, cases)), sys.maxsize)
    return Stream("small county", catalogue, [event for event in events if event.type.family is not Family.HEARTBEAT])


def _county_now(region: int, cases: int) -> County:
    now = datetime.now(UTC)
    period = Window(date(now.year, 1, 1), date(now.year, 12, 31))
    plan = replace(plan_of(2023), region=region, period=period)
    return County(plan, _workdays(region), int(now.timestamp() * 1_000_000), cases=cases)


def province_stream(size: int, counties: Sequence[int] = COUNTIES) -> Stream:
    """Return a stream of several counties in the same days, each as busy as `county_stream`."""
    each = [simulate(_county(region, _SEASON)) for region in counties]
    catalogue, events = _split(heapq.merge(*each, key=lambda sent: sent.arrives), size)
    return Stream(f"{len(counties)} counties", catalogue, events)


def _county(region: int, days: int) -> County:
    start = plan_of(2023).period.start
    plan = replace(plan_of(2023), region=region, period=Window(start, start + timedelta(days=days - 1)))
    return County(plan, _workdays(region), moment(day_of(start) + days), cases=CASES_A_YEAR * days // 365)


def _workdays(region: int) -> Workdays:
    return workdays_of(region, {calendar.scope: calendar for calendar in calendars()})


def _split(sent: Iterable[Sent], size: int) -> tuple[list[HallEvent], list[HallEvent]]:
    """Return the catalogue at the beginning, and the first `size` events after it."""
    events = (one.event for one in sent)
    catalogue, rest = list[HallEvent](), iter(events)
    for leading, group in groupby(events, key=lambda event: event.type.family is Family.ITEM):
        if leading:
            catalogue.extend(group)
        else:
            return catalogue, list(islice(_chained(group, rest), size))
    return catalogue, []


def _chained(first: Iterable[HallEvent], rest: Iterable[HallEvent]) -> Iterator[HallEvent]:
    yield from first
    yield from rest


def messages(events: Iterable[HallEvent], batch: int = 1) -> list[Message]:
    """Return one message for each event, or messages with up to `batch` events of one routing key."""
    if batch == 1:
        return [Message(_key(event), EVENT_TYPE, encode_event(event)) for event in events]
    waiting: dict[str, list[HallEvent]] = {}
    made = []
    for event in events:
        key = _key(event)
        together = waiting.setdefault(key, [])
        together.append(event)
        if len(together) == batch:
            made.append(Message(key, BATCH_TYPE, encode_batch(waiting.pop(key))))
    return made + [Message(key, BATCH_TYPE, encode_batch(rest)) for key, rest in waiting.items()]


def with_random_ids(events: Sequence[HallEvent]) -> list[HallEvent]:
    """Return the events with random ids instead of ids in the order of time."""
    return [replace_fields(event, id=_shuffled(event.id), data=_data_with_random_id(event.data)) for event in events]


def _data_with_random_id(data: Data) -> Data:
    """Return the data with the new id of the event that it names, if it is a retraction."""
    return replace_fields(data, event_id=_shuffled(data.event_id)) if isinstance(data, RETRACTIONS) else data


def _shuffled(id_: str) -> str:
    return str(UUID(bytes=blake2b(id_.encode(), digest_size=16).digest(), version=4))


def _key(event: HallEvent) -> str:
    return f"{event.region}.{event.hall}.{event.type.family.value}"
