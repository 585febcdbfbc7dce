"""Declarations of halls: declared figures (courts, petitions, lectures) and a small hall's daily tallies."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace

from hallpulse.contract.events import Data, EventType, FigureReported, TallyReported
from hallpulse.domain.workdays import date_of, day_of
from services.simulator.county import HALLS, MAIN_HALL, County, moment, new_id
from services.simulator.rhythm import cases_by_day


@dataclass(frozen=True, slots=True)
class HallDeclaration:
    """One declaration of a hall. time, arrives: its time and its arrival, in microseconds since 1970-01-01 UTC."""

    hall: str
    id: str
    time: int
    arrives: int
    kind: EventType
    data: Data


_Part = tuple[int, int | None]
_ALL_WON: Mapping[int, _Part] = {
    1: (1, 1),
    3: (2, 2),
    4: (1, 1),
    6: (3, 3),
    7: (1, 1),
    9: (2, 2),
    11: (1, 1),
    12: (1, 1),
}
_MONTHLY: Mapping[str, Mapping[int, _Part]] = {
    "disclosure_loss": {2: (0, 4), 4: (0, 6), 5: (1, 9), 7: (0, 5), 9: (0, 6), 10: (0, 4), 11: (0, 5), 12: (0, 2)},
    "review_then_win": _ALL_WON,
    "leader_in_court": {1: (3, 3), 2: (2, 2), 3: (6, 6), 4: (5, 5), 5: (4, 4), 6: (7, 7), 7: (4, 5), 8: (3, 3),
                        9: (6, 6), 10: (4, 4), 11: (5, 5), 12: (4, 4)},
    "judgment_performed": {2: (2, 2), 4: (3, 3), 6: (2, 2), 8: (4, 4), 10: (1, 1), 12: (2, 2)},
    "advice_answered": {1: (2, 2), 3: (3, 3), 5: (4, 4), 7: (2, 2), 8: (3, 3), 10: (5, 6), 12: (2, 2)},
    "administrative_loss": {1: (0, 5), 2: (0, 3), 3: (1, 8), 4: (0, 6), 5: (1, 7), 6: (0, 9), 7: (1, 6), 8: (0, 4),
                            9: (1, 9), 10: (0, 5), 11: (0, 6), 12: (0, 5)},
    "administrative_loss_provincial_mean": {3: (96, 941), 6: (88, 902), 9: (101, 967), 12: (90, 917)},
    # 115 old petitions, each counted in the month in which it is due
    "petition_backlog": {1: (8, 9), 2: (7, 8), 3: (11, 11), 4: (12, 12), 5: (10, 11), 6: (12, 12), 7: (11, 11),
                         8: (12, 12), 9: (11, 11), 10: (9, 10), 11: (5, 5), 12: (3, 3)},
    "law_lectures": {4: (1, None), 10: (1, None)},
    "law_training": {6: (1, None)},
    "court_meeting": {9: (1, None)},
    "policy_cleanup": {11: (1, None)},
    "inspection": {10: (1, None)},
}  # fmt: skip
"""Indicator → month → declared numerator and denominator."""
LATE, FORGETFUL = "housing", "forestry"
_FORGOTTEN_MONTH, _DAYS_LATE, _FORGOTTEN = 9, 9, "leader_in_court"
"""In September, the department LATE reports after the 5th, and FORGETFUL leaves this figure out."""
_REVISED = ("leader_in_court", 3)


def figures(county: County) -> Iterator[HallDeclaration]:
    """Yield every declared figure that the plan names, reported in the first days of the following month.

    A figure that the plan asks departments for is declared by each of them, even if there is nothing to count; every
    other figure is declared once for the county.
    """
    known = [indicator.id for indicator in county.plan.indicators if indicator.id in _MONTHLY]
    dice = county.dice("figures")
    for month, (first, following) in enumerate(_months(county), start=1):
        period = date_of(first).isoformat()[:7]
        for indicator in known:
            part = _MONTHLY[indicator].get(month)
            if askers := _asked(county, indicator, date_of(first)):
                yield from _of_departments(
                    FigureReported(indicator, period, 1, *(part or (0, 0))), askers, following, dice
                )
            elif part is not None:
                yield from _declared(
                    FigureReported(indicator, period, 1, *part), moment(following + 2, 10 * 3600), dice
                )


def _asked(county: County, indicator: str, month: date) -> list[str]:
    reporting = county.plan.reporting
    if reporting is None:
        return []
    return [one.id for one in county.plan.departments if indicator in reporting.asked(one.id, month)]


def _of_departments(
    whole: FigureReported, departments: Sequence[str], following: int, dice: random.Random
) -> Iterator[HallDeclaration]:
    """Yield a county's figure as one figure of each department; the counted things are spread over them at random."""
    parts = {department: [0, 0] for department in departments}
    busy = [one for one in departments if one not in (LATE, FORGETFUL)] or list(departments)
    for number in range(whole.denominator or 0):
        part = parts[dice.choice(busy)]
        part[0] += number < whole.numerator
        part[1] += 1
    forgotten = int(whole.period[-2:]) == _FORGOTTEN_MONTH
    for order, (department, (numerator, denominator)) in enumerate(parts.items()):
        if forgotten and department == FORGETFUL and whole.indicator == _FORGOTTEN:
            continue
        days = _DAYS_LATE if forgotten and department == LATE else 2
        at = moment(following + days, 10 * 3600) + order * 1_000_000
        yield from _declared(
            FigureReported(whole.indicator, whole.period, 1, numerator, denominator, department), at, dice
        )


