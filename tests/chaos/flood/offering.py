"""`python -m tests.chaos.flood.offering URL NAME RATE SECONDS`: offers so many batches a second, whoever takes them.

What is not taken is offered again, at once while the flood lasts, until it is. A line a second says how it goes; the
last one, once all is taken, begins with `end`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, deque
from threading import Condition

from hallpulse.contract.decode import BATCH_TYPE
from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.publisher.confirmed_channel import ConfirmedChannel
from tests.chaos.flood.envelopes import Envelopes, key_of

IN_FLIGHT = 150
_PAUSE_AFTERWARDS = 0.05
"""Between two offers, once the flood is over: whoever is held back comes back later."""


class Offering:
    """Counts: offered, in time where the flood lasted, taken, and why not; `sequence`: how many different batches."""

    def __init__(self, url: str, name: str) -> None:
        self.counts: Counter[str] = Counter()
        self.sequence = 0
        self._envelopes = Envelopes(name)
        self._pipeline = ConfirmedChannel(url)
        self._changed = Condition()
        self._again: deque[int] = deque()
        self._in_flight = 0

    def run(self, rate: float, seconds: float) -> None:
        self._pipeline.start(20)
        began = told = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            if now - told >= 1.0:
                told = now
                self.say("now")
            due = int((now - began) * rate)
            if self.counts["offered"] < due:
                self._offer()
            else:
                time.sleep(0.002)
        self.counts["offered in time"] = self.counts["offered"]
        while self._left():
            self._offer(new=False)
            time.sleep(_PAUSE_AFTERWARDS)
        self.say("end")
        self._pipeline.close()

    def say(self, word: str) -> None:
        print(word, json.dumps(self.counts | {"different": self.sequence}), flush=True)

    def _left(self) -> bool:
        with self._changed:
            return bool(self._again or self._in_flight)

    def _offer(self, new: bool = True) -> None:
        """One batch: one that was not taken before, or a new one; waits while too many are under way."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._in_flight < IN_FLIGHT, 0.2):
                self.counts["held up"] += 1
                return
            if not self._again and not new:
                return
            sequence = self._again.popleft() if self._again else self._next()
            self._in_flight += 1
        self.counts["offered"] += 1
        body = self._envelopes.body(sequence)
        self._pipeline.hand_over(key_of(sequence), body, BATCH_TYPE, lambda error: self._answered(sequence, error))

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence - 1

    def _answered(self, sequence: int, error: Unavailable | Halt | None) -> None:
        with self._changed:
            self._in_flight -= 1
            if error is None:
                self.counts["taken"] += 1
            else:
                self.counts[str(error)] += 1
                self._again.append(sequence)
            self._changed.notify()


if __name__ == "__main__":
    url, name, rate, seconds = sys.argv[1:]
    Offering(url, name).run(float(rate), float(seconds))
