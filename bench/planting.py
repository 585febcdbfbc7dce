"""Plant cheats of each kind in a county's honest year. A cheat changes only cases that no other cheat has changed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.case import CaseEvent, Kind, Opening, pack_id
from hallpulse.domain.catalogue import ItemRecord
from hallpulse.domain.clock import Case
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN, Declaration
from hallpulse.domain.figures import period_window
from hallpulse.domain.plan import Plan
from hallpulse.domain.suspicion import silent_since
from hallpulse.domain.workdays import day_of, local_day, workdays_of
from hallpulse.plans import load_plan
from services.simulator import County, simulate
from services.simulator.county import moment

from .questioning import CaseKey, Year, month_ends

ROOT = Path(__file__).parents[1]
OF_EACH, _ALL_ARRIVED = 30, 31
_SECOND = 1_000_000


def shipped_plan() -> Plan:
    return load_plan(ROOT / "plans" / "222424-2026.yaml")


def honest_year(seed: int, cases: int) -> Year:
    """Return an honest simulated year of the shipped plan's county, with all its late events."""
    plan = shipped_plan()
    calendars = {c.scope: c for c in [national_calendar(), *load_overrides(ROOT / "calendars")]}
    workdays = workdays_of(plan.region, calendars)
    until = moment(day_of(plan.period.end) + _ALL_ARRIVED)
    year = Year(plan.region, workdays, day_of(plan.period.start), day_of(plan.period.end))
    year.take(simulate(County(plan, workdays, until, seed, cases, honest=True)))
    return year


