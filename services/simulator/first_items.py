"""The county's catalogue at the start of the year; its shares are as close to the plan's bases as integers permit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hallpulse.contract.events import ItemPublished
from hallpulse.contract.values import ItemKind
from hallpulse.domain.workdays import date_of
from services.simulator.county import ITEMS, LITTLE, LOAD, County
from services.simulator.names import item_name

STATUTORY_SUM = 20_000
PROMISED_SUM = 7_288
"""Sum of the promised limits, in working days: (20,000 − 7,288) / 20,000 is exactly the compression of 63.56 %."""
INSTANT_SHARE = 0.3194
_NO_STATUTORY = 0.12
_LIMITS = (1, 3, 5, 7, 10, 15, 20, 30, 45, 60)
_OF_PROMISED = (1, 3, 8, 9, 14, 18, 26, 12, 5, 4)
_OF_INSTANT = (8, 14, 18, 14, 16, 14, 12, 4, 0, 0)
_KINDS: tuple[ItemKind, ...] = (
    "licensing", "confirmation", "payment", "reward", "adjudication", "levy", "inspection", "public_service", "other",
)  # fmt: skip
_OF_KINDS = (38, 9, 7, 1, 1, 1, 1, 34, 8)
BASE_SHARES = {"settled": 0.884, "full_process": 0.58, "unified": 0.45, "tolerates_missing": 0.10, "commitment": 0.05}


@dataclass(slots=True)
class FirstItem:
    """An item whose limits are not final yet."""

    code: str
    basic_code: str
    name: str
    department: str
    kind: ItemKind
    instant: bool = False
    statutory: int | None = None
    promised: int = 0
    settled: bool = False
    full_process: bool = False
    unified: bool = False
    tolerates_missing: bool = False
    commitment: bool = False

    def published(self, day: int) -> ItemPublished:
        """Return the version that begins on a day."""
        return ItemPublished(
            item_code=self.code,
            name=self.name,
            department=self.department,
            kind=self.kind,
            handling="instant" if self.instant else "promised",
            effective_from=date_of(day).isoformat(),
            basic_code=self.basic_code,
            statutory_days=self.statutory,
            promised_days=0 if self.instant else self.promised,
            settled=self.settled,
            unified=self.unified,
            full_process=self.full_process,
            tolerates_missing=self.tolerates_missing,
            commitment=self.commitment,
        )


def first_catalogue(county: County) -> list[FirstItem]:
    """Return the items at the beginning of the period."""
    dice = county.dice("catalogue")
    items = [item for department, count in shares_of_items(county) for item in _items(county, department, count, dice)]
    _set_instant(items, dice)
    _set_statutory(items, dice)
    _set_promised(items, dice)
    for flag, share in BASE_SHARES.items():
        for item in dice.sample(items, round(share * len(items))):
            setattr(item, flag, True)
    return items


def shares_of_items(county: County) -> list[tuple[str, int]]:
    """Return each department's number of items: at least 8; departments with more cases have more items."""
    departments = county.departments or ("hall",)
    loads = [LOAD.get(department, LITTLE) ** 0.5 for department in departments]
    least = min(8, ITEMS // len(departments))
    spare, done, given = ITEMS - least * len(departments), 0.0, 0
    counts = []
    for department, load in zip(departments, loads, strict=True):
        done += load
        upto = round(spare * done / sum(loads))
        counts.append((department, least + upto - given))
        given = upto
    return counts


def new_item(county: County, department: str, number: int, dice: random.Random) -> FirstItem:
    """Return a department's n-th item, without limits yet."""
    place = county.departments.index(department) if department in county.departments else 0
    kind = dice.choices(_KINDS, _OF_KINDS)[0]
    basic = f"{_KINDS.index(kind) + 1:02}{place:03}{number:05}"
    code = f"11{county.region}{place:03}X{basic}"
    return FirstItem(code, basic, item_name(department, number), department, kind)


def _items(county: County, department: str, count: int, dice: random.Random) -> list[FirstItem]:
    return [new_item(county, department, number, dice) for number in range(count)]


def _set_instant(items: Sequence[FirstItem], dice: random.Random) -> None:
    for item in dice.sample(items, round(INSTANT_SHARE * len(items))):
        item.instant = True


def _set_statutory(items: Sequence[FirstItem], dice: random.Random) -> None:
    for item in items:
        weights = _OF_INSTANT if item.instant else _OF_PROMISED
        item.statutory = None if dice.random() < _NO_STATUTORY else dice.choices(_LIMITS, weights)[0]
    with_limit = [item for item in items if item.statutory is not None]

    def move(item: FirstItem, by: int) -> bool:
        days = (item.statutory or 0) + by
        if not 1 <= days <= 90:
            return False
        item.statutory = days
        return True

    _reach(with_limit, STATUTORY_SUM - sum(item.statutory or 0 for item in with_limit), move, dice)


def _set_promised(items: Sequence[FirstItem], dice: random.Random) -> None:
    promised = [item for item in items if not item.instant]
    for item in promised:
        item.promised = max(1, round((item.statutory or 10) * dice.uniform(0.25, 0.7)))
    with_limit = [item for item in promised if item.statutory is not None]

    def move(item: FirstItem, by: int) -> bool:
        days = item.promised + by
        if not 1 <= days <= (item.statutory or 0):
            return False
        item.promised = days
        return True

    _reach(with_limit, PROMISED_SUM - sum(item.promised for item in with_limit), move, dice)


def _reach(
    items: Sequence[FirstItem], missing: int, move: Callable[[FirstItem, int], bool], dice: random.Random
) -> None:
    """Move limits of random items by one day at a time until no day is missing from their sum."""
    while missing:
        by = 1 if missing > 0 else -1
        if move(dice.choice(items), by):
            missing -= by
