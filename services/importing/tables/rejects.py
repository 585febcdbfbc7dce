"""Rows that were not taken in, beside the file they came from, each with its line and the reason."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from hallpulse.contract.personal import escaped
from hallpulse.display import safe_cell

from .record import Cell, text_of


class RejectedRows:
    """Writes FILE.rejected.csv, begun at the first bad row; an old one of the same file is removed.

    Where the input's folder cannot be written to, the file goes to `fallback`.
    """

    def __init__(self, source: Path, fallback: Path) -> None:
        self._places = [source.with_name(f"{source.name}.rejected.csv"), fallback / f"{source.name}.rejected.csv"]
        self._file: IO[str] | None = None
        self._writer: Any = None
        self.path: Path | None = None
        self.count = 0

    def __enter__(self) -> RejectedRows:
        for place in self._places:
            try:
                place.unlink(missing_ok=True)
            except OSError:
                continue
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, line: int, reason: str, detail: str, headers: Sequence[Cell], raw: Sequence[Cell]) -> None:
        if self._writer is None:
            self._begin(headers)
        self.count += 1
        self._writer.writerow([line, *map(_written, (reason, detail, *map(text_of, raw)))])

    def _begin(self, headers: Sequence[Cell]) -> None:
        self._file, self.path = self._opened()
        self._writer = csv.writer(self._file)
        self._writer.writerow(["line 行号", "reason 原因", "detail 说明", *map(_written, map(text_of, headers))])

    def _opened(self) -> tuple[IO[str], Path]:
        for place in self._places[:-1]:
            try:
                return place.open("w", encoding="utf-8-sig", newline=""), place
            except OSError:
                continue
        return self._places[-1].open("w", encoding="utf-8-sig", newline=""), self._places[-1]


def _written(text: str) -> str:
    """For a spreadsheet, which might take it for a formula, and for a terminal, which might obey it."""
    return safe_cell(escaped(text))
