"""Improvement of the catalogue through the year: eleven monthly rounds from February to December.

At the end, about 42.4 % of the items are instant and limits are compressed by about 73 %: the plan's first goal is met
in the last month, and its second is narrowly missed. One department raises its statutory limits in June, so that its
compression seems to grow although no promised limit is shorter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hallpulse.contract.events import Data, EventType, ItemRetired
from hallpulse.domain.workdays import date_of
from services.simulator.first_items import FirstItem, first_catalogue, new_item

from .county import County, moment

ROUNDS = 11
DAYS_BEFORE_FIRST_ROUND = 40
DAYS_A_ROUND = 30
MADE_INSTANT = 128
COMPRESSION = (Fraction(6356, 10_000), Fraction(732, 1000))
SHARES = {
    "settled": (0.884, 0.931, 3, 0.955),
    "full_process": (0.58, 0.703, 7, 0.74),
    "unified": (0.45, 0.58, 6, 0.70),
    "tolerates_missing": (0.10, 0.13, 5, 0.17),
    "commitment": (0.05, 0.07, 5, 0.09),
}
"""Flag → its share at the beginning, its share at a middle round, that round's number, its share at the last round."""
RAISING_DEPARTMENT, RAISING_ROUND = "water", 5
MISTYPED_ROUND, MISTYPED_ITEMS = 3, 3
NEW_ITEMS, RETIRED_ITEMS = 16, 8
_LATE_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class ItemPublication:
    """A publication about an item.

    time, arrives: its time and its arrival, in microseconds since 1970-01-01 UTC; day: the day when it takes effect.
    """

    time: int
    arrives: int
    day: int
    kind: EventType
    data: Data


def item_changes(county: County) -> Iterator[tuple[FirstItem, ItemPublication]]:
    """Yield the publications of the first catalogue, then every change to it, in the order of their first days."""
    items = first_catalogue(county)
    time = moment(county.first_day - 12, 9 * 3600)
    for number, item in enumerate(items):
        at = time + number * 1_000_000
        yield item, _change(item, at, at, county.first_day)
    dice = county.dice("reform")
    for round_ in range(1, ROUNDS + 1):
        day = _day_of_round(county, round_)
        if day > county.last_day:
            return
        yield from _one_round(county, items, round_, day, dice)


def _day_of_round(county: County, round_: int) -> int:
    """Return the day on which a round takes effect: the first working day from about the tenth of its month on."""
    wanted = county.first_day + DAYS_BEFORE_FIRST_ROUND + (round_ - 1) * DAYS_A_ROUND
    return county.workdays.nth_after(wanted - 1, 1)


def _one_round(
    county: County, items: list[FirstItem], round_: int, day: int, dice: random.Random
) -> Iterator[tuple[FirstItem, ItemPublication]]:
    touched: dict[str, FirstItem] = {}
    for step in (_make_instant, _raise_statutory, _mistype, _add_items, _set_flags, _cut_promises):
        for item in step(county, items, round_, dice):
            touched[item.code] = item
    for item in touched.values():
        yield item, _change(item, *_published(day, dice), day)
    if round_ <= RETIRED_ITEMS:
        item = dice.choice([item for item in items if not item.instant and item.code not in touched])
        items.remove(item)
        retired = ItemRetired(item.code, date_of(day).isoformat())
        at = moment(day - 3, 36_000)
        yield item, ItemPublication(at, at, day, EventType.ITEM_RETIRED, retired)


def _published(day: int, dice: random.Random) -> tuple[int, int]:
    """Return time and arrival of a publication: most come days before the version's first day, some days after it."""
    ahead = -dice.randint(1, 20) if dice.random() < _LATE_SHARE else dice.randint(1, 10)
    time = moment(day - ahead, dice.uniform(9 * 3600, 17 * 3600))
    return time, time + dice.randint(1, 30) * 1_000_000


def _change(item: FirstItem, time: int, arrives: int, day: int) -> ItemPublication:
    return ItemPublication(time, arrives, day, EventType.ITEM_PUBLISHED, item.published(day))


def _make_instant(_: County, items: Sequence[FirstItem], round_: int, dice: random.Random) -> list[FirstItem]:
    wanted = round(MADE_INSTANT * round_ / ROUNDS) - round(MADE_INSTANT * (round_ - 1) / ROUNDS)
    short = sorted((item for item in items if not item.instant), key=lambda item: (item.promised, item.code))
    chosen = dice.sample(short[: wanted * 6], wanted)
    for item in chosen:
        item.instant = True
    return chosen


def _raise_statutory(county: County, items: Sequence[FirstItem], round_: int, _dice: random.Random) -> list[FirstItem]:
    if round_ != RAISING_ROUND or county.honest:
        return []
    own = [item for item in items if item.department == RAISING_DEPARTMENT and item.statutory and not item.instant][:8]
    for item in own:
        item.statutory = min(90, (item.statutory or 0) * 2)
    return own


def _mistype(county: County, items: Sequence[FirstItem], round_: int, dice: random.Random) -> list[FirstItem]:
    """Set promised limits above the statutory limit: typing errors that no one corrects."""
    if round_ != MISTYPED_ROUND or county.honest:
        return []
    five_days = [item for item in items if item.statutory == 5 and not item.instant]
    chosen = dice.sample(five_days, min(MISTYPED_ITEMS, len(five_days)))
    for item in chosen:
        item.promised = 9
    return chosen


def _add_items(county: County, items: list[FirstItem], round_: int, dice: random.Random) -> list[FirstItem]:
    wanted = round(NEW_ITEMS * round_ / ROUNDS) - round(NEW_ITEMS * (round_ - 1) / ROUNDS)
    fresh = []
    for _ in range(wanted):
        department = dice.choice(items).department
        number = 400 + sum(item.department == department for item in items)
        item = new_item(county, department, number, dice)
        item.statutory = dice.choice((5, 10, 15, 20))
        item.instant = dice.random() < 0.2
        item.promised = max(1, item.statutory // 4)
        item.settled = item.full_process = True
        items.append(item)
        fresh.append(item)
    return fresh


def _set_flags(_: County, items: Sequence[FirstItem], round_: int, dice: random.Random) -> list[FirstItem]:
    touched = []
    for flag, (first, middle, at, last) in SHARES.items():
        wanted = first + (middle - first) * round_ / at
        if round_ > at:
            wanted = middle + (last - middle) * (round_ - at) / (ROUNDS - at)
        without = [item for item in items if not getattr(item, flag)]
        short = round(wanted * len(items)) - (len(items) - len(without))
        for item in dice.sample(without, max(0, min(short, len(without)))):
            setattr(item, flag, True)
            touched.append(item)
    return touched


def _cut_promises(_: County, items: Sequence[FirstItem], round_: int, dice: random.Random) -> list[FirstItem]:
    """Cut promised limits, each by a random share, until the round's compression is reached."""
    low, high = COMPRESSION
    wanted = low + (high - low) * round_ / ROUNDS
    statutory = sum(item.statutory or 0 for item in items)
    spare = _promised(items) - statutory * (1 - wanted)
    touched = []
    able = [item for item in items if item.statutory and not item.instant and item.promised > 1]
    dice.shuffle(able)
    for item in able:
        if spare <= 0:
            break
        cut = max(1, round(item.promised * dice.uniform(0.2, 0.45)))
        item.promised -= cut
        spare -= cut
        touched.append(item)
    return touched


def _promised(items: Sequence[FirstItem]) -> int:
    return sum(item.promised for item in items if item.statutory and not item.instant)
