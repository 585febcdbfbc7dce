"""How many requests a hall or a token may make: a bucket each, that fills again as time passes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_BUCKETS = 10_000


@dataclass(slots=True)
class Bucket:
    left: float
    at: float


class Rates:
    """`per_second` requests a key in the long run, twice as many at once; 0 means without limit."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str, now: float) -> float:
        """0 where the request may pass (it is then counted), else the seconds until the next one may."""
        if not self._per_second:
            return 0.0
        most = 2 * self._per_second
        bucket = self._buckets.pop(key, None) or Bucket(most, now)
        bucket.left = min(most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_second
        bucket.left -= 1
        return 0.0
