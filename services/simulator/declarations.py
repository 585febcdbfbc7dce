"""Declared data: figures of courts, petitions and lectures, and a small hall's daily counts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hallpulse.contract.events import Data, EventType, FigureReported, TallyReported
from hallpulse.domain.workdays import date_of, day_of
from services.simulator.county import HALLS, MAIN_HALL, County, moment, new_id
from services.simulator.rhythm import cases_by_day


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration of a hall. time, arrives: microseconds since 1970-01-01 UTC."""

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
    # 115 old petitions, counted as denominator once, in January.
    "petition_backlog": {1: (8, 115), 2: (7, 0), 3: (11, 0), 4: (12, 0), 5: (11, 0), 6: (12, 0), 7: (11, 0),
                         8: (12, 0), 9: (11, 0), 10: (10, 0), 11: (7, 0), 12: (3, 0)},
    "law_lectures": {4: (1, None), 10: (1, None)},
    "law_training": {6: (1, None)},
    "court_meeting": {9: (1, None)},
    "policy_cleanup": {11: (1, None)},
    "inspection": {10: (1, None)},
}  # fmt: skip
"""Indicator → month → declared numerator and denominator."""
MONTHLY_REPORT = "monthly_report"
FIRST_MONTHLY_REPORT = 7
"""The report of 5 August covers January to July; before it there is none."""
FORGETFUL = frozenset(("housing", "forestry"))
_FORGOTTEN = frozenset((9,))
_REVISED = ("leader_in_court", 3)


def figures(county: County) -> Iterator[Declaration]:
    """Yield every declared figure that the plan names, in the first days of the following month."""
    known = {indicator.id for indicator in county.plan.indicators}
    dice = county.dice("figures")
    for month, (first, following) in enumerate(_months(county), start=1):
        period, at = date_of(first).isoformat()[:7], moment(following + 2, 10 * 3600)
        for indicator, by_month in _MONTHLY.items():
            if indicator in known and month in by_month:
                yield from _declared(indicator, period, by_month[month], at, dice)
        if MONTHLY_REPORT in known and month >= FIRST_MONTHLY_REPORT:
            yield from _monthly_reports(county, month, period, moment(following + 5, 9 * 3600), dice)


def _declared(indicator: str, period: str, part: _Part, at: int, dice: random.Random) -> Iterator[Declaration]:
    """Yield an indicator's figures; one of them is wrong at first, and revised."""
    numerator, denominator = part
    if (indicator, int(period[-2:])) == _REVISED:
        yield _figure(FigureReported(indicator, period, 1, numerator - 1, denominator), at, dice)
        yield _figure(FigureReported(indicator, period, 2, numerator, denominator), at + 8 * 86_400_000_000, dice)
    else:
        yield _figure(FigureReported(indicator, period, 1, numerator, denominator), at, dice)


def _monthly_reports(county: County, month: int, period: str, at: int, dice: random.Random) -> Iterator[Declaration]:
    for number, department in enumerate(county.departments):
        on_time = int(not (department in FORGETFUL and month in _FORGOTTEN))
        data = FigureReported(MONTHLY_REPORT, period, 1, on_time, 1, department)
        yield _figure(data, at + number * 1_000_000, dice)


def _figure(data: FigureReported, at: int, dice: random.Random) -> Declaration:
    return Declaration(MAIN_HALL, new_id(dice, at), at, at + 5_000_000, EventType.FIGURE_REPORTED, data)


def _months(county: County) -> Iterator[tuple[int, int]]:
    """Return the first day of each month of the period, and of the next one."""
    first = county.first_day
    while first <= county.last_day:
        when = date_of(first)
        following = day_of(when.replace(year=when.year + when.month // 12, month=when.month % 12 + 1, day=1))
        yield first, following
        first = following


def tallies(county: County) -> Iterator[Declaration]:
    """Yield daily counts of the halls that send no cases; one in twenty is corrected the next day."""
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


def _tally(hall: str, data: TallyReported, at: int, dice: random.Random) -> Declaration:
    return Declaration(hall, new_id(dice, at), at, at + 3_000_000, EventType.TALLY_REPORTED, data)
