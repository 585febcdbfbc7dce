"""Figures of a region beside those of its departments: tables, one indicator over time, histograms of elapsed days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from hallpulse.domain.figures import ElapsedHistogram, Figure, FigureTable, Scope, Window
from hallpulse.domain.indicators import COMPUTED, Indicator
from hallpulse.domain.measures import BUCKETS
from hallpulse.store.reading.declared import Rules, declared_figures, declared_table
from hallpulse.store.reading.overview import (
    Sought,
    Sums,
    cell_sums,
    computed,
    counted,
    item_sums,
    tally_sums,
    total,
)

NOTHING = Figure(0, 0)


def read_figure_table(connection: Connection, rules: Rules, region: int, window: Window) -> FigureTable:
    """Return the region's figures and each department's, in four queries."""
    scope = Scope(region)
    (cells,) = cell_sums(connection, scope, Sought(window, counted()))
    items = item_sums(connection, scope, window.end)
    own = computed(total(cells), tally_sums(connection, scope, window), total(items))
    declared, reported = declared_table(connection, rules, region, window)
    return FigureTable(
        region=region,
        window=window,
        own={**own, **declared},
        departments={
            name: {**computed(cells.get(name, {}), {}, items.get(name, {})), **reported.get(name, {})}
            for name in sorted({*cells, *items, *reported} - {""})
        },
    )


def read_histograms(connection: Connection, region: int, window: Window) -> dict[str, ElapsedHistogram]:
    """Return department → histogram of elapsed days of the cases decided in the window."""
    (sums,) = cell_sums(connection, Scope(region), Sought(window, (*BUCKETS, "elapsed_days")))
    return {
        name: ElapsedHistogram(tuple(found[bucket] for bucket in BUCKETS), found["elapsed_days"])
        for name, found in sums.items()
    }


class OverTime(NamedTuple):
    """The question: an indicator of a scope in each of the windows. departments: theirs beside the region's own."""

    scope: Scope
    indicator: str
    windows: Sequence[Window]
    departments: Sequence[str] = ()


def read_over_time(connection: Connection, rules: Rules, asked: OverTime) -> list[dict[str | None, Figure]]:
    """Return for each window the figure of the scope, under None, and of each department: those of `read_figures`."""
    indicator = COMPUTED.get(asked.indicator)
    if indicator is None:
        return [_declared(connection, rules, asked, window) for window in asked.windows]
    if indicator.kind == "catalogue":
        return [_of_items(connection, asked, indicator, window) for window in asked.windows]
    columns = tuple(dict.fromkeys((*indicator.numerator, *indicator.denominator)))
    sought = [Sought(window, columns) for window in asked.windows]
    found = cell_sums(connection, asked.scope, *sought, departments=bool(asked.departments))
    tallies = [tally_sums(connection, asked.scope, one) if indicator.tallies else {} for one in asked.windows]
    return [_of_sums(asked, indicator, sums, more) for sums, more in zip(found, tallies, strict=True)]


def _of_items(
    connection: Connection, asked: OverTime, indicator: Indicator, window: Window
) -> dict[str | None, Figure]:
    if asked.scope.hall is not None:
        return {None: NOTHING}
    items = item_sums(connection, asked.scope, window.end, departments=bool(asked.departments))
    return _of_sums(asked, indicator, items, {})


def _of_sums(
    asked: OverTime, indicator: Indicator, found: Mapping[str, Sums], tallies: Sums
) -> dict[str | None, Figure]:
    """Return figures from sums by department. tallies: added to the scope's own sums alone."""
    own = total(found)
    whole = {name: own.get(name, 0) + tallies.get(name, 0) for name in {*own, *tallies}}
    return {
        None: indicator.figure(whole),
        **{name: indicator.figure(found.get(name, {})) for name in asked.departments},
    }


def _declared(connection: Connection, rules: Rules, asked: OverTime, window: Window) -> dict[str | None, Figure]:
    if asked.scope.hall is not None:
        return {None: NOTHING}
    if not asked.departments:
        own = declared_figures(connection, rules, asked.scope, window, asked.indicator)
        return {None: own.get(asked.indicator, NOTHING)}
    own, reported = declared_table(connection, rules, asked.scope.region, window, asked.indicator)
    return {
        None: own.get(asked.indicator, NOTHING),
        **{name: reported.get(name, {}).get(asked.indicator, NOTHING) for name in asked.departments},
    }
