"""Item versions behind promised_limit_compression: what changed between two days, and what makes it look better."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.clock import NONE_LIKE_LIMITS
from hallpulse.domain.compression import NONE_LIKE, RAISED, Doubt, ItemChange, ItemLimits, ItemRef, doubt
from hallpulse.domain.figures import Scope

from .declared import parameters

_LIMITS = "department", "instant", "statutory_days", "promised_days"


def _effective(alias: str, day: str) -> str:
    return (
        f"SELECT region, item_code, hall, id, name, {', '.join(_LIMITS)} FROM item_spans {alias}"
        f' WHERE region BETWEEN :low AND :high AND start <= :{day} AND ("end" IS NULL OR "end" > :{day})'
    )


_CHANGES = text(
    f"WITH was AS ({_effective('s', 'before')}), now AS ({_effective('s', 'after')})"
    " SELECT region, item_code, coalesce(now.name, was.name), was.id, now.id,"
    f" {', '.join(f'{side}.{name}' for side in ('was', 'now') for name in _LIMITS)}"
    " FROM was FULL JOIN now USING (region, item_code) WHERE (was.hall, was.id) IS DISTINCT FROM (now.hall, now.id)"
    " ORDER BY region, item_code"
)


def read_item_changes(connection: Connection, scope: Scope, before: date, after: date) -> list[ItemChange]:
    """The items that came, went or changed between two days, in any department of the scope's region.

    A department's items may have been another's: the domain tells them apart.
    """
    rows = connection.execute(_CHANGES, {**parameters(Scope(scope.region)), "before": before, "after": after})
    return [
        ItemChange(
            region, code, name,
            None if was is None else ItemLimits(*limits[:4]),
            None if now is None else ItemLimits(*limits[4:]),
        )
        for region, code, name, was, now, *limits in rows
    ]  # fmt: skip


_RAISED = text(
    f"WITH now AS ({_effective('s', 'on')} AND statutory_days > 0),"
    " was AS (SELECT DISTINCT ON (region, item_code) region, item_code, statutory_days FROM item_spans"
    ' WHERE region BETWEEN :low AND :high AND start <= :on AND ("end" IS NULL OR "end" > :since)'
    " AND statutory_days > 0 ORDER BY region, item_code, start)"
    f" SELECT now.region, item_code, now.name, {', '.join(f'now.{name}' for name in _LIMITS)}, was.statutory_days"
    " FROM now JOIN was USING (region, item_code)"
    " WHERE now.statutory_days > was.statutory_days OR now.statutory_days = ANY(:none_like) ORDER BY 1, 2"
)


def read_doubts(connection: Connection, scope: Scope, since: date, on: date) -> list[Doubt]:
    """Items whose statutory limit was raised, or stands for none, among those effective on a day.

    since: the day whose versions are taken as given; of an item that came later its first limited version is.
    """
    values = {**parameters(Scope(scope.region)), "since": since, "on": on, "none_like": sorted(NONE_LIKE_LIMITS)}
    found = [_doubt(row) for row in connection.execute(_RAISED, values)]
    return [one for one in found if scope.department in (None, one.department)]


def _doubt(row: Sequence[Any]) -> Doubt:
    """A limit that stands for none is left out whole, whatever it was before."""
    region, code, name, *fields, was = row
    item, limits = ItemRef(region, code, name), ItemLimits(*fields)
    if limits.statutory_days in NONE_LIKE_LIMITS:
        return doubt(NONE_LIKE, item, limits, None)
    return doubt(RAISED, item, limits, was)
