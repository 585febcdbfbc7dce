"""Moves halls to the slow lane and back, on the broker, without keeping a batch waiting.

The messages of a hall in the slow lane go to a queue with few unacknowledged messages and bounded length, apart from
the partitions that all halls share: so a flood of wrong messages holds up only its sender. The worker's `RefusalLimit`
decides which halls are in the lane.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hallpulse.domain.errors import HallpulseError

from .connection import open_channel
from .topology import LANES, SLOW_LANES, slow_name

_PAUSE_SECONDS = 1.0


class Moves(NamedTuple):
    """Halls, as REGION.HALL, that are served more slowly from now on, and halls that are served normally again."""

    slower: frozenset[str]
    normal: frozenset[str]


class Lanes:
    """Moves halls between lanes on a separate thread, and tries again until the broker has done it."""

    def __init__(self, amqp_url: str, say: Callable[[str], None]) -> None:
        self._url = amqp_url
        self._say = say
        self._wanted: dict[str, bool] = {}
        self.slow: set[str] = set()
        """The halls, as REGION.HALL, that are served more slowly now, even if the broker does not know it yet."""
        self._lock = threading.Lock()
        self._asked, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="lanes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._asked.set()
        self._thread.join(10)

    def move(self, moves: Moves) -> None:
        """Have halls moved as soon as the broker can be reached."""
        with self._lock:
            self._wanted |= {hall: True for hall in moves.slower} | {hall: False for hall in moves.normal}
            self.slow |= moves.slower
            self.slow -= moves.normal
        for hall in sorted(moves.slower):
            self._say(f"{hall}: too much of it is refused, it is served more slowly")
        self._asked.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._asked.wait()
            self._asked.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, {}
            try:
                self._bring_about(wanted)
            except HallpulseError as error:
                self._say(f"lanes: {error}; trying again")
                with self._lock:
                    self._wanted = wanted | self._wanted
                self._asked.set()
                self._ending.wait(_PAUSE_SECONDS)

    def _bring_about(self, wanted: Mapping[str, bool]) -> None:
        if not wanted:
            return
        with open_channel(self._url) as channel:
            for hall, slow in wanted.items():
                change = channel.queue_bind if slow else channel.queue_unbind
                change(lane_of(hall), LANES, routing_key=f"{hall}.*")


def lane_of(hall: str) -> str:
    """Return the queue of a hall in the slow lane. hall: REGION.HALL."""
    return slow_name(zlib.crc32(hall.encode()) % SLOW_LANES)
