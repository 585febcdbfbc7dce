"""How long to wait before the next attempt."""

from __future__ import annotations

import random


class Backoff:
    """Pauses that double from `first` to `longest` seconds until something succeeds.

    Each is shortened by chance, up to half: many halls that lost one broker do not come back in step.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._pause = first

    def next(self) -> float:
        pause = self._pause * random.uniform(0.5, 1.0)
        self._pause = min(self._pause * 2, self._longest)
        return pause

    def reset(self) -> None:
        self._pause = self._first
