"""The file of rejected rows, which is written beside the imported file: place, column, value, reason and remedy."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from hallpulse.contract.personal import escaped
from hallpulse.display import safe_cell

from .cells import Broken, text_of
from .importer import RejectedRow
from .problems import told

_HEAD = ("sheet 工作表", "line 行号", "column 列", "value 值", "reason 原因", "remedy 改法")


class RejectedRows:
    """Writes FILE.rejected.csv from the first rejected row on; an old one for the same file is removed.

    If the input's folder is not writable, the file goes to the folder `fallback`.
    """

    def __init__(self, source: Path, fallback: Path) -> None:
        self._places = [source.with_name(f"{source.name}.rejected.csv"), fallback / f"{source.name}.rejected.csv"]
        self._file: IO[str] | None = None
        self._writer: Any = None
        self._sheet = ""
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

    def add(self, rejected: RejectedRow) -> None:
        layout, problem = rejected.layout, rejected.problem
        if self._writer is None:
            self._file, self.path = self._opened()
            self._writer = csv.writer(self._file)
        if self.count == 0 or layout.sheet.name != self._sheet:
            self._sheet = layout.sheet.name
            self._write([*_HEAD, *(column.header for column in layout.columns)])
        self.count += 1
        words = told(problem.reason)
        why = f"{problem.reason} {words.what.zh} {words.what.en}"
        place = (layout.sheet.name, str(rejected.line), layout.title_of(problem.field), problem.detail)
        cells = [
            text_of(cell)
            for cell in rejected.cells
            if not (isinstance(cell, Broken) and cell.text in ("too wide", "cut off"))
        ]
        self._write([*place, why, f"{words.remedy.zh} {words.remedy.en}", *cells])

    def _write(self, texts: Sequence[str]) -> None:
        """Write a row so that no spreadsheet takes a text for a formula and no terminal for a control sequence."""
        self._writer.writerow([safe_cell(escaped(text)) for text in texts])

    def _opened(self) -> tuple[IO[str], Path]:
        for place in self._places[:-1]:
            try:
                return place.open("w", encoding="utf-8-sig", newline=""), place
            except OSError:
                continue
        return self._places[-1].open("w", encoding="utf-8-sig", newline=""), self._places[-1]
