"""The whole year as one stream in the order of arrival, with late, duplicate and reordered events."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hallpulse.contract.events import EventType, Family, HallEvent, Heartbeat
from hallpulse.domain.workdays import local_day
from services.simulator.demand import Demand, PublishedVersions
from services.simulator.hall_declarations import figures, tallies

from .county import HALLS, MAIN_HALL, SILENT_HALL, County, SimulatedHall, moment, new_id
from .life import CaseEntry, Life
from .reform import ItemPublication, item_changes
from .rhythm import cases_by_day

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
_LATE, _VERY_LATE, _DOUBLE = 0.02, 0.003, 0.015
SILENT_FROM, SILENT_DAYS = 158, 9
"""First day of the silence, counted from the first day of the period, and its number of days; it falls in June."""
_NOTICE_DAYS = 45
_WAKEFUL_HOURS = 36
_LAST_OPEN_HOUR = 10
"""Last hour with heartbeats every day, in UTC: 8 to 18 o'clock in Shanghai are the hours 0 to 10."""


class Sent(NamedTuple):
    """An event and its arrival, in microseconds since 1970-01-01 UTC."""

    arrives: int
    event: HallEvent


def simulate(county: County) -> Iterator[Sent]:
    """Yield every event that arrives by `county.until`, in the order of arrival; the first catalogue comes first."""
    changes = [change for _, change in item_changes(county)]
    streams = (
        _sorted(_items(county, changes)),
        _cases(county, PublishedVersions(changes)),
        _sorted(_reports(county)),
        _heartbeats(county),
    )
    for sent in heapq.merge(*streams, key=lambda sent: sent.arrives):
        if sent.arrives > county.until:
            return
        yield sent


def families_of(hall: SimulatedHall) -> tuple[Family, ...]:
    """Return the event families that the hall may send."""
    if hall.tallies_only:
        return (Family.TALLY, Family.HEARTBEAT)
    own = (Family.CASE, Family.HEARTBEAT)
    return (*own, Family.ITEM, Family.FIGURE) if hall.id == MAIN_HALL else own


def _sorted(events: Iterable[Sent]) -> Iterator[Sent]:
    yield from sorted(events, key=lambda sent: sent.arrives)


def _items(county: County, changes: Iterable[ItemPublication]) -> Iterator[Sent]:
    dice = county.dice("item ids")
    for change in changes:
        event = HallEvent(county.region, MAIN_HALL, new_id(dice, change.arrives), change.kind, change.time, change.data)
        yield Sent(change.arrives, event)


def _reports(county: County) -> Iterator[Sent]:
    for declared in (*figures(county), *tallies(county)):
        yield Sent(
            declared.arrives,
            HallEvent(
                county.region,
                declared.hall,
                declared.id,
                declared.kind,
                declared.time,
                declared.data,
            ),
        )


def _heartbeats(county: County) -> Iterator[Sent]:
    """Yield each hall's heartbeats: one for every opening hour, and one for every hour of the last 36 hours.

    The latter keep a hall from looking silent in the night in which the simulation ends.
    """
    for hour in range(moment(county.first_day) // _HOUR, county.until // _HOUR + 1):
        if hour % 24 <= _LAST_OPEN_HOUR or hour * _HOUR > county.until - _WAKEFUL_HOURS * _HOUR:
            yield from _sorted(_one_hour(county, hour))


def _one_hour(county: County, hour: int) -> Iterator[Sent]:
    dice = county.dice("heartbeat", hour)
    day = local_day(hour * _HOUR)
    for hall in HALLS:
        at = hour * _HOUR + dice.randint(0, 59) * _SECOND
        event = HallEvent(county.region, hall.id, new_id(dice, at), EventType.HEARTBEAT, at, Heartbeat())
        if not _is_silent(county, hall.id, day):
            yield Sent(at, event)


def _is_silent(county: County, hall: str, day: int) -> bool:
    return not county.honest and hall == SILENT_HALL and 0 <= day - county.first_day - SILENT_FROM < SILENT_DAYS


def _cases(county: County, published: PublishedVersions) -> Iterator[Sent]:
    """Yield the events of all cases by arrival; events that arrive on a later day wait in a heap until then."""
    halls = [hall for hall in HALLS if hall.share]
    demands = {hall.id: Demand(published, hall, _NOTICE_DAYS if county.honest else 0) for hall in halls}
    shares = [hall.share for hall in halls]
    waiting: list[tuple[int, int, HallEvent]] = []
    made = 0
    for day, count in enumerate(cases_by_day(county), start=county.first_day):
        if moment(day) > county.until:
            break
        dice = county.dice("cases", county.cases, day)
        for number, hall in enumerate(dice.choices(halls, shares, k=count)):
            item = demands[hall.id].draw(day, dice)
            case_id = f"{hall.mark}{day - county.first_day + 1:03}D{number:04}"
            changing = county.honest and published.version(item.item_code, day + _NOTICE_DAYS) is not item
            habits = county.habits(item.department)
            life = Life(case_id, hall, item, county.workdays, dice, habits, county.honest, changing)
            for arrives, event in _deliveries(county, hall, life.live(day), dice):
                made += 1
                heapq.heappush(waiting, (arrives, made, event))
        yield from _popped(waiting, moment(day + 1))
    yield from _popped(waiting, county.until)


def _popped(waiting: list[tuple[int, int, HallEvent]], until: int) -> Iterator[Sent]:
    while waiting and waiting[0][0] < until:
        arrives, _, event = heapq.heappop(waiting)
        yield Sent(arrives, event)


def _deliveries(
    county: County, hall: SimulatedHall, entries: Iterable[CaseEntry], dice: random.Random
) -> Iterator[Sent]:
    for one in entries:
        event = HallEvent(county.region, hall.id, one.id, one.kind, one.time, one.data)
        arrives = max(one.time, one.entered) + dice.randint(1, 20) * _SECOND
        chance = dice.random()
        if chance < _LATE:
            arrives += dice.randint(1, 72) * _HOUR if chance > _VERY_LATE else dice.randint(4, 20) * _DAY
        arrives = _after_silence(county, hall, arrives)
        yield Sent(arrives, event)
        if dice.random() < _DOUBLE:
            yield Sent(arrives + dice.randint(30, 200_000) * _SECOND, event)


def _after_silence(county: County, hall: SimulatedHall, arrives: int) -> int:
    if not _is_silent(county, hall.id, local_day(arrives)):
        return arrives
    return moment(county.first_day + SILENT_FROM + SILENT_DAYS, 9 * 3600) + arrives % (3 * _HOUR)
