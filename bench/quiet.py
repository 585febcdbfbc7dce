"""A machine that others use too: wait a while for a calm moment, and say so when there was none."""

from __future__ import annotations

import time

from bench.usage import Meter

CALM = 0.25
"""Others take no more of the machine than this."""
_LOOK_SECONDS = 2.0


def wait_for_calm(seconds: float) -> bool:
    """Whether there was a calm moment within so many seconds."""
    until = time.monotonic() + seconds
    while True:
        if seconds <= 0 or _others() <= CALM:
            return True
        if time.monotonic() > until:
            return False


def _others() -> float:
    meter = Meter({})
    time.sleep(_LOOK_SECONDS)
    return meter.read().others
