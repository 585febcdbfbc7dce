"""Run the integrity checks on a county's year in memory, with the store's conditions but without a server."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any, cast

from hallpulse.contract.events import CaseData, EventType, FigureReported, ItemPublished
from hallpulse.domain import expression, suspicion
from hallpulse.domain.case import CaseEvent, Flag, Kind, pack_id
from hallpulse.domain.catalogue import ItemRecord, ItemSpan, rewritten, timeline
from hallpulse.domain.clock import NONE_LIKE_LIMITS, Case, KeptPromise, fold, needed_late_extension
from hallpulse.domain.declarations import IMPOSSIBLE, UNKNOWN, Declaration, fault_of
from hallpulse.domain.figures import period_window
from hallpulse.domain.integrity import (
    ACCEPTED_BY_MACHINE,
    CHANGED_LIMIT,
    CHECKS,
    DECIDED_BY_MACHINE,
    LATE_MINUTES,
    ThresholdsOf,
)
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import Workdays, date_of, day_of, local_day
from hallpulse.store.database import case_event
from services.simulator import Sent

CaseKey = tuple[str, str]
"""Hall and case."""
_ITEMS = (EventType.ITEM_PUBLISHED, EventType.ITEM_RETIRED)
USUAL = ThresholdsOf()


@dataclass(slots=True)
class Year:
    """A county's events by their subjects.

    start, end: first and last day; arrived: id of an item version → when it arrived; came: key of a case's event → when
    it arrived, if known.
    """

    region: int
    workdays: Workdays
    start: int
    end: int
    cases: dict[CaseKey, list[CaseEvent]] = field(default_factory=lambda: defaultdict(list))
    items: dict[str, list[ItemRecord]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[str, int] = field(default_factory=dict)
    came: dict[bytes, int] = field(default_factory=dict)
    figures: dict[str, Declaration] = field(default_factory=dict)
    days: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def take(self, stream: Iterable[Sent]) -> None:
        """Add events, each id only once."""
        seen: set[str] = set()
        for arrives, event in stream:
            if event.id in seen:
                continue
            seen.add(event.id)
            day = self.days[event.hall, local_day(event.time)]
            day[0] += 1
            day[1] += arrives - event.time > LATE_MINUTES * 60_000_000
            if isinstance(event.data, CaseData):
                key = pack_id(event.id)
                self.cases[event.hall, event.data.case_id].append(case_event(event, key))
                self.came[key] = arrives
            elif event.type in _ITEMS:
                data: Any = event.data
                version = data.version if isinstance(data, ItemPublished) else None
                first = day_of(date.fromisoformat(data.effective_from))
                self.items[event.entity].append(ItemRecord(event.hall, event.id, event.time, first, version))
                self.arrived[event.id] = arrives
            elif isinstance(event.data, FigureReported):
                self.figures[event.id] = declaration(self.region, event.data, arrives)

    def timelines(self) -> dict[str, list[ItemSpan]]:
        return {code: timeline(records) for code, records in self.items.items()}

    def folded(self) -> dict[CaseKey, Case]:
        """Return every case whose receipt has arrived."""
        spans = self.timelines()
        folded = ((key, fold(events, self.workdays, spans)) for key, events in self.cases.items())
        return {key: case for key, case in folded if case is not None}


def declaration(region: int, said: FigureReported, arrives: int) -> Declaration:
    window, arrived = period_window(said.period), date_of(local_day(arrives))
    return Declaration(region, said.indicator, said.department or "", window, said.numerator, said.denominator, arrived)


def _condition(where: str) -> Callable[[Case], bool]:
    return cast(
        Callable[[Case], bool], expression.compiled("found", "case", result=f"bool({expression.of('case', where)})")
    )


_OF_CASES = {check.id: _condition(check.where) for check in CHECKS if check.where is not None}
_MACHINE_ACCEPTED, _MACHINE_DECIDED = _condition(ACCEPTED_BY_MACHINE), _condition(DECIDED_BY_MACHINE)
_CHANGED = _condition(CHANGED_LIMIT)


def questioned(year: Year) -> dict[str, set[tuple[Any, ...]]]:
    """Return check → its findings, each as the key of its case, item or unit."""
    cases = {key: case for key, case in year.folded().items() if year.start <= _day(case) <= year.end}
    found: dict[str, set[tuple[Any, ...]]] = {
        id_: {key for key, case in cases.items() if condition(case)} for id_, condition in _OF_CASES.items()
    }
    found["outside_opening_days"] = {key for key, case in cases.items() if _outside(case, year.workdays)}
    rescued = {*_rescued(year, cases), *_extended_late(year, cases)}
    found["limits_changed_after"] = {key for key, case in cases.items() if _CHANGED(case)} | rescued
    found["statutory_raised"] = set(_raised(year))
    return found | _judged(year, cases)


def _day(case: Case) -> int:
    return next(day for day in (case.decided, case.accepted, case.received) if day is not None)


def _outside(case: Case, workdays: Workdays) -> bool:
    accepted, decided = (day is not None and not workdays.is_working(day) for day in (case.accepted, case.decided))
    return (accepted and not _MACHINE_ACCEPTED(case)) or (decided and not _MACHINE_DECIDED(case))


def _raised(year: Year) -> Iterable[tuple[Any, ...]]:
    for code, spans in year.timelines().items():
        for before, after in pairwise(spans):
            was, now = before.version.statutory_days, after.version.statutory_days
            if was is not None and now is not None and now > was and now not in NONE_LIKE_LIMITS:
                yield (code,)
    for code, records in year.items.items():
        changes = rewritten(_known(year, records))
        if any(suspicion.is_raised(one) and year.start <= local_day(one.until) <= year.end for one in changes):
            yield (code,)


def _rescued(year: Year, cases: Mapping[CaseKey, Case]) -> Iterable[CaseKey]:
    changed = {code: list(rewritten(_known(year, records))) for code, records in year.items.items() if len(records) > 1}
    for key, case in cases.items():
        changes = changed.get(case.item_code, ())
        if changes and case.timed and case.promise_kept and case.accepted is not None:
            decision = _decision(year, key, case)
            if any(suspicion.is_rescued(decision, change) for change in changes):
                yield key


def _extended_late(year: Year, cases: Mapping[CaseKey, Case]) -> Iterable[CaseKey]:
    for key, case in cases.items():
        if case.extended and case.timed and case.promise_kept and (case.elapsed or 0) > (case.promised_days or 0):
            kept = KeptPromise(case.accepted or 0, case.decided or 0, case.elapsed or 0, case.promised_days or 0)
            if needed_late_extension(kept, year.cases[key], year.workdays):
                yield key


def _known(year: Year, records: Iterable[ItemRecord]) -> list[tuple[int, list[ItemSpan]]]:
    """Return an item's timeline as it was known after each arrival: (arrival, timeline)."""
    listed = [(year.arrived[record.id], record) for record in records]
    return [(at, timeline(r for came, r in listed if came <= at)) for at in sorted({at for at, _ in listed})]


