"""One row of somebody's table, its cells by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that computes: what it would show is not in our hands, so it is never read as a value."""

    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that is no row at all."""

    text: str


Cell = str | int | float | bool | datetime | date | time | Formula | Broken | None


@dataclass(frozen=True, slots=True)
class Record:
    """A row by field. line: as an editor or a spreadsheet numbers it; raw: every cell as it stands in the file."""

    line: int
    cells: Mapping[str, Cell]
    raw: Sequence[Cell]

    def text(self, field: str) -> str:
        """The cell as trimmed text; empty where there is none. Excel's 20.0 is 20."""
        return text_of(self.cells.get(field))

    @property
    def broken(self) -> bool:
        return bool(self.raw) and isinstance(self.raw[0], Broken)

    def formula(self) -> str | None:
        """The first field that holds a formula."""
        return next((field for field, cell in self.cells.items() if isinstance(cell, Formula)), None)


def text_of(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, Formula | Broken):
        return cell.text
    return str(cell).strip()
