"""Demand for items: the items' versions on a day, and a random choice of an item for each visitor."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from hallpulse.contract.events import EventType, ItemPublished
from services.simulator.county import LITTLE, LOAD, SimulatedHall
from services.simulator.reform import ItemPublication


class PublishedVersions:
    """Every item's versions by their first day; the version is None from the day of retirement on."""

    def __init__(self, changes: Iterable[ItemPublication]) -> None:
        self._starts: dict[str, list[int]] = {}
        self._versions: dict[str, list[ItemPublished | None]] = {}
        for change in sorted(changes, key=lambda change: change.day):
            code = change.data.entity
            self._starts.setdefault(code, []).append(change.day)
            published = change.data if change.kind is EventType.ITEM_PUBLISHED else None
            self._versions.setdefault(code, []).append(published)  # type: ignore[arg-type]

    def version(self, code: str, day: int) -> ItemPublished | None:
        index = bisect_right(self._starts[code], day) - 1
        return self._versions[code][index] if index >= 0 else None

    def first_versions(self) -> list[ItemPublished]:
        return [versions[0] for versions in self._versions.values() if versions[0] is not None]


class Demand:
    """Random demand for a hall's items: a few departments, and a few items of each of them, get most of the cases.

    notice: the number of days before its retirement in which no case of an item is received.
    """

    def __init__(self, published: PublishedVersions, hall: SimulatedHall, notice: int = 0) -> None:
        self._notice = notice
        self._published = published
        versions = [v for v in published.first_versions() if not hall.departments or v.department in hall.departments]
        self._codes: Sequence[str] = [version.item_code for version in versions or published.first_versions()]
        self._until = list(accumulate(_weights(versions or published.first_versions())))

    def draw(self, day: int, dice: random.Random) -> ItemPublished:
        while True:
            index = bisect_right(self._until, dice.random() * self._until[-1])
            code = self._codes[min(index, len(self._codes) - 1)]
            version = self._published.version(code, day)
            if version is not None and self._published.version(code, day + self._notice) is not None:
                return version


def _weights(versions: Iterable[ItemPublished]) -> list[float]:
    seen: dict[str, int] = {}
    weights = []
    for version in versions:
        rank = seen[version.department] = seen.get(version.department, 0) + 1
        liking = 1.6 if version.handling == "instant" else 1.0
        weights.append(LOAD.get(version.department, LITTLE) * liking / rank**0.7)
    return weights
