"""Declared figures: what a bureau reports as it is, for a day, a month or a year."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from tests.oracle.eventset import Event, family, order, region_of

Figure = tuple[int, int | None]
Reporters = dict[str | None, Figure]
Declared = dict[tuple[str, str], dict[str, Reporters]]
"""(region, indicator) -> period -> department, or None for the region's own -> what it says."""


SHARES = ("disclosure_loss_rate", "petition_backlog_rate", "leader_in_court_rate")
COUNTS = ("law_lectures", "law_training")
DEPARTMENTS = ("政数局", "司法局", "信访局", "dept-4", "dept-5", "a", "b")
"""What is asked for, in periods of any length."""


def can_be_right(data: Event) -> bool:
    """Of an indicator and a department that are asked for, with numbers that fit its kind."""
    indicator, below = data["indicator"], data.get("denominator")
    if data.get("department") not in (None, *DEPARTMENTS):
        return False
    if indicator in SHARES:
        return below is not None and data["numerator"] <= below
    return indicator in COUNTS and below is None


def declared(standing: Iterable[Event]) -> Declared:
    """Of what can be right the highest revision counts, then the later (time, id, source)."""
    reports: dict[tuple[str, str, str, str | None], list[Event]] = {}
    for event in standing:
        if family(event) == "figure" and can_be_right(event["data"]):
            data = event["data"]
            key = (region_of(event), data["indicator"], data["period"], data.get("department"))
            reports.setdefault(key, []).append(event)
    found: Declared = {}
    for (region, indicator, period, department), events in reports.items():
        data = max(events, key=lambda event: (event["data"]["revision"], order(event)))["data"]
        figure = (data["numerator"], data.get("denominator"))
        found.setdefault((region, indicator), {}).setdefault(period, {})[department] = figure
    return found


def days_of(period: str) -> tuple[date, date]:
    """First and last day of YYYY, YYYY-MM or YYYY-MM-DD."""
    if len(period) == 10:
        return date.fromisoformat(period), date.fromisoformat(period)
    if len(period) == 4:
        return date(int(period), 1, 1), date(int(period), 12, 31)
    first = date.fromisoformat(f"{period}-01")
    last = first
    while (last + timedelta(days=1)).month == first.month:
        last += timedelta(days=1)
    return first, last


def within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}-")


def counted(periods: dict[str, Reporters], frm: date, to: date, department: str | None) -> list[Figure]:
    """The figures that make up a scope's sum: those of the periods that lie wholly in the window, none of them twice.

    A year holds its months and days, a region holds its departments. So longer periods come first, in one period the
    region's own figure, and a figure is left out when it shares anything with one that counts already.
    """
    chosen: list[tuple[str, str | None, Figure]] = []
    for period in sorted(periods, key=len):
        first, last = days_of(period)
        if not (frm <= first and last <= to):
            continue
        for reporter, figure in sorted(periods[period].items(), key=lambda pair: pair[0] or ""):
            wanted = department in (None, reporter)
            twice = any(
                within(period, outer) and (None in (who, reporter) or who == reporter) for outer, who, _ in chosen
            )
            if wanted and not twice:
                chosen.append((period, reporter, figure))
    return [figure for _, _, figure in chosen]


def figures(
    found: Declared, counties: Iterable[str], frm: date, to: date, department: str | None
) -> dict[str, tuple[int, int]]:
    """Numerator and denominator of every declared indicator of a scope; (n, 1) where none has a denominator."""
    parts: dict[str, list[Figure]] = {}
    wanted = set(counties)
    for (region, indicator), periods in found.items():
        figures_that_count = counted(periods, frm, to, department) if region in wanted else []
        if figures_that_count:
            parts.setdefault(indicator, []).extend(figures_that_count)
    return {indicator: _sum(reported) for indicator, reported in parts.items()}


def _sum(reported: list[Figure]) -> tuple[int, int]:
    denominators = [denominator for _, denominator in reported if denominator is not None]
    return sum(numerator for numerator, _ in reported), sum(denominators) if denominators else 1
