"""The domain's expressions as SQL over the columns of a table, which have the names of the fields."""

from __future__ import annotations

import ast
from functools import cache

from hallpulse.domain.expression import ALWAYS, parsed

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Eq: "=", ast.NotEq: "<>", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=",
    ast.Is: "IS", ast.IsNot: "IS NOT", ast.Add: "+", ast.Sub: "-", ast.And: "AND", ast.Or: "OR",
}  # fmt: skip
_CONSTANTS = {None: "NULL", True: "true", False: "false"}


@cache
def sql(expression: str, alias: str) -> str:
    """The expression over an aliased table; `today` is the parameter :today. Raises ValueError for anything else."""
    return "true" if expression == ALWAYS else _said(parsed(expression), alias)


def _said(node: ast.expr, alias: str) -> str:
    match node:
        case ast.Name(id=name):
            found = ":today" if name == "today" else f"{alias}.{name}"
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
