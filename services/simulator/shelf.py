"""The catalogue as a clerk has it: which item people come for, and what its version says on a day."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from hallpulse.contract.events import EventType, ItemPublished

from .county import LITTLE, LOAD, Hall
from .reform import ItemChange


class Shelf:
    """Every item's versions by the day they begin; None from the day it is retired on."""

    def __init__(self, changes: Iterable[ItemChange]) -> None:
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
    """Which items a hall's visitors come for: some departments are busy, and of each a few items are."""

    def __init__(self, shelf: Shelf, hall: Hall) -> None:
        self._shelf = shelf
        versions = [v for v in shelf.first_versions() if not hall.departments or v.department in hall.departments]
        self._codes: Sequence[str] = [version.item_code for version in versions or shelf.first_versions()]
        self._until = list(accumulate(_weights(versions or shelf.first_versions())))

    def draw(self, day: int, dice: random.Random) -> ItemPublished:
        while True:
            index = bisect_right(self._until, dice.random() * self._until[-1])
            version = self._shelf.version(self._codes[min(index, len(self._codes) - 1)], day)
            if version is not None:
                return version


def _weights(versions: Iterable[ItemPublished]) -> list[float]:
    seen: dict[str, int] = {}
    weights = []
    for version in versions:
        rank = seen[version.department] = seen.get(version.department, 0) + 1
        liking = 1.6 if version.handling == "instant" else 1.0
        weights.append(LOAD.get(version.department, LITTLE) * liking / rank**0.7)
    return weights
