"""Ids that were stored lately by this process: most duplicates are of these, and what is none can be stored faster.

Only a guess that saves work: what it does not know of is found by the database.
"""

from __future__ import annotations

import threading
from collections.abc import Set
from typing import NamedTuple

REMEMBERED = 200_000
"""Ids at least, twice as many at most: about 40 MB."""
DISTRUST_BATCHES = 10


class Guess(NamedTuple):
    """doubtful: ids of a batch that may be stored already; old_duplicates: others may be too, as some were lately."""

    doubtful: Set[bytes]
    old_duplicates: bool


class RecentIds:
    """Shared by all threads that store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()
        self._distrust = 0

    def guess(self, ids: Set[bytes]) -> Guess:
        """About the ids of a batch, which are remembered from now on."""
        with self._lock:
            known = (self._newer & ids) | (self._older & ids)
            self._newer |= ids
            if len(self._newer) >= REMEMBERED:
                self._newer, self._older = set(), self._newer
            old_duplicates = self._distrust > 0
            self._distrust -= old_duplicates
            return Guess(known, old_duplicates)

    def missed_some(self) -> None:
        """Duplicates of what was stored long ago, or by others, are coming: for a while it costs less to look first."""
        with self._lock:
            self._distrust = DISTRUST_BATCHES
