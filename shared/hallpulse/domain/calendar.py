"""A calendar as data: what differs from the plain week, nationally and below; counties inherit from above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from .workdays import SpecialDay, Workdays, day_of

NATIONAL = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """Special days of one scope: 0 is national, otherwise a region code (a county, XXXX00 or XX0000).

    provisional_years: years for which no official list is known; their days are computed and may still change.
    """

    scope: int
    days: Mapping[date, tuple[bool, str]]
    provisional_years: frozenset[int] = frozenset()


def scopes_of(region: int) -> tuple[int, ...]:
    """The scopes whose calendars hold in a county, the most general first."""
    return NATIONAL, region // 10_000 * 10_000, region // 100 * 100, region


def workdays_of(region: int, calendars: Mapping[int, Calendar]) -> Workdays:
    """The county's working days: each scope's days over those of the scopes above it."""
    special: dict[int, SpecialDay] = {}
    provisional: frozenset[int] = frozenset()
    for scope in dict.fromkeys(scopes_of(region)):
        calendar = calendars.get(scope)
        if calendar is None:
            continue
        provisional |= calendar.provisional_years
        for day, (working, name) in calendar.days.items():
            special[day_of(day)] = SpecialDay(working, name, regional=scope != NATIONAL)
    return Workdays(special, provisional)
