"""Wait for a calm moment on a machine that others use, too."""

from __future__ import annotations

import time

from bench.usage import Meter

CALM = 0.25
"""The machine is calm while other programs take at most this share of it."""
_LOOK_SECONDS = 2.0


def wait_for_calm(seconds: float) -> bool:
    """Wait up to this many seconds for a calm moment; return whether there was one."""
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
