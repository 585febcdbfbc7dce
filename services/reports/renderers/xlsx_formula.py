"""Conversion of a column's formula, such as "value - goal", into a formula of a row's cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

_STEP = re.compile(r"(?:^|\s*([+\-/])\s*)([a-z][a-z0-9_]*)")


def formula_of(
    written: str, cells: Mapping[str, str], numbers: Mapping[str, Fraction | None], wanted: Fraction, unit: str
) -> str | None:
    """Return the formula in terms of cells; None if its result is not the wanted number, or if a number is missing.

    written: names joined by + and -, or one name divided by another; cells, numbers: cell and number of each name;
    wanted: the number that the cell shows; unit: "points" multiplies the result by 100.
    """
    steps = [(found[1] or "+", found[2]) for found in _STEP.finditer(written)]
    result, parts = Fraction(0), []
    for sign, name in steps:
        number = numbers.get(name)
        if number is None or name not in cells or (sign == "/" and number == 0):
            return None
        result = result / number if sign == "/" else result + number if sign == "+" else result - number
        parts.append(f"{sign}{cells[name]}")
    if result * (100 if unit == "points" else 1) != wanted:
        return None
    formula = "".join(parts).removeprefix("+")
    return f"=({formula})*100" if unit == "points" else f"={formula}"
