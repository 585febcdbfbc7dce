"""The checks that judge numbers instead of single cases: they find, by a plan's thresholds, which counts are suspect.

Pure functions: the store counts in SQL, a bench counts in memory, and both call them. Days are ints since 1970-01-01.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from statistics import median
from typing import Any, NamedTuple

from .catalogue import Rewritten
from .clock import NONE_LIKE_LIMITS
from .integrity import Thresholds, ThresholdsOf
from .workdays import Workdays, local_day

SHORTEST_PROMISE = 3
"""The shortest promise, in working days, that `bunched` judges: under a shorter one the due day is no choice."""
EVE_DAYS = 2
"""The days of a limit that are its eve: those with one working day left, or none."""
BY_CHANCE = Fraction(1, 1000)
SOMETIMES_LATE = Fraction(1, 20)
"""The share of cases that may be late in any hall: among few cases, one or two may be late by chance."""
HABIT_DAYS = 20
"""A hall that has sent on fewer days has no habit yet."""
COUNTED_FROM = 10
"""The smallest number that is judged: smaller ones repeat, and end in 0 or 5, by chance."""
_ROUND = Fraction(1, 5)
"""The share of counted numbers that end in 0 or 5."""

Row = Mapping[str, Any]


def tail(times: int, hits: int, chance: Fraction) -> Fraction:
    """Return the exact probability of `hits` or more hits in `times` independent trials, each hit with `chance`."""
    if chance >= 1:
        return Fraction(1)
    hit, of = chance.numerator, chance.denominator  # with integers: fractions take a hundred times as long
    ways = sum(math.comb(times, k) * hit**k * (of - hit) ** (times - k) for k in range(hits, times + 1))
    return Fraction(ways, of**times)


class ItemPace(NamedTuple):
    """Timed decided cases of an item under one promise.

    p90: of elapsed working days; on_due: decided on the last day that keeps the promise and its extensions; late:
    decided after it.
    """

    region: int
    item_code: str
    department: str
    promised_days: int
    decided: int
    p90: int
    on_due: int
    late: int


def far_promises(paces: Iterable[ItemPace], thresholds: ThresholdsOf) -> list[Row]:
    """Return the items whose promise says little: nearly all cases are much faster, or one in ten is much slower."""
    return [
        {name: getattr(one, name) for name in ("region", "item_code", "department", "promised_days", "decided", "p90")}
        for one in paces
        if _is_far(one, thresholds(one.region))
    ]


def _is_far(one: ItemPace, t: Thresholds) -> bool:
    if one.decided < t.promise_cases or one.promised_days <= 0:
        return False
    if one.p90 > one.promised_days:
        far = one.p90 - one.promised_days >= t.promise_days
        return far and tail(one.decided, one.late, SOMETIMES_LATE) <= BY_CHANCE
    return one.promised_days - one.p90 >= t.promise_days and one.promised_days >= t.promise_factor * one.p90


def bunched(paces: Iterable[ItemPace], thresholds: ThresholdsOf) -> list[Row]:
    """Return the items mostly decided on the due day: the work may be done earlier, or the decision dated back."""
    found: list[Row] = []
    for one in paces:
        t = thresholds(one.region)
        often = one.decided >= t.due_day_cases and one.on_due >= t.due_day_share * one.decided
        if often and one.promised_days >= SHORTEST_PROMISE:
            names = ("region", "item_code", "department", "promised_days", "decided", "on_due")
            found.append({name: getattr(one, name) for name in names})
    return found


class Pauses(NamedTuple):
    """Suspended cases of a unit (a department in a hall) under one limit (promise and extensions, above 1 day)."""

    region: int
    hall: str
    department: str
    limit: int
    suspended: int
    on_eve: int


def eve_units(pauses: Iterable[Pauses], thresholds: ThresholdsOf) -> list[Row]:
    """Return the units whose suspensions begin on the eve far more often than they would by chance."""
    found: list[Row] = []
    for (region, hall, department), group in groupby(sorted(pauses), key=lambda one: one[:3]):
        t, listed = thresholds(region), list(group)
        suspended, on_eve = sum(one.suspended for one in listed), sum(one.on_eve for one in listed)
        if on_eve < t.eve_cases or on_eve < t.eve_share * suspended:
            continue
        chance = sum((Fraction(EVE_DAYS * one.suspended, one.limit) for one in listed), Fraction(0)) / suspended
        if tail(suspended, on_eve, chance) <= BY_CHANCE:
            row = {"region": region, "hall": hall, "department": department}
            found.append({**row, "suspended": suspended, "on_eve": on_eve})
    return found


class Burst(NamedTuple):
    """Ratings that people gave a hall in one minute, except for those right after the decisions."""

    region: int
    hall: str
    day: int
    minute: int
    ratings: int


def bursts(minutes: Iterable[Burst], thresholds: ThresholdsOf) -> list[Row]:
    """Return the days on which a hall's ratings came all at once, one row for each hall and day."""
    days: dict[tuple[int, str, int], list[Burst]] = defaultdict(list)
    for one in minutes:
        if one.ratings >= thresholds(one.region).burst_ratings:
            days[one[:3]].append(one)
    return [
        {"region": region, "hall": hall, "day": day, "ratings": sum(one.ratings for one in found),
         "minutes": len(found)}
        for (region, hall, day), found in sorted(days.items())
    ]  # fmt: skip