def _decision(year: Year, key: CaseKey, case: Case) -> suspicion.Decision:
    came = min(year.came.get(one.key, one.time) for one in year.cases[key] if one.kind == Kind.DECIDED)
    elapsed, promised = case.elapsed or 0, case.promised_days or 0
    return suspicion.Decision(case.accepted or 0, case.decided or 0, came, elapsed, promised, case.extended)


def _judged(year: Year, cases: Mapping[CaseKey, Case]) -> dict[str, set[tuple[Any, ...]]]:
    region, listed = year.region, [(key[0], case) for key, case in cases.items()]
    pauses = Counter(
        (hall, case.department, (case.promised_days or 0) + case.extended, bool(case.flags & Flag.SUSPENDED_ON_EVE))
        for hall, case in listed
        if case.suspensions and case.accepted is not None and (case.promised_days or 0) + case.extended > 1
    )
    units = {key[:3] for key in pauses}
    minutes = Counter(
        (hall, case.rated or 0, case.rated_minute or 0)
        for hall, case in listed
        if case.rated is not None and not case.rated_by_default and not case.flags & Flag.RATED_AT_ONCE
    )
    withdrawn = [
        suspicion.Withdrawal(region, hall, case.item_code, case.department, case.received, case.withdrawn)
        for hall, case in listed
        if case.withdrawn is not None and case.decided is None and case.rejected is None
    ]
    received: dict[tuple[str, str], list[int]] = defaultdict(list)
    for hall, case in listed:
        received[hall, case.item_code].append(case.received)
    receipts = [suspicion.Receipts(region, *key, days) for key, days in received.items()]
    paces = _paces(region, cases)
    days = [suspicion.HallDay(region, hall, day, *counts) for (hall, day), counts in year.days.items()]
    eves = [suspicion.Pauses(region, *unit, pauses[*unit, True] + pauses[*unit, False], pauses[*unit, True])
            for unit in units]  # fmt: skip
    burst = [suspicion.Burst(region, *key, count) for key, count in minutes.items()]
    return {
        "promise_far_from_actual": _named(suspicion.far_promises(paces, USUAL), "item_code"),
        "decided_on_due_day": _named(suspicion.bunched(paces, USUAL), "item_code"),
        "eve_suspensions": _named(suspicion.eve_units(eves, USUAL), "hall", "department"),
        "ratings_in_a_burst": _named(suspicion.bursts(burst, USUAL), "hall", "day"),
        "late_events": _named(suspicion.late_halls(days, year.start, year.end, USUAL), "hall", "first_day", "last_day"),
        "withdrawn_and_back": _named(suspicion.came_back(withdrawn, receipts, USUAL), "hall", "item_code"),
    }


