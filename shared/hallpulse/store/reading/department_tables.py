"""Tables by department: the region's figures beside each department's, and elapsed working days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection

from hallpulse.domain.figures import Declared, ElapsedHistogram, Figure, FigureTable, Scope, Window, declared_sums
from hallpulse.domain.measures import BUCKETS
from hallpulse.store.reading.declared import Rules, declared_in
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


def read_figure_table(connection: Connection, rules: Rules, region: int, window: Window) -> FigureTable:
    """The region's figures and each department's, in four queries."""
    scope = Scope(region)
    (cells,) = cell_sums(connection, scope, Sought(window, counted()))
    items = item_sums(connection, scope, window.end)
    declared = declared_in(connection, rules, scope, window)
    own = computed(total(cells), tally_sums(connection, scope, window), total(items))
    reported: dict[str, list[Declared]] = defaultdict(list)
    for figure in declared:
        reported[figure.department].append(figure)
    departments = {*cells, *items, *reported} - {""}
    return FigureTable(
        region=region,
        window=window,
        own={**own, **declared_sums(declared, None)},
        departments={name: _of_department(name, cells, items, reported.get(name, [])) for name in sorted(departments)},
    )


def _of_department(
    name: str, cells: Mapping[str, Sums], items: Mapping[str, Sums], declared: list[Declared]
) -> dict[str, Figure]:
    return {**computed(cells.get(name, {}), {}, items.get(name, {})), **declared_sums(declared, name)}


def read_histograms(connection: Connection, region: int, window: Window) -> dict[str, ElapsedHistogram]:
    """Department → elapsed days of the cases decided in the window."""
    (sums,) = cell_sums(connection, Scope(region), Sought(window, (*BUCKETS, "elapsed_days")))
    return {
        name: ElapsedHistogram(tuple(found[bucket] for bucket in BUCKETS), found["elapsed_days"])
        for name, found in sums.items()
    }