def _declared(data: FigureReported, at: int, dice: random.Random) -> Iterator[HallDeclaration]:
    """Yield a figure; one figure is first declared wrong and revised after eight days."""
    if (data.indicator, int(data.period[-2:])) == _REVISED and data.numerator:
        yield _figure(replace(data, numerator=data.numerator - 1), at, dice)
        yield _figure(replace(data, revision=2), at + 8 * 86_400_000_000, dice)
    else:
        yield _figure(data, at, dice)


def _figure(data: FigureReported, at: int, dice: random.Random) -> HallDeclaration:
    return HallDeclaration(MAIN_HALL, new_id(dice, at), at, at + 5_000_000, EventType.FIGURE_REPORTED, data)


def _months(county: County) -> Iterator[tuple[int, int]]:
    """Yield the first day of each month of the period, with the first day of the following month."""
    first = county.first_day
    while first <= county.last_day:
        when = date_of(first)
        following = day_of(when.replace(year=when.year + when.month // 12, month=when.month % 12 + 1, day=1))
        yield first, following
        first = following


def tallies(county: County) -> Iterator[HallDeclaration]:
    """Yield the daily tallies of the halls that send no cases; one in twenty is corrected the next day."""
    dice = county.dice("tallies", county.cases)
    for hall in (hall for hall in HALLS if hall.tallies_only):
        for day, cases in enumerate(cases_by_day(county), start=county.first_day):
            accepted, chance = round(cases * 0.03 * dice.uniform(0.7, 1.3)), dice.random()
            if not county.workdays.is_working(day):
                continue
            unified = round(accepted * dice.uniform(0.5, 0.8))
            decided = max(0, accepted - dice.randint(0, 2))
            counts = (accepted, int(chance > 0.7), unified, round(accepted * 0.6), decided, round(decided * 0.55))
            at = moment(day, 17.2 * 3600)
            yield _tally(hall.id, TallyReported(date_of(day).isoformat(), 1, *counts), at, dice)
            if chance < 0.05:
                better = (accepted + 1, *counts[1:])
                data = TallyReported(date_of(day).isoformat(), 2, *better)
                yield _tally(hall.id, data, at + 57_600_000_000, dice)


def _tally(hall: str, data: TallyReported, at: int, dice: random.Random) -> HallDeclaration:
    return HallDeclaration(hall, new_id(dice, at), at, at + 3_000_000, EventType.TALLY_REPORTED, data)
