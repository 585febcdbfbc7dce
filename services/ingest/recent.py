"""Ids that were stored lately by this process: most doubles are of these, and what is none can be stored faster.

Only a guess that saves work: what it does not know of is found by the database.
"""

from __future__ import annotations

import threading
from collections.abc import Set

REMEMBERED = 200_000
"""So many ids at least, twice as many at most: about 40 MB."""
DISTRUST_BATCHES = 10


class RecentIds:
    """Shared by all threads that store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()
        self._distrust = 0

    def doubtful(self, ids: Set[bytes]) -> Set[bytes]:
        """Those of a batch's ids that may be stored already; all of them for a while after the guess was wrong."""
        with self._lock:
            known = (self._newer & ids) | (self._older & ids)
            self._newer |= ids
            if len(self._newer) >= REMEMBERED:
                self._newer, self._older = set(), self._newer
            if self._distrust:
                self._distrust -= 1
                return ids
            return known

    def was_wrong(self) -> None:
        """Doubles of what was stored long ago, or by another process, are coming: trying in vain would cost more."""
        with self._lock:
            self._distrust = DISTRUST_BATCHES
