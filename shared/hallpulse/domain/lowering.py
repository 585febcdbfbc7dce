"""Which item versions pulled promised_limit_compression down, and by how much: exactly, and adding up to the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .figures import Figure

COMPRESSION = "promised_limit_compression"


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item whose effective version is another one than before; days: (shortened, statutory), 0 while not there."""

    item_code: str
    name: str
    department: str
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lowering:
    """The effect of one item on the ratio; share is negative."""

    change: ItemChange
    share: Fraction


def lowerings(before: Figure, after: Figure, changes: Sequence[ItemChange], most: int) -> list[Lowering]:
    """The items that lowered the ratio most, the worst first; none where the ratio did not fall.

    From s/t to S/T the ratio changes by Σ(Δs − s/t · Δt) / T: each item's term is its own part of the change.
    """
    old, new = before.value, after.value
    if old is None or new is None or new >= old:
        return []
    found = [Lowering(change, _part(change, old) / after.denominator) for change in changes]
    return sorted((f for f in found if f.share < 0), key=lambda f: (f.share, f.change.item_code))[:most]


def _part(change: ItemChange, old: Fraction) -> Fraction:
    shortened, statutory = (now - was for now, was in zip(change.after, change.before, strict=True))
    return shortened - old * statutory
