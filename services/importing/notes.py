"""Conversions and flags of very many rows: how many there are of each kind, and the first few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .limits import Conversion
from .problems import Flag, Note

_EXAMPLES = 5


class NoteCounts:
    """counts: rows by kind of note; examples: the first few of each."""

    def __init__(self) -> None:
        self.counts: Counter[Conversion | Flag] = Counter()
        self.examples: dict[Conversion | Flag, list[Note]] = {}

    def add(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self.counts[note.what] += 1
            if self.counts[note.what] <= _EXAMPLES:
                self.examples.setdefault(note.what, []).append(note)

    def __bool__(self) -> bool:
        return bool(self.counts)
