"""The compression of promised limits: its change split exactly by cause and item.

Source: docs/indicators.md, "Why the compression changed". Every part is a Fraction; the parts add up to the change.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from .figures import Figure, FigureTable

COMPRESSION = "promised_limit_compression"


class ItemLimits(NamedTuple):
    """The limits of one item version, in working days, None if there is none."""

    department: str
    instant: bool
    statutory_days: int | None
    promised_days: int | None

    @property
    def parts(self) -> Parts:
        """The version's part of the ratio: shortened and statutory days, (0, 0) if no law sets a limit."""
        return parts_of(self.statutory_days or 0, self)


Parts = tuple[int, int]
"""Working days: (shortened, statutory)."""
_NOTHING: Parts = (0, 0)


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item of a county whose version changed. was, now: its limits, None if the catalogue does not have it then."""

    region: int
    item_code: str
    name: str
    was: ItemLimits | None
    now: ItemLimits | None

    @property
    def department(self) -> str:
        holds = self.now or self.was
        return holds.department if holds is not None else ""

    @property
    def before(self) -> Parts:
        return self.was.parts if self.was is not None else _NOTHING

    @property
    def after(self) -> Parts:
        return self.now.parts if self.now is not None else _NOTHING


class Cause(enum.StrEnum):
    """Causes of a change, in the order in which they are applied: each starts from the ratio that the last one left."""

    PROMISED_CUT = "promised_cut"
    STATUTORY_RAISED = "statutory_raised"
    ADDED = "added"
    RETIRED = "retired"
    RECLASSIFIED = "reclassified"


@dataclass(frozen=True, slots=True)
class ItemPart:
    """One item's part of a change of the ratio; under PROMISED_CUT, a promised limit that grew has a negative share."""

    cause: Cause
    change: ItemChange
    share: Fraction


def split(before: Figure, after: Figure, changes: Sequence[ItemChange], department: str | None) -> list[ItemPart]:
    """Split after − before exactly into parts by cause and item; return none if one of the two has no value.

    before, after: figures of a region, or of `department`. From s/t to S/T each item changes the ratio by
    (Δs − s/t · Δt) / T. A cause that would leave the denominator 0 is applied together with the next one.
    """
    if before.value is None or after.value is None:
        return []
    paths = [(change, _path(change, department)) for change in changes]
    found, held, pending = [], before, []
    for cause, step in zip(Cause, range(len(Cause)), strict=True):
        moves = [(cause, change, path[step], path[step + 1]) for change, path in paths if path[step] != path[step + 1]]
        pending += moves
        reached = _moved(held, pending)
        if reached.value is not None:
            found += _shares(held, reached, pending)
            held, pending = reached, []
    return found


_Move = tuple[Cause, ItemChange, Parts, Parts]


def _moved(held: Figure, moves: Sequence[_Move]) -> Figure:
    shortened = sum(after[0] - before[0] for _, _, before, after in moves)
    statutory = sum(after[1] - before[1] for _, _, before, after in moves)
    return held + Figure(shortened, statutory)


def _shares(held: Figure, reached: Figure, moves: Iterable[_Move]) -> list[ItemPart]:
    old = Fraction(held.numerator, held.denominator)
    return [
        ItemPart(cause, change, _effect(before, after, old) / reached.denominator)
        for cause, change, before, after in moves
    ]


def _effect(before: Parts, after: Parts, old: Fraction) -> Fraction:
    shortened, statutory = (now - was for now, was in zip(after, before, strict=True))
    return shortened - old * statutory


def _path(change: ItemChange, department: str | None) -> tuple[Parts, ...]:
    """Return an item's part of the ratio before the first cause and after each one, in the order of `Cause`."""
    was, now = (
        one if one is None or department in (None, one.department) else None for one in (change.was, change.now)
    )
    start, end = was.parts if was is not None else _NOTHING, now.parts if now is not None else _NOTHING
    if was is None or now is None:
        return _appearing(change, start, end)
    if not (start[1] and end[1]):
        return start, start, start, start, start, end
    old, new = was.statutory_days or 0, now.statutory_days or 0
    promise = now if was.instant is now.instant else was
    cut, raised = parts_of(old, promise), parts_of(new, promise)
    return start, cut, raised, raised, raised, end


def _appearing(change: ItemChange, start: Parts, end: Parts) -> tuple[Parts, ...]:
    """Return the path of an item that is there on one day only; one that changed its department is reclassified."""
    if change.was is not None and change.now is not None:
        return start, start, start, start, start, end
    if change.was is None:
        return start, start, start, end, end, end
    return start, start, start, start, end, end


def parts_of(statutory: int, promise: ItemLimits) -> Parts:
    """Return by how many days a version's promise shortens a statutory limit (0 without one), and that limit's days.

    An instant item without a promised limit is promised for the same day.
    """
    if statutory <= 0:
        return _NOTHING
    promised = promise.promised_days
    if promised is None:
        promised = 0 if promise.instant else statutory
    return statutory - promised, statutory


class CauseShare(NamedTuple):
    """The part of a change of the ratio that came from one cause."""

    cause: Cause
    share: Fraction


@dataclass(frozen=True, slots=True)
class ChangeOrigin:
    """The ratio on an earlier day, of the region and of each department, and the items that changed since."""

    table: FigureTable
    changes: Sequence[ItemChange]

    def causes(self, figure: Figure, department: str | None = None) -> tuple[CauseShare, ...]:
        """Return the exact part of the change since then that came from each cause, without causes of no effect."""
        parts = split(self.table.figure(COMPRESSION, department), figure, self.changes, department)
        sums = ((cause, sum((p.share for p in parts if p.cause is cause), Fraction(0))) for cause in Cause)
        return tuple(CauseShare(cause, share) for cause, share in sums if share)


CAUSE_NAMES: Mapping[Cause, tuple[str, str]] = {
    Cause.PROMISED_CUT: ("压缩承诺时限", "promised limits cut"),
    Cause.STATUTORY_RAISED: ("提高法定时限", "statutory limits raised"),
    Cause.ADDED: ("新增事项", "items added"),
    Cause.RETIRED: ("取消事项", "items retired"),
    Cause.RECLASSIFIED: ("事项调整", "items reclassified"),
}
"""The causes' names in Chinese and in English."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """The effect of an item that lowered the ratio; share is negative."""

    change: ItemChange
    share: Fraction


def lowerings(before: Figure, after: Figure, changes: Sequence[ItemChange], most: int) -> list[Lowering]:
    """Return the `most` items that lowered the ratio most, the worst first; none if the ratio did not fall."""
    old, new = before.value, after.value
    if old is None or new is None or new >= old:
        return []
    found = [Lowering(change, _effect(change.before, change.after, old) / after.denominator) for change in changes]
    return sorted((f for f in found if f.share < 0), key=lambda f: (f.share, f.change.item_code))[:most]
