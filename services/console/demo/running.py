"""The suite for a demonstration. It is started if none runs yet, and then ended with the demonstration."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hallpulse.contract.reasons import both
from hallpulse.domain.errors import HallpulseError
from services.console import console_texts as texts
from services.console.usage import screen
from services.local import detached, lifecycle
from services.local.suite_directory import SuiteDirectory

_WATCH_SECONDS = 1.0


class DemoStopped(Exception):
    """A request to end the demonstration: Ctrl-C, or a signal from the program that started it."""


@contextmanager
def suite(layout: SuiteDirectory) -> Iterator[None]:
    """Run a suite during the block. A suite that already runs is used and left running."""
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


def wait_for_stop(layout: SuiteDirectory) -> None:
    """Wait until Ctrl-C or SIGTERM. Raises HallpulseError if the suite ends by itself."""
    while lifecycle.running(layout) is not None:
        time.sleep(_WATCH_SECONDS)
    raise HallpulseError(f"the suite has ended: see {layout.log('supervisor')}")


class _Stop:
    """A signal handler that stops the demonstration, but not before the supervisor has recorded that it runs.

    Until then nothing could end the supervisor.
    """

    def __init__(self, layout: SuiteDirectory) -> None:
        self._layout = layout
        self._asked = False

    def __call__(self, _: int, __: FrameType | None) -> None:
        self._asked = True
        if lifecycle.running(self._layout) is not None:
            raise DemoStopped

    def raise_if_asked(self) -> None:
        if self._asked:
            raise DemoStopped
