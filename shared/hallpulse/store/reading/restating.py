"""Restatements: the figures of a reported month then and now, their change split exactly by its causes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from hallpulse.domain.figures import Figure, Scope, Window, period_window
from hallpulse.domain.plan import Plan
from hallpulse.store.reports import PublishedReport

from .past import ChangeKind, Past

NOTHING = Figure(0, 0)


@dataclass(frozen=True, slots=True)
class Restated:
    """A figure that is another one now. parts: kind → what it added to numerator and denominator; they add up."""

    name: str
    before: Figure
    after: Figure
    parts: Mapping[ChangeKind, Figure]


class Turned(Protocol):
    """A moment that can be turned back, as far as a restatement asks it."""

    def turn_back(self, past: Past, scope: Scope) -> None: ...

    def month_figures(self, plan: Plan, month: Window) -> dict[str, Figure]: ...

    def calendars_digest(self) -> str: ...


def restated(
    read_back: Callable[[], AbstractContextManager[Turned]], report: PublishedReport, plan: Plan, until: int
) -> list[Restated]:
    """The figures that differ from the published ones by what had arrived by `until`, in order of their names.

    Kinds are admitted one after the other, each on top of the ones before, so their parts add up to the change. What
    was still being stored while the report was read counts among the late events, unless the calendars changed.
    """
    stages, kinds, month = [dict(report.figures)], list(ChangeKind), period_window(report.month)
    same_calendars = True
    for count in range(len(kinds)):
        admitted = frozenset(kinds[1 : count + 1])
        with read_back() as moment:
            same_calendars = moment.calendars_digest() == report.calendars
            moment.turn_back(Past(as_of=report.taken, admitted=admitted, until=until), Scope(plan.region))
            stages.append(moment.month_figures(plan, month))
    return list(_differences(stages, ChangeKind.LATE_EVENTS if same_calendars else ChangeKind.CALENDARS))


def _differences(stages: list[dict[str, Figure]], first: ChangeKind) -> Iterator[Restated]:
    kinds = [first, *list(ChangeKind)[1:]]
    for name in sorted({name for stage in stages for name in stage}):
        figures = [stage.get(name, NOTHING) for stage in stages]
        parts: dict[ChangeKind, Figure] = {}
        for kind, (was, now) in zip(kinds, pairwise(figures), strict=True):
            moved = Figure(now.numerator - was.numerator, now.denominator - was.denominator)
            if moved != NOTHING:
                parts[kind] = parts.get(kind, NOTHING) + moved
        if figures[0] != figures[-1]:
            moves = {kind: part for kind, part in parts.items() if part != NOTHING}
            yield Restated(name, figures[0], figures[-1], moves)