class HallDay(NamedTuple):
    """The number of a hall's events of a day, and of those that arrived over a day later."""

    region: int
    hall: str
    day: int
    events: int
    late: int


def late_halls(days: Iterable[HallDay], start: int, end: int, thresholds: ThresholdsOf) -> list[Row]:
    """Return the stretches of days in [start, end] whose events arrived later than the hall's habit, a row for each.

    days: also those of the past, which show the habit: the median share of late events. A hall that has sent on fewer
    than HABIT_DAYS days has no habit yet: its days, taken together, are compared with the threshold alone.
    """
    found: list[Row] = []
    for (region, hall), group in groupby(sorted(days), key=lambda one: one[:2]):
        t, listed = thresholds(region), list(group)
        own = [one for one in listed if start <= one.day <= end]
        if len(listed) < HABIT_DAYS:
            late, events = sum(one.late for one in own), sum(one.events for one in own)
            if late and late >= t.late_share * events:
                found.append(_stretch(region, hall, own, Fraction(0)))
            continue
        habit = median(Fraction(one.late, one.events) for one in listed)
        bad = [one for one in own if one.late >= t.late_events and one.late >= (habit + t.late_share) * one.events]
        found += (_stretch(region, hall, stretch, habit) for stretch in _runs(bad))
    return found


def _runs(days: Sequence[HallDay]) -> Iterator[list[HallDay]]:
    """Yield stretches of days that follow each other within three days: a weekend does not end a stretch."""
    run: list[HallDay] = []
    for one in days:
        if run and one.day - run[-1].day > 3:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _stretch(region: int, hall: str, days: Sequence[HallDay], habit: Fraction) -> Row:
    late, events = sum(one.late for one in days), sum(one.events for one in days)
    return {"region": region, "hall": hall, "first_day": days[0].day, "last_day": days[-1].day, "events": late,
            "of": events, "habit_percent": round(habit * 100)}  # fmt: skip


def silent_since(workdays: Workdays, until: int, working_days: int) -> int:
    """Return a day: a hall without events after it is silent.

    It is the last day that is followed by `working_days` working days up to `until`.
    """
    day = until
    while workdays.count(day, until) < working_days:
        day -= 1
    return day


class Withdrawal(NamedTuple):
    """A case that was withdrawn undecided, with its item and hall. day: the day of the withdrawal."""

    region: int
    hall: str
    item_code: str
    department: str
    received: int
    day: int


class Receipts(NamedTuple):
    """The days on which a hall received cases of an item, one entry for each case."""

    region: int
    hall: str
    item_code: str
    days: Sequence[int]


