"""The suite around a demonstration: started if it does not run yet, and ended by whoever started it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hallpulse.contract.reasons import both
from hallpulse.domain.errors import HallpulseError
from services.console import texts
from services.console.screen import screen
from services.local import detached, lifecycle
from services.local.layout import Layout

_WATCH_SECONDS = 1.0


class StopAsked(Exception):
    """Ctrl-C, or whoever started the demonstration wants it to end."""


@contextmanager
def suite(layout: Layout) -> Iterator[None]:
    """A suite runs inside; one that ran before is used and left alone, another is ended afterwards."""
    say = screen(stderr=True).print
    if lifecycle.running(layout) is not None:
        say(both(texts.ALREADY_RUNS), markup=False)
        yield
        return
    stop = _Stop(layout)
    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        detached.start(layout, os.environ, lambda line: say(line, markup=False))
        stop.raise_if_asked()
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        lifecycle.down(layout, lambda line: say(line, markup=False))


def wait_for_stop(layout: Layout) -> None:
    """Until Ctrl-C or SIGTERM. Raises HallpulseError where the suite ends by itself."""
    while lifecycle.running(layout) is not None:
        time.sleep(_WATCH_SECONDS)
    raise HallpulseError(f"the suite has ended: see {layout.log('supervisor')}")


class _Stop:
    """A signal handler. While the supervisor has not written down that it lives, nobody could end it: then it waits."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._asked = False

    def __call__(self, _: int, __: FrameType | None) -> None:
        self._asked = True
        if lifecycle.running(self._layout) is not None:
            raise StopAsked

    def raise_if_asked(self) -> None:
        if self._asked:
            raise StopAsked