def _paces(region: int, cases: Mapping[CaseKey, Case]) -> list[suspicion.ItemPace]:
    took: dict[tuple[str, str, int], list[Case]] = defaultdict(list)
    for case in cases.values():
        if case.timed and case.promised_days:
            took[case.item_code, case.department, case.promised_days].append(case)
    return [
        suspicion.ItemPace(region, *key, len(own), _p90(own), sum(map(_on_due, own)), _late(own))
        for key, own in took.items()
    ]


def _p90(cases: Iterable[Case]) -> int:
    """Return the 90th percentile of elapsed working days, like PostgreSQL's percentile_disc(0.9)."""
    elapsed = sorted(case.elapsed or 0 for case in cases)
    return elapsed[-(-len(elapsed) * 9 // 10) - 1]


def _late(cases: Iterable[Case]) -> int:
    return sum(not case.promise_kept for case in cases)


def _on_due(case: Case) -> bool:
    return case.elapsed == (case.promised_days or 0) + case.extended


def silences(year: Year) -> set[tuple[Any, ...]]:
    """Return (hall, last day of the month) for each month at whose end the hall had fallen silent."""
    newest: dict[str, list[int]] = defaultdict(list)
    for hall, day in sorted(year.days):
        newest[hall].append(day)
    found = set()
    for until in month_ends(year):
        since = suspicion.silent_since(year.workdays, until, USUAL(year.region).silent_days)
        for hall, days in newest.items():
            at = bisect_right(days, until)
            if at == 0 or days[at - 1] <= since:
                found.add((hall, until))
    return found


def month_ends(year: Year) -> list[int]:
    return [day for day in range(year.start, year.end + 1) if date_of(day + 1).day == 1]


def wrong_figures(year: Year, plans: Sequence[Plan]) -> dict[str, set[tuple[Any, ...]]]:
    """Return the ids of declared figures that no plan names, and of figures that cannot be right."""
    found: dict[str, set[tuple[Any, ...]]] = {UNKNOWN: set(), IMPOSSIBLE: set()}
    for id_, said in year.figures.items():
        fault = fault_of(plans, said)
        if fault is not None:
            found[fault.finding].add((id_,))
    return found


def _named(rows: Iterable[Mapping[str, Any]], *names: str) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in names) for row in rows}
