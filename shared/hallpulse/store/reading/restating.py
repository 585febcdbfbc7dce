"""A reported month read again, with one kind of later events after the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from hallpulse.domain.figures import Figure, Scope, Window, days_of
from hallpulse.domain.plan import Plan
from hallpulse.domain.restatement import ChangeKind, Restated, differences
from hallpulse.store.reports import PublishedReport

from .past import Past


class Turned(Protocol):
    """A moment that can be turned back, with the queries that a restatement needs."""

    def turn_back(self, past: Past, scope: Scope) -> None: ...

    def month_figures(self, plan: Plan, month: Window, scope: Scope | None = None) -> dict[str, Figure]: ...

    def calendars_digest(self) -> str: ...


def restated(
    read_back: Callable[[], AbstractContextManager[Turned]], report: PublishedReport, plan: Plan, until: int
) -> list[Restated]:
    """Return the figures that differ from the published ones because of events by `until`, in order of their names.

    Kinds are admitted one after the other, each in addition to those before, so their parts add up to the change.
    Events that were being stored while the report was read count as late events, unless the calendars changed.
    """
    stages, kinds, month = [dict(report.figures)], list(ChangeKind), days_of(report.month)
    scope = Scope(plan.region, report.about.department, report.about.hall)
    same_calendars = True
    for count in range(len(kinds)):
        admitted = frozenset(kinds[1 : count + 1])
        with read_back() as moment:
            same_calendars = moment.calendars_digest() == report.calendars
            moment.turn_back(Past(as_of=report.taken, admitted=admitted, until=until), Scope(plan.region))
            stages.append(moment.month_figures(plan, month, scope))
    return list(differences(stages, ChangeKind.LATE_EVENTS if same_calendars else ChangeKind.CALENDARS))
