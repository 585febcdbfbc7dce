"""How workers share the partitions, without talking to each other.

Every worker consumes every partition, of which the broker lets one at a time have each: thus another takes over at
once when one goes. But the first to come would keep them all. So each also consumes `hall.workers`, an empty queue
whose number of consumers is the number of workers, and lets go of the partitions that are more than its share; the
broker gives those to whoever waits longest. A share is rounded up, so choose a multiple of the workers.
"""

from __future__ import annotations

import math
from collections.abc import Collection


def surplus(active: Collection[str], partitions: int, workers: int) -> list[str]:
    """Of the partitions that messages came from of late, those to let go of."""
    return sorted(active)[math.ceil(partitions / max(workers, 1)) :]
