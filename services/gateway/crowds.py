"""How many requests one hall may have under way at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from .problems import Declined, Kind

MOST_AT_ONCE = 16
"""Each may hold a body of 4 MiB in memory, also one that arrives slowly on purpose."""


class Crowds:
    """Counts what has come in and has not been answered, by whoever sent it."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self, sender: str) -> Iterator[None]:
        """For the block one more is under way; raises Declined (429) where there are as many as may be."""
        if self._under_way[sender] >= self._most:
            detail = f"expected at most {self._most} requests of this hall at once: wait for their answers"
            raise Declined(Kind.TOO_MANY_REQUESTS, detail, headers={"retry-after": "1"})
        self._under_way[sender] += 1
        try:
            yield
        finally:
            self._under_way[sender] -= 1
            if not self._under_way[sender]:
                del self._under_way[sender]
