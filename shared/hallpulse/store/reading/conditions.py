"""The domain's measures and flow as SQL: conditions of the cases or items behind a number, and the amounts they add."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hallpulse.domain.expression import ALWAYS, parsed
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.flow import LEFT, PARTS, WAYS_OUT, Flow
from hallpulse.domain.indicators import Indicator, PartName
from hallpulse.domain.measures import ITEM_MEASURES, MEASURES, OPEN_STATES

from .declared import parameters
from .overview import narrower

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Eq: "=", ast.NotEq: "<>", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=",
    ast.Is: "IS", ast.IsNot: "IS NOT", ast.Add: "+", ast.Sub: "-", ast.And: "AND", ast.Or: "OR", ast.BitAnd: "&",
}  # fmt: skip
_CONSTANTS = {None: "NULL", True: "true", False: "false"}


@cache
def sql(expression: str, alias: str) -> str:
    """Return the SQL of an expression over an aliased table; `today` becomes the parameter :today.

    Raises ValueError for syntax that has no SQL here.
    """
    return "true" if expression == ALWAYS else _said(parsed(expression), alias)


def _said(node: ast.expr, alias: str) -> str:
    match node:
        case ast.Name(id=name):
            found = ":today" if name == "today" else f"{alias}.{name}"
        case ast.Constant(value=str(value)):
            found = "'{}'".format(value.replace("'", "''"))
        case ast.Constant(value=value):
            found = _CONSTANTS[value] if value is None or isinstance(value, bool) else str(value)
        case (
            ast.Compare(left=left, ops=[operator], comparators=[right]) | ast.BinOp(left=left, op=operator, right=right)
        ):
            found = f"({_said(left, alias)} {_OPERATORS[type(operator)]} {_said(right, alias)})"
        case ast.BoolOp(op=operator, values=values):
            found = f"({f' {_OPERATORS[type(operator)]} '.join(_said(value, alias) for value in values)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            found = f"NOT coalesce({_said(operand, alias)}, false)"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            found = f"CASE WHEN {_said(test, alias)} THEN {_said(body, alias)} ELSE {_said(orelse, alias)} END"
        case _:
            raise ValueError(f"no SQL for {ast.unparse(node)}")
    return found


class Part(NamedTuple):
    """The cases or items of a number.

    where: SQL over `cases c` with :start and :end of the window (or with :today), or over the effective `item_spans s`;
    amount: SQL of the amount that is summed (1: they are counted); tally: SQL over `tallies t` of the amount to add.
    """

    where: str
    amount: str = "1"
    tally: str | None = None


STATES = {
    **{state.name: Part(sql(state.where, "c")) for state in OPEN_STATES.values()},
    "open": Part("c.open"),
    "pending": Part("c.received IS NULL"),
    "flagged": Part("c.flags <> 0"),
}
"""State → the cases in it on :today: states of open cases, and open, pending (`received` is missing), flagged."""


_LEFT = sql(LEFT, "c")
_CAME = "c.received BETWEEN :start AND :end"
_WENT = f"({_LEFT}) BETWEEN :start AND :end"
FLOW = {
    "carried": Part(f"c.received < :start AND (({_LEFT}) IS NULL OR ({_LEFT}) >= :start)"),
    "received": Part(_CAME),
    **{way.name: Part(f"{_WENT} AND {sql(way.where, 'c')}") for way in WAYS_OUT.values()},
    "decided": Part(f"{_WENT} AND c.decided IS NOT NULL"),
    "open": Part(f"c.received <= :end AND (({_LEFT}) IS NULL OR ({_LEFT}) > :end)"),
}
"""Part of the flow from :start to :end → its cases; `decided` is all decided cases together."""
_FLOW_COUNTS = ", ".join(f"count(*) FILTER (WHERE {FLOW[part].where})" for part in PARTS)


def part_of(indicator: Indicator, part: PartName) -> Part | None:
    """Return the cases or items of an indicator's numerator or denominator; None for a count's denominator."""
    names = indicator.part(part)
    if not names:
        return None
    if indicator.kind == "catalogue":
        return _joined((sql(m.where, "s"), sql(m.amount, "s")) for m in map(ITEM_MEASURES.__getitem__, names))
    measures = [MEASURES[name] for name in names]
    counted = _joined(
        (f"c.{m.day} BETWEEN :start AND :end AND {sql(m.where, 'c')}", sql(m.amount, "c")) for m in measures
    )
    tally = " + ".join(f"t.{m.tally}" for m in measures) if indicator.tallies else None
    return counted._replace(tally=tally)


def _joined(terms: Iterable[tuple[str, str]]) -> Part:
    """Join terms (condition, amount): any condition may hold, and each amount is added if its own condition does."""
    listed = list(terms)
    if len(listed) == 1:
        return Part(*listed[0])
    amounts = (f"CASE WHEN {where} THEN {amount} ELSE 0 END" for where, amount in listed)
    return Part(f"({' OR '.join(f'({where})' for where, _ in listed)})", f"({' + '.join(amounts)})")


def read_flow(connection: Connection, scope: Scope, window: Window, item: str | None = None) -> Flow:
    """Return the flow of a scope, of one item if it is named."""
    of_item = " AND c.item_code = :item" if item is not None else ""
    query = f"SELECT {_FLOW_COUNTS} FROM cases c WHERE {_came_by_the_end(scope)}{of_item}"
    return Flow(*connection.execute(text(query), {**_values(scope, window), "item": item}).one())


def read_flow_by_department(connection: Connection, region: int, window: Window) -> dict[str, Flow]:
    """Return department → its flow."""
    scope = Scope(region)
    query = f"SELECT c.department, {_FLOW_COUNTS} FROM cases c WHERE {_came_by_the_end(scope)} GROUP BY 1"
    rows = connection.execute(text(query), _values(scope, window))
    return {department: Flow(*counts) for department, *counts in rows}


def _came_by_the_end(scope: Scope) -> str:
    return f"c.region BETWEEN :low AND :high{narrower(scope, 'c')} AND c.received <= :end"


def _values(scope: Scope, window: Window) -> dict[str, Any]:
    days: dict[str, date] = {"start": window.start, "end": window.end}
    return {**parameters(scope), **days}
