"""Conversions and flags of an import as tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from hallpulse.contract.reasons import both

from .limits import Conversion
from .rows import Flag, Note
from .texts import CONVERSIONS

_EXAMPLES = 5


def each_note(notes: Iterable[Note]) -> Table:
    """One line for each cell that was converted or looks odd."""
    table = Table("行 line", "编号 code", "列 field", "原文 written", "结果 became", "说明 why")
    cells: dict[tuple[int, str, str], list[Note]] = {}
    for note in notes:
        cells.setdefault((note.line, note.key, note.field), []).append(note)
    for (line, key, field), of_cell in cells.items():
        why = "；".join(both(CONVERSIONS[note.what]) for note in of_cell)
        written, became = of_cell[0].written, of_cell[0].became or "—"
        table.add_row(str(line), *map(escape, (key, field, written, became)), why)
    return table


class NoteCounts:
    """Notes of very many rows: how many there are of each kind, and the first few."""

    def __init__(self) -> None:
        self._counts: dict[Conversion | Flag, int] = {}
        self._examples: dict[Conversion | Flag, list[Note]] = {}

    def add(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self._counts[note.what] = self._counts.get(note.what, 0) + 1
            if self._counts[note.what] <= _EXAMPLES:
                self._examples.setdefault(note.what, []).append(note)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def table(self) -> Table:
        table = Table("说明 what", "行数 rows", "例如 such as")
        for what, count in self._counts.items():
            examples = "、".join(f"{note.line} ({note.key})" for note in self._examples[what])
            table.add_row(both(CONVERSIONS[what]), str(count), f"行 line {escape(examples)}")
        return table
