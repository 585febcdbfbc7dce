"""Conditions and amounts over named fields, written once in Python's own notation.

The domain compiles them, and the store translates them to SQL (`store.reading.conditions`): so figures and lists agree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

ALWAYS = "True"


@lru_cache(maxsize=512)
def parsed(expression: str) -> ast.expr:
    """Return the expression's syntax tree."""
    return ast.parse(expression, mode="eval").body


def conjuncts(condition: str) -> tuple[str, ...]:
    """Return the parts of `a and b and c`; none for a condition that always holds."""
    if condition == ALWAYS:
        return ()
    node = parsed(condition)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return tuple(ast.unparse(part) for part in node.values)
    return (condition,)


def of(source: str, expression: str, given: Sequence[str] = ()) -> str:
    """Return the expression with each field read from the variable `source`; names in `given` stay as they are."""
    tree = _Qualified(source, frozenset(given)).visit(ast.parse(expression, mode="eval"))
    return ast.unparse(tree)


class _Qualified(ast.NodeTransformer):
    def __init__(self, source: str, given: frozenset[str]) -> None:
        self._source = source
        self._given = given

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._given:
            return node
        return ast.Attribute(ast.Name(self._source), node.id)


class Statement(NamedTuple):
    """A statement of a compiled function, and the conditions under which it runs, in order."""

    conditions: tuple[str, ...]
    statement: str


def compiled(
    name: str,
    parameters: str,
    steps: Iterable[Statement] = (),
    *,
    result: str = "None",
    known: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Return a function that runs steps one after the other; conditions that several steps begin with are tested once.

    It is generated as source code, as in `dataclasses`: it runs for every case, and walking a table would be slow.
    result: the expression that it returns at the end; known: names that the code uses besides the parameters.
    """
    tree: dict[str, Any] = {}
    for conditions, statement in steps:
        branch = tree
        for condition in conditions:
            branch = branch.setdefault(f"if {condition}:", {})
        branch[statement] = None
    source = "\n".join([f"def {name}({parameters}):", *_lines(tree, 1), f"    return {result}"])
    namespace = dict(known)
    exec(compile(source, f"<{name}>", "exec"), namespace)  # noqa: S102 - constants of this code base
    return namespace[name]


def _lines(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    for line, branch in tree.items():
        yield "    " * depth + line
        if branch is not None:
            yield from _lines(branch, depth + 1)
