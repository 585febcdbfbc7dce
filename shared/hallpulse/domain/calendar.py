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


class Calendars:
    """The calendars in force at one moment, and the working days of counties under them.

    Counties under the same calendars share their working days: each takes 12 ms to make. May be shared by threads.
    """

    def __init__(self, by_scope: Mapping[int, Calendar]) -> None:
        self._by_scope = by_scope
        self._made: dict[tuple[int, ...], Workdays] = {}

    def workdays(self, region: int) -> Workdays:
        """The working days of a county."""
        scopes = self._scopes(region)
        known = self._made.get(scopes)
        return self._made.setdefault(scopes, workdays_of(region, self._by_scope)) if known is None else known

    def made(self, region: int) -> Workdays | None:
        """The working days of a county, or None where they have not been asked for yet."""
        return self._made.get(self._scopes(region))

    def _scopes(self, region: int) -> tuple[int, ...]:
        return tuple(scope for scope in scopes_of(region) if scope in self._by_scope)


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
