"""Figures as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from rich.table import Table

from services.console.usage import screen


class Row(NamedTuple):
    name: str
    cells: Sequence[str]


def show(title: str, columns: Sequence[str], rows: Sequence[Row], note: str = "") -> None:
    table = Table(title=title, title_justify="left", caption=note or None, caption_justify="left")
    table.add_column()
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(row.name, *row.cells)
    screen().print(table)


def spread(values: Sequence[float]) -> str:
    """Return the median, with the least and the most value in brackets."""
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
