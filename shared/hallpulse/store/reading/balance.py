"""The flow of a window's days, counted from the rows of cases in one query."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.flow import PARTS, Flow

from .conditions import FLOW
from .declared import parameters
from .overview import narrower

_COUNTS = ", ".join(f"count(*) FILTER (WHERE {FLOW[part].where})" for part in PARTS)


def read_flow(connection: Connection, scope: Scope, window: Window, item: str | None = None) -> Flow:
    """Return the flow of a scope, of one item if it is named."""
    of_item = " AND c.item_code = :item" if item is not None else ""
    query = f"SELECT {_COUNTS} FROM cases c WHERE {_came_by_the_end(scope)}{of_item}"
    return Flow(*connection.execute(text(query), {**_values(scope, window), "item": item}).one())


def read_flow_by_department(connection: Connection, region: int, window: Window) -> dict[str, Flow]:
    """Return department → its flow."""
    scope = Scope(region)
    query = f"SELECT c.department, {_COUNTS} FROM cases c WHERE {_came_by_the_end(scope)} GROUP BY 1"
    rows = connection.execute(text(query), _values(scope, window))
    return {department: Flow(*counts) for department, *counts in rows}


def _came_by_the_end(scope: Scope) -> str:
    return f"c.region BETWEEN :low AND :high{narrower(scope, 'c')} AND c.received <= :end"


def _values(scope: Scope, window: Window) -> dict[str, Any]:
    days: dict[str, date] = {"start": window.start, "end": window.end}
    return {**parameters(scope), **days}