def came_back(withdrawn: Iterable[Withdrawal], receipts: Iterable[Receipts], thresholds: ThresholdsOf) -> list[Row]:
    """Return a hall's items with many cases that were withdrawn and, within days, received again.

    No event names the applicant, so a case that came back cannot be told from a new one: an item is found if the share
    of its cases is large enough. Each receipt is matched with one withdrawal, the earliest that is left.
    """
    days = {one[:3]: sorted(one.days) for one in receipts}
    found: list[Row] = []
    for (region, hall, item), group in groupby(sorted(withdrawn), key=lambda one: one[:3]):
        t, listed, received = thresholds(region), list(group), days.get((region, hall, item), [])
        back = _answered(listed, received, t.back_days)
        if back >= t.back_cases and back >= t.back_share * len(received):
            row = {"region": region, "hall": hall, "item_code": item, "department": listed[0].department}
            found.append({**row, "withdrawn": len(listed), "back": back, "received": len(received)})
    return found


def _answered(withdrawn: Sequence[Withdrawal], received: Sequence[int], within: int) -> int:
    left, back = list(received), 0
    for one in sorted(withdrawn, key=lambda one: one.day):
        answer = next((day for day in left if one.day <= day <= one.day + within and day > one.received), None)
        if answer is not None:
            left.remove(answer)
            back += 1
    return back


class DeclaredNumber(NamedTuple):
    """A declared figure that counts, of one period."""

    region: int
    indicator: str
    department: str
    period: str
    numerator: int
    denominator: int | None


def uncounted(figures: Iterable[DeclaredNumber], thresholds: ThresholdsOf) -> list[Row]:
    """Return the series of declared figures that look made up: one number repeated, or mostly round numbers."""
    found: list[Row] = []
    for key, group in groupby(sorted(figures, key=lambda one: one[:4]), key=lambda one: one[:3]):
        series, t = list(group), thresholds(key[0])
        reason = _suspect(series, t)
        if reason is not None:
            last = series[-1]
            row = dict(zip(("region", "indicator", "department"), key, strict=True))
            found.append({**row, "period": last.period, "hall": "", "numerator": last.numerator,
                          "denominator": last.denominator, "first_period": series[0].period,
                          "figures": len(series), **reason})  # fmt: skip
    return found


def _suspect(series: Sequence[DeclaredNumber], t: Thresholds) -> Row | None:
    repeats = max(_repeats(series), default=0)
    if repeats >= t.repeats:
        return {"why": "repeated", "times": repeats}
    numbers = [number for one in series for number in one[4:6] if number is not None and number >= COUNTED_FROM]
    ends = Counter(number % 10 for number in numbers)
    hits = ends[0] + ends[5]
    often = len(numbers) >= t.round_numbers and hits >= t.round_share * len(numbers)
    if often and tail(len(numbers), hits, _ROUND) <= BY_CHANCE:
        return {"why": "round", "times": hits}
    return None


def _repeats(series: Sequence[DeclaredNumber]) -> Iterator[int]:
    """Yield how often in a row each number that is large enough was declared unchanged."""
    for (numerator, denominator), run in groupby(series, key=lambda one: one[4:6]):
        if max(numerator, denominator or 0) >= COUNTED_FROM:
            yield len(list(run))


class Decision(NamedTuple):
    """A timed case that kept its promise, and its decision.

    decided: the day of the decision; came: when the decision arrived, microseconds since 1970-01-01 UTC, or None if
    that says nothing, as for a decision that an import repeated.
    """

    accepted: int
    decided: int
    came: int | None
    elapsed: int
    promised_days: int
    extended: int


def is_raised(change: Rewritten) -> bool:
    """Return whether a statutory limit was raised for past days, after the shorter one had been known for a day."""
    known, now = change.known.statutory_days or 0, change.version.statutory_days or 0
    return 0 < known < now and now not in NONE_LIKE_LIMITS and local_day(change.since) < local_day(change.until)


def is_rescued(one: Decision, change: Rewritten) -> bool:
    """Return whether the case keeps its promise only because of a version that came after the decision.

    The version in force is compared with the one known on the day of the decision, or when the decision arrived. If
    none was known then, no limit was changed after the decision.
    """
    known, now = change.known.promised_days, change.version.promised_days
    inside = change.start <= one.accepted and (change.end is None or one.accepted < change.end)
    if known is None or now != one.promised_days or not inside:
        return False
    on_the_day = local_day(change.since) <= one.decided < local_day(change.until)
    at_arrival = one.came is not None and change.since <= one.came < change.until
    needed = known + one.extended < one.elapsed <= one.promised_days + one.extended
    return needed and (on_the_day or at_arrival)
