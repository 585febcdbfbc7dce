"""Watch a number, and note when it was first seen to have reached each value."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from types import TracebackType

import httpx

from bench.suite import RunningSuite

INDICATOR = "acceptance_rate"
"""The watched indicator. Its numerator counts accepted cases, so that each accepted event adds one."""


class Watch:
    """Queries a number again and again on a separate thread, and notes when each value was first seen."""

    def __init__(self, ask: Callable[[], int], pause: float) -> None:
        self._ask = ask
        self._pause = pause
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._seen: dict[int, float] = {}
        self._latest = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._latest = self._ask()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(10)

    @property
    def latest(self) -> int:
        return self._latest

    def when(self, value: int, seconds: float) -> float:
        """Return when the number was first at least `value`, in monotonic seconds.

        Raises RuntimeError if it does not reach the value within `seconds`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._latest >= value or self._error, seconds):
                raise RuntimeError(f"it is still {self._latest} after {seconds:.0f} s, not {value}")
            if self._error:
                raise self._error
            return self._seen[value]

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._pause):
                self._note(self._ask(), time.monotonic())
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _note(self, value: int, now: float) -> None:
        with self._changed:
            for grown in range(self._latest + 1, value + 1):
                self._seen[grown] = now
            self._latest = max(self._latest, value)
            self._changed.notify_all()


def at_the_gateway(running: RunningSuite, region: int) -> Callable[[], int]:
    """Return a function that queries GET /v1/indicators on a kept connection."""
    client = httpx.Client(headers=running.authorization, timeout=30, trust_env=False)
    address = f"{running.indicators_url}?region={region}"

    def ask() -> int:
        answer = client.get(address)
        answer.raise_for_status()
        return next(int(one["numerator"]) for one in answer.json()["indicators"] if one["id"] == INDICATOR)

    return ask


def in_metrics(running: RunningSuite, region: int) -> Callable[[], int]:
    """Return a function that queries GET /metrics of the targets service."""
    client = httpx.Client(timeout=30, trust_env=False)
    address = running.targets_metrics
    name = f'hallpulse_indicator_numerator{{indicator="{INDICATOR}",region="{region}"}}'
    line = re.compile(rf"^{re.escape(name)} ([0-9.e+]+)$", re.MULTILINE)

    def ask() -> int:
        found = line.search(client.get(address).raise_for_status().text)
        return int(float(found[1])) if found else 0

    return ask
