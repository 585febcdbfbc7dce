"""Indicators of a scope over a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection

from hallpulse.domain.declared import Declared, declared_sums
from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.indicators import COMPUTED

from .declared import declared_figures, declared_in
from .sums import Sought, Sums, cell_sums, item_sums, tally_sums, total


def counted() -> tuple[str, ...]:
    """The columns of the cells that an indicator names."""
    parts = ((*one.numerator, *one.denominator) for one in COMPUTED.values() if one.kind == "case")
    return tuple(sorted({name for names in parts for name in names}))


def read_figures(connection: Connection, scope: Scope, window: Window) -> dict[str, Figure]:
    """Every computed indicator of the scope and the declared figures of its periods, by indicator id.

    A hall has no catalogue and no declared figures: those are its region's.
    """
    (cells,) = cell_sums(connection, scope, Sought(window, counted()), departments=False)
    return figures_from(connection, scope, window, total(cells))


def figures_from(connection: Connection, scope: Scope, window: Window, cells: Sums) -> dict[str, Figure]:
    """The same where the sums of the cells, at least of `counted`, are known already."""
    tallies = tally_sums(connection, scope, window)
    if scope.hall is not None:
        return _computed(cells, tallies, None)
    items = total(item_sums(connection, scope, window.end, departments=False))
    return {**_computed(cells, tallies, items), **declared_figures(connection, scope, window)}


def read_figure_table(connection: Connection, region: int, window: Window) -> FigureTable:
    """The region's figures and each department's, in four queries."""
    scope = Scope(region)
    (cells,) = cell_sums(connection, scope, Sought(window, counted()))
    items = item_sums(connection, scope, window.end)
    declared = declared_in(connection, scope, window)
    own = _computed(total(cells), tally_sums(connection, scope, window), total(items))
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
    return {**_computed(cells.get(name, {}), {}, items.get(name, {})), **declared_sums(declared, name)}


def _computed(cells: Sums, tallies: Sums, items: Sums | None) -> dict[str, Figure]:
    with_tallies = {name: cells.get(name, 0) + tallies.get(name, 0) for name in {*cells, *tallies}}
    figures = {}
    for indicator in COMPUTED.values():
        if indicator.kind == "case":
            figures[indicator.id] = indicator.figure(with_tallies if indicator.tallies else cells)
        elif items is not None:
            figures[indicator.id] = indicator.figure(items)
    return figures