@dataclass
class Planter:
    """Plants cheats in a year, each in cases that no other has changed. planted: check → what it must find."""

    year: Year
    dice: random.Random
    planted: dict[str, set[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.folded = self.year.folded()
        self.free = set(self.folded)
        self._made = 0

    def cases(self, check: str, wanted: Callable[[Case], bool], change: Callable[[CaseKey, Case], None]) -> None:
        """Change thirty of the wanted cases."""
        able = sorted(key for key in self.free if wanted(self.folded[key]))
        for key in self.dice.sample(able, OF_EACH):
            self.use(check, key, change)

    def use(self, check: str, key: CaseKey, change: Callable[[CaseKey, Case], None]) -> None:
        self.free.discard(key)
        self.planted[check].add(key)
        change(key, self.folded[key])

    def groups(self, of: Callable[[CaseKey, Case], Any], wanted: Callable[[Case], bool], least: int) -> list[Any]:
        """Return the groups of at least `least` unchanged cases, in random order, as (name, keys)."""
        found: dict[Any, list[CaseKey]] = defaultdict(list)
        for key in sorted(self.free):
            if wanted(self.folded[key]):
                found[of(key, self.folded[key])].append(key)
        able = sorted((name, keys) for name, keys in found.items() if len(keys) >= least)
        self.dice.shuffle(able)
        return able

    def event(self, kind: Kind, time: int, **other: Any) -> CaseEvent:
        self._made += 1
        return CaseEvent(int(kind), time, pack_id(f"planted-{self._made}"), **other)

    def put(self, key: CaseKey, kind: Kind, time: int, **other: Any) -> None:
        """Replace the case's events of that kind by one event."""
        kept = [event for event in self.year.cases[key] if event.kind != kind]
        self.year.cases[key] = [*kept, self.event(kind, time, **other)]

    def drop(self, key: CaseKey, *kinds: Kind) -> None:
        self.year.cases[key] = [event for event in self.year.cases[key] if event.kind not in kinds]

    def time(self, key: CaseKey, kind: Kind) -> int:
        return max(event.time for event in self.year.cases[key] if event.kind == kind)

    def at(self, day: int, hour: float = 11.0) -> int:
        """Return a moment on that day, or on the next working day if it is none."""
        while not self.year.workdays.is_working(day):
            day += 1
        return moment(day, hour * 3600)

    def after(self, day: int, working_days: int) -> int:
        return self.at(self.year.workdays.nth_after(day, working_days) if working_days else day)


_AFTER = (Kind.DELIVERED, Kind.RATED, Kind.RATING_ANSWERED)


def _plain(case: Case) -> bool:
    """Return whether a case has a limit, kept it, and was never suspended, extended or flagged."""
    return case.timed and case.promise_kept and not case.suspensions and not case.extended and not case.flags


def _instant(case: Case) -> bool:
    return _plain(case) and case.promised_days == 0


def _promised(least: int) -> Callable[[Case], bool]:
    return lambda case: _plain(case) and (case.promised_days or 0) >= least


def plant(year: Year, dice: random.Random) -> dict[str, set[tuple[Any, ...]]]:
    """Plant thirty cheats of each kind, and return check → what it must find."""
    p = Planter(year, dice)
    limit = year.end - 150
    p.free = {key for key in p.free if p.folded[key].received < limit}
    for step in (_published_afterwards, _whole_items, _units, _came_back, _corrected, _single_cases, _ratings,
                 _catalogue, _days):  # fmt: skip
        step(p)
    return p.planted


def _decide(p: Planter, key: CaseKey, time: int) -> None:
    p.drop(key, *_AFTER)
    p.put(key, Kind.DECIDED, time)


def _whole_items(p: Planter) -> None:
    """Plant items that are decided at once despite a long promised limit, and items decided on the due day."""
    paces: dict[tuple[str, int], list[CaseKey]] = defaultdict(list)
    for key, case in sorted(p.folded.items()):
        if case.timed and case.promised_days and case.accepted is not None:
            paces[case.item_code, case.promised_days].append(key)
    able = sorted((pace, keys) for pace, keys in paces.items() if len(keys) >= 14)
    p.dice.shuffle(able)
    used = {id_.removeprefix("afterwards-") for id_ in p.year.arrived}
    for check, least in (("promise_far_from_actual", 10), ("decided_on_due_day", 3)):
        chosen = [one for one in able if one[0][1] >= least and one[0][0] not in used][:OF_EACH]
        for (code, promised), keys in chosen:
            used.add(code)
            p.planted[check].add((code,))
            for key in keys:
                p.free.discard(key)
                days = p.dice.randint(1, 2) if check == "promise_far_from_actual" else promised
                p.drop(key, Kind.SUSPENDED, Kind.RESUMED, Kind.EXTENDED)
                _decide(p, key, p.after(p.folded[key].accepted or 0, days))


def _suspend(p: Planter, days: int, *, on_eve: bool) -> Callable[[CaseKey, Case], None]:
    def change(key: CaseKey, case: Case) -> None:
        promised, accepted = case.promised_days or 0, case.accepted or 0
        before = promised - 1 if on_eve else 1
        start = p.after(accepted, before)
        end = p.after(local_day(start), days)
        p.put(key, Kind.SUSPENDED, start, text="expert_review")
        p.put(key, Kind.RESUMED, end)
        _decide(p, key, p.after(local_day(end), 1))

    return change


def _units(p: Planter) -> None:
    """Plant departments in a hall that suspend cases when these are nearly due."""
    able = p.groups(lambda key, case: (key[0], case.department), _promised(6), 20)
    for unit, keys in able[:OF_EACH]:
        p.planted["eve_suspensions"].add(unit)
        honest = sum(case.suspensions > 0 and (key[0], case.department) == unit for key, case in p.folded.items())
        for key in p.dice.sample(keys, min(len(keys), max(14, 2 * honest))):
            p.use("suspended_on_eve", key, _suspend(p, 10, on_eve=True))


def _came_back(p: Planter) -> None:
    """Plant items whose cases are withdrawn when they are nearly due, and received again."""
    able = p.groups(lambda key, case: (key[0], case.item_code), _promised(4), 10)
    for unit, keys in able[:OF_EACH]:
        p.planted["withdrawn_and_back"].add(unit)
        received = sum((key[0], case.item_code) == unit for key, case in p.folded.items())
        for key in p.dice.sample(keys, min(len(keys), max(5, received // 5))):
            p.free.discard(key)
            case, events = p.folded[key], p.year.cases[key]
            withdrawn = p.after(case.accepted or 0, (case.promised_days or 1) - 1)
            p.drop(key, Kind.DECIDED, *_AFTER)
            p.put(key, Kind.WITHDRAWN, withdrawn)
            back = p.after(local_day(withdrawn), p.dice.randint(0, 2)) + 3_600 * _SECOND
            again = [p.event(Kind(e.kind), back + e.kind * _SECOND, opening=e.opening)
                     for e in events if e.kind in (Kind.RECEIVED, Kind.ACCEPTED)]  # fmt: skip
            p.year.cases[key[0], f"{key[1]}-again"] = again


def _corrected(p: Planter) -> None:
    """Plant limits that a corrected acceptance changes after the fact."""

    def corrected(key: CaseKey, case: Case) -> None:
        promised = case.promised_days or 0
        _decide(p, key, p.after(case.accepted or 0, promised + 4))
        (accepted,) = (event for event in p.year.cases[key] if event.kind == Kind.ACCEPTED)
        p.drop(key, Kind.ACCEPTED)
        first = accepted._replace(opening=Opening(promised_days=promised))
        longer = p.event(
            Kind.ACCEPTED,
            accepted.time,
            opening=Opening(promised_days=promised + 5, statutory_days=90),
            corrects=first.key,
        )
        p.year.cases[key] += [first, longer]

    able = sorted(key for key in p.free if _promised(2)(p.folded[key]))
    for key in p.dice.sample(able, OF_EACH - OF_EACH // 2):
        p.use("limits_changed_after", key, corrected)


def _published_afterwards(p: Planter) -> None:
    """Plant limits that an item version changes after a case was decided late."""
    spans = p.year.timelines()
    for code, keys in p.groups(lambda _, case: case.item_code, _promised(3), 3):
        span = spans[code][-1]
        own = [key for key in keys if (p.folded[key].accepted or 0) > span.start and not _carries(p.year.cases[key])]
        if len(p.planted["limits_changed_after"]) >= OF_EACH // 2:
            return
        if not own or span.end is not None:
            continue
        p.free -= {key for key, case in p.folded.items() if case.item_code == code}
        key = p.dice.choice(own)
        start, promised = p.folded[key].accepted or 0, p.folded[key].promised_days or 0
        version = span.version._replace(promised_days=promised + 2, statutory_days=None)
        p.planted["limits_changed_after"].add(key)
        _decide(p, key, p.after(start, promised + 2))
        id_ = f"afterwards-{code}"
        p.year.items[code].append(ItemRecord("main", id_, moment(start), start, version))
        p.year.arrived[id_] = moment(local_day(p.time(key, Kind.DECIDED)) + 5)


def _carries(events: Sequence[CaseEvent]) -> bool:
    return any(event.opening is not None and event.opening.promised_days is not None for event in events)


def _single_cases(p: Planter) -> None:
    """Plant the cheats that concern a single case each."""
    for check, wanted, change in (
        ("slow_instant", _instant, _slow),
        ("outside_opening_days", _promised(8), _on_a_day_off),
        ("backdated_acceptance", _promised(3), _backdated),
        ("decided_before_accepted", _promised(3), _days_before),
        ("accepted_after_decided", _promised(3), _half_an_hour_before),
        ("unknown_item", _promised(1), _opened(item_code="no-such-item", promised_days=None)),
        ("promised_over_statutory", _promised(3), _opened(promised_days=40, statutory_days=20)),
        ("limit_looks_like_none", _promised(3), _opened(statutory_days=999)),
        ("repeated_without_correction", _instant, _repeated),
        ("corrects_nothing", _instant, _dangling),
    ):
        p.cases(check, wanted, partial(change, p))
    p.cases("suspended_on_eve", _promised(6), _suspend(p, 8, on_eve=True))
    p.cases("long_suspension", _promised(3), _suspend(p, 70, on_eve=False))


def _opened(**fields: Any) -> Callable[[Planter, CaseKey, Case], None]:
    """Return a change that replaces fields of the case's opening."""

    def change(p: Planter, key: CaseKey, _: Case) -> None:
        p.year.cases[key] = [
            event._replace(opening=event.opening._replace(**fields)) if event.opening is not None else event
            for event in p.year.cases[key]
        ]

    return change


def _slow(p: Planter, key: CaseKey, case: Case) -> None:
    _decide(p, key, p.after(case.accepted or 0, p.dice.randint(1, 4)))


def _on_a_day_off(p: Planter, key: CaseKey, case: Case) -> None:
    day = case.accepted or 0
    while p.year.workdays.is_working(day):
        day += 1
    _decide(p, key, moment(day, 36_000))


def _working_day_before(p: Planter, day: int) -> int:
    day -= 1
    while not p.year.workdays.is_working(day):
        day -= 1
    return day


def _days_before(p: Planter, key: CaseKey, case: Case) -> None:
    _decide(p, key, moment(_working_day_before(p, case.accepted or 0), 36_000))


def _half_an_hour_before(p: Planter, key: CaseKey, _: Case) -> None:
    _decide(p, key, p.time(key, Kind.ACCEPTED) - 1800 * _SECOND)


def _backdated(p: Planter, key: CaseKey, case: Case) -> None:
    p.put(key, Kind.ACCEPTED, moment(_working_day_before(p, case.received), 54_000), opening=Opening())


def _repeated(p: Planter, key: CaseKey, _: Case) -> None:
    p.year.cases[key].append(p.event(Kind.DECIDED, p.time(key, Kind.DECIDED) + 60 * _SECOND, text="refused"))


def _dangling(p: Planter, key: CaseKey, _: Case) -> None:
    wrong = p.event(Kind.DECIDED, p.time(key, Kind.DECIDED), corrects=pack_id("never-sent"))
    p.drop(key, Kind.DECIDED)
    p.year.cases[key].append(wrong)


def _ratings(p: Planter) -> None:
    """Plant ratings given by the staff: seconds after the decision, or all of a day within one minute."""

    def at_once(key: CaseKey, _: Case) -> None:
        p.put(key, Kind.RATED, p.time(key, Kind.DECIDED) + p.dice.randint(2, 9) * _SECOND, number=5)

    able = p.groups(lambda key, case: (key[0], case.rated), lambda case: _plain(case) and case.rated is not None, 14)
    for (hall, day), keys in able[:OF_EACH]:
        p.planted["ratings_in_a_burst"].add((hall, day))
        minute = moment(day, 17.5 * 3600)
        for key in keys:
            p.free.discard(key)
            p.put(key, Kind.RATED, minute + p.dice.randint(0, 59) * _SECOND, number=5)
    p.cases("rated_at_once", _instant, at_once)


def _catalogue(p: Planter) -> None:
    """Plant statutory limits that are doubled on one day."""
    day, spans = p.year.start + 200, p.year.timelines()
    able = [code for code, own in sorted(spans.items()) if own[-1].end is None and own[-1].start < day]
    able = [
        code for code in able if spans[code][-1].version.statutory_days and f"afterwards-{code}" not in p.year.arrived
    ]
    for code in p.dice.sample(able, OF_EACH):
        version = spans[code][-1].version
        doubled = version._replace(statutory_days=(version.statutory_days or 0) * 2)
        p.year.items[code].append(ItemRecord("main", f"doubled-{code}", moment(day), day, doubled))
        p.year.arrived[f"doubled-{code}"] = moment(day)
        p.planted["statutory_raised"].add((code,))


def plant_silences(year: Year, dice: random.Random) -> set[tuple[Any, ...]]:
    """Plant halls that send nothing for days before the end of a month; return (hall, last day of the month)."""
    halls = sorted({hall for hall, _ in year.days})
    planted = set(dice.sample([(hall, until) for hall in halls for until in month_ends(year)], OF_EACH))
    for hall, until in planted:
        since = silent_since(year.workdays, until, dice.randint(3, 5))
        for day in range(since + 1, until + 1):
            year.days.pop((hall, day), None)
    return planted


def plant_figures(year: Year, dice: random.Random) -> dict[str, set[tuple[Any, ...]]]:
    """Plant declared figures that no plan names, and figures that cannot be right, each made from an honest one."""
    planted: dict[str, set[tuple[Any, ...]]] = {UNKNOWN: set(), IMPOSSIBLE: set()}
    shares = sorted(id_ for id_, said in year.figures.items() if said.denominator)
    spoilt: Mapping[str, Sequence[Callable[[Declaration], Declaration]]] = {
        UNKNOWN: (
            lambda said: replace(said, indicator="never-asked"),
            lambda said: replace(said, department="no-such-office"),
            lambda said: replace(said, window=period_window("2031-05")),
        ),
        IMPOSSIBLE: (
            lambda said: replace(said, numerator=(said.denominator or 0) + dice.randint(1, 9)),
            lambda said: replace(said, denominator=None),
            lambda said: replace(said, arrived=said.window.start - timedelta(days=dice.randint(1, 20))),
        ),
    }
    for check, ways in spoilt.items():
        for number in range(OF_EACH):
            id_ = f"{check}-{number}"
            year.figures[id_] = ways[number % len(ways)](year.figures[dice.choice(shares)])
            planted[check].add((id_,))
    return planted


def _days(p: Planter) -> None:
    """Plant weeks in which all events of a hall came late."""
    halls = sorted({hall for hall, _ in p.year.days})
    weeks = [(hall, week) for hall in halls for week in range(p.year.start + 60, p.year.end - 20, 21)]
    busy = [(hall, first) for hall, first in weeks
            if sum(p.year.days[hall, day][0] >= 20 for day in range(first, first + 5)) >= 3]  # fmt: skip
    for hall, first in p.dice.sample(busy, OF_EACH):
        for day in range(first, first + 5):
            p.year.days[hall, day][1] = p.year.days[hall, day][0]
        days = [day for day in range(first, first + 5) if p.year.days[hall, day][1] >= 10]
        p.planted["late_events"].add((hall, days[0], days[-1]))
