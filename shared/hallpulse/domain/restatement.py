"""Restatements: the figures of a reported month then and now, with their change split exactly by its causes."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .figures import Figure

NOTHING = Figure(0, 0)


class ChangeKind(enum.StrEnum):
    """Kinds of causes that change a reported month, in the order in which a restatement applies them.

    CALENDARS is no kind of event: it is how the calendars of today change the figures of that time.
    """

    CALENDARS = "calendars"
    LATE_EVENTS = "late_events"
    CORRECTIONS = "corrections"
    RETRACTIONS = "retractions"
    ITEM_VERSIONS = "item_versions"
    DECLARATIONS = "declarations"


@dataclass(frozen=True, slots=True)
class Restated:
    """A figure that has changed since its report.

    name: WHO/WHAT, as in the frozen report; parts: kind → what it added to numerator and denominator. The parts add up
    to the change.
    """

    name: str
    before: Figure
    after: Figure
    parts: Mapping[ChangeKind, Figure]


def differences(stages: Sequence[Mapping[str, Figure]], first: ChangeKind) -> Iterator[Restated]:
    """Yield the figures that differ between the first stage and the last one, in order of their names.

    stages: figures by name, as published and then after each kind of cause in order; first: the kind of the first step.
    """
    kinds = [first, *list(ChangeKind)[1:]]
    for name in sorted({name for stage in stages for name in stage}):
        figures = [stage.get(name, NOTHING) for stage in stages]
        if figures[0] == figures[-1]:
            continue
        parts: dict[ChangeKind, Figure] = {}
        for kind, (was, now) in zip(kinds, pairwise(figures), strict=True):
            moved = Figure(now.numerator - was.numerator, now.denominator - was.denominator)
            parts[kind] = parts.get(kind, NOTHING) + moved
        yield Restated(name, figures[0], figures[-1], {k: part for k, part in parts.items() if part != NOTHING})
