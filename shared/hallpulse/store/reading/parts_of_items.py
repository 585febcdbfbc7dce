"""The parts of an indicator's figure by item: sums over the cases or the effective item versions behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.gap_split import PartFigure, PartKey
from hallpulse.domain.indicators import COMPUTED

from .conditions import Part, part_of

_NOWHERE = Part("false", "0")


def read_item_parts(connection: Connection, scope: Scope, indicator: str, window: Window) -> list[PartFigure]:
    """Return the parts of a computed indicator by department and item; none for a declared one, which has no items.

    They add up to the scope's figure less its tallies. A count's parts have the denominator 0.
    """
    computed = COMPUTED.get(indicator)
    if computed is None:
        return []
    above, below = part_of(computed, "numerator") or _NOWHERE, part_of(computed, "denominator") or _NOWHERE
    catalogue = computed.kind == "catalogue"
    low, high = scope.bounds
    values = {"low": low, "high": high, "start": window.start, "end": window.end, "department": scope.department}
    rows = connection.execute(text(_query(above, below, scope, catalogue=catalogue)), values).all()
    names = _names(connection, [code for _, code, *_ in rows], values)
    return [
        PartFigure(PartKey(department, code), Figure(int(top), int(bottom), count=not computed.denominator),
                   names.get(code, ""))
        for department, code, top, bottom in rows
    ]  # fmt: skip


def _query(above: Part, below: Part, scope: Scope, *, catalogue: bool) -> str:
    alias = "s" if catalogue else "c"
    where = f"{alias}.region BETWEEN :low AND :high"
    if scope.department is not None:
        where += f" AND {alias}.department = :department"
    if catalogue:
        where += ' AND s.start <= :end AND (s."end" IS NULL OR s."end" > :end)'
    sums = ", ".join(f"sum(CASE WHEN {part.where} THEN {part.amount} ELSE 0 END)" for part in (above, below))
    return (
        f"SELECT coalesce({alias}.department, ''), coalesce({alias}.item_code, ''), {sums}"
        f" FROM {'item_spans s' if catalogue else 'cases c'}"
        f" WHERE {where} AND (({above.where}) OR ({below.where})) GROUP BY 1, 2"
    )


def _names(connection: Connection, codes: Sequence[str], values: Mapping[str, Any]) -> dict[str, str]:
    """Return item code → the newest name of the item."""
    query = (
        "SELECT DISTINCT ON (n.item_code) n.item_code, n.name FROM item_spans n"
        " WHERE n.region BETWEEN :low AND :high AND n.item_code = ANY(:codes) ORDER BY n.item_code, n.start DESC"
    )
    rows = connection.execute(text(query), {**values, "codes": sorted(set(codes))})
    return {code: name for code, name in rows}
