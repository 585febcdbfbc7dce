"""The overview of a code and of those that it succeeded, as one: sums of each over its days, at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from hallpulse.domain.figures import Coverage, Figure, Scope, Window, percentiles_of_buckets
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import BUCKETS
from hallpulse.domain.reconciliation import added_up
from hallpulse.domain.workdays import Workdays
from hallpulse.store.reading.declared import Rules

from .overview import (
    Overview,
    Sought,
    cell_sums,
    counted,
    figures_from,
    open_sought,
    read_coverage,
    slow_cases,
    states_of,
    total,
)


def read_joint_overview(
    connection: Connection, workdays: Workdays, rules: Rules, parts: Sequence[tuple[Scope, Window]], today: date
) -> Overview:
    """Return the sum of the parts. The first is the code in force, over the whole window.

    A part whose days end before the window's belongs to a code that goes on: its catalogue and its open cases are not
    added. today: for the states of open cases.
    """
    window = parts[0][1]
    figures: list[dict[str, Figure]] = []
    cells, open_cases = Counter[str](), Counter[str]()
    for scope, days in parts:
        sought = Sought(days, (*counted(), *BUCKETS)), *open_sought(today)
        sums, standing, reached = (total(one) for one in cell_sums(connection, scope, *sought, departments=False))
        own = figures_from(connection, rules, scope, days, sums)
        is_whole = days.end == window.end
        figures.append({name: figure for name, figure in own.items() if is_whole or not _is_of_catalogue(name)})
        cells.update({bucket: sums.get(bucket, 0) for bucket in BUCKETS})
        open_cases.update(states_of(standing, reached) if is_whole else {})
    return Overview(
        figures=_sums(figures),
        percentiles=percentiles_of_buckets([cells[bucket] for bucket in BUCKETS], lambda: _slow(connection, parts)),
        open_cases=dict(open_cases),
        coverage=_coverage([read_coverage(connection, *one) for one in parts]),
        provisional=bool(workdays.provisional_in(window.start, window.end)),
    )


def _is_of_catalogue(indicator: str) -> bool:
    return indicator in COMPUTED and COMPUTED[indicator].kind == "catalogue"


def _sums(figures: Sequence[dict[str, Figure]]) -> dict[str, Figure]:
    names = dict.fromkeys(name for one in figures for name in one)
    return {name: added_up([one[name] for one in figures if name in one]) for name in names}


def _slow(connection: Connection, parts: Sequence[tuple[Scope, Window]]) -> list[tuple[int, int]]:
    found = Counter[int]()
    for part in parts:
        for elapsed, cases in slow_cases(connection, *part):
            found[elapsed] += cases
    return list(found.items())


def _coverage(parts: Sequence[Coverage]) -> Coverage:
    newest = [part.newest for part in parts if part.newest is not None]
    return Coverage(sum(part.halls for part in parts), sum(part.reporting for part in parts), max(newest, default=None))
