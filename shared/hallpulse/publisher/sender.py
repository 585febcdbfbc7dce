"""Send the events of an outbox to the broker: in order within a routing key, many routing keys at once.

Each routing key has one envelope under way; the next one leaves once the broker has confirmed it. So the events of a
case, which share a routing key, reach the broker in the order in which they were added, whatever is refused, lost or
sent again in between. Events that are added meanwhile share the next envelope, which makes this fast enough.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from hallpulse.domain.errors import Halt, Unavailable
from hallpulse.publisher.confirmed_channel import Backoff, ConfirmedChannel
from hallpulse.publisher.message import Message, envelope
from hallpulse.publisher.outbox import Outbox, Waiting

UNDER_WAY = 64
MOST_BYTES = 32 * 1024 * 1024
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 120.0
_LOOK_AGAIN = 0.5
"""Seconds between two looks at the outbox: other programs may have added events, or have ended."""
_DENIED_SECONDS = 60.0


class _Sent(NamedTuple):
    waiting: list[Waiting]
    size: int


class _Denied(NamedTuple):
    until: float
    why: str


class _Later:
    """The time of the next attempt for a routing key."""

    def __init__(self) -> None:
        self.due = 0.0
        self.why = ""
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)

    def postpone(self, now: float, why: str) -> None:
        self.due = now + self._backoff.next()
        self.why = why


class OutboxSender:
    """A thread that sends the events of an outbox.

    Events that the broker does not take are sent again after a pause that doubles up to two minutes, each routing key
    by itself. Events that it turns away for good are set aside, and for a minute so are all that follow under that
    routing key: asking again would hold up the others. `refused` is called for each such event, `changed` at every
    change, `halted` with an error that needs a person: nothing is sent after that.
    """

    def __init__(
        self,
        pipeline: ConfirmedChannel,
        outbox: Outbox,
        refused: Callable[[Message, str], None],
        changed: Callable[[], None],
        halted: Callable[[Halt], None],
    ) -> None:
        self._pipeline = pipeline
        self._outbox = outbox
        self._refused = refused
        self._changed = changed
        self._halted = halted
        self._under_way: dict[str, _Sent] = {}
        self._bytes = 0
        self._answers: deque[tuple[str, Unavailable | Halt | None]] = deque()
        self._later: dict[str, _Later] = {}
        self._denied: dict[str, _Denied] = {}
        self._unrecorded: dict[str, int] = {}
        self._recording = _Later()
        self._last_key = ""
        self._leased = True
        self._trouble = ""
        self._awake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.confirmed = 0

    @property
    def fault(self) -> str:
        """The reason why not everything is sent, as far as known; "" if nothing is wrong."""
        if trouble := self._trouble or self._recording.why:
            return trouble
        if not self._leased:
            return "another program sends what this outbox holds"
        if not self._pipeline.connected:
            return f"broker: {self._pipeline.fault}"
        return next((later.why for later in list(self._later.values())), "")

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look for something to send now. May be called from any thread."""
        self._awake.set()

    def stop(self) -> None:
        """Stop, and return once nothing more is sent.

        The broker may still confirm envelopes under way; they are sent again the next time.
        """
        self._stopped.set()
        self._awake.set()
        if self._thread.ident is None:
            self._outbox.let_go()
        elif self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        trouble = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        try:
            while not self._stopped.is_set():
                self._awake.clear()
                try:
                    self._round()
                except Unavailable as error:  # the outbox's disk is full, or another program keeps it locked
                    self._trouble = str(error)
                    self._stopped.wait(trouble.next())
                    continue
                self._trouble = ""
                trouble.reset()
                self._awake.wait(self._idle())
        except Halt as halt:
            self._halted(halt)
        except Exception as error:
            self._halted(Halt(f"sender: {type(error).__name__}: {error}"))
            raise
        finally:
            self._outbox.let_go()

    def _round(self) -> None:
        self._settle()
        self._leased = self._outbox.lease()
        if not self._leased or not self._pipeline.connected:
            return
        now = time.monotonic()
        keys = self._outbox.keys()
        keys.sort(key=lambda key: key <= self._last_key)  # go on where the last round ended: each key has its turn
        for key in keys:
            if len(self._under_way) >= UNDER_WAY or self._bytes >= MOST_BYTES:
                break
            if key not in self._under_way and (key not in self._later or self._later[key].due <= now):
                self._last_key = key
                self._send(key, now)

    def _send(self, key: str, now: float) -> None:
        waiting = self._outbox.head(key, self._unrecorded.get(key, 0))
        if not waiting:
            return
        denied = self._denied.get(key)
        if denied and denied.until > now:
            self._turn_away(key, waiting, denied.why)
            self._awake.set()
            return
        message = envelope(key, [event.body for event in waiting])
        self._under_way[key] = _Sent(waiting, len(message.body))
        self._bytes += len(message.body)
        self._pipeline.hand_over(*message[:3], partial(self._answered, key))

    def _answered(self, key: str, error: Unavailable | Halt | None) -> None:
        """Note the broker's answer; called on the channel's thread, or on the sender's if there is no connection."""
        self._answers.append((key, error))
        self._awake.set()

    def _settle(self) -> None:
        """Act on the broker's answers."""
        now = time.monotonic()
        turned_away: list[tuple[str, list[Waiting], str]] = []
        while self._answers:
            key, error = self._answers.popleft()
            waiting, size = self._under_way.pop(key)
            self._bytes -= size
            if isinstance(error, Unavailable):
                self._later.setdefault(key, _Later()).postpone(now, str(error))
                continue
            self._later.pop(key, None)
            if error is None:
                self._unrecorded[key] = waiting[-1].number
                self.confirmed += len(waiting)
            else:
                self._denied[key] = _Denied(now + _DENIED_SECONDS, str(error))
                turned_away.append((key, waiting, str(error)))
        if self._unrecorded:
            self._record(now)
        for answer in turned_away:
            self._turn_away(*answer)

    def _record(self, now: float) -> None:
        """Delete confirmed events. If the disk is too full even to delete, later events are sent all the same."""
        if self._recording.due > now:
            return
        try:
            self._outbox.confirm(self._unrecorded.items())
        except Unavailable as error:
            self._recording.postpone(now, str(error))
        else:
            self._recording = _Later()
            self._unrecorded.clear()
            self._changed()

    def _turn_away(self, key: str, waiting: list[Waiting], why: str) -> None:
        if self._unrecorded:  # `refuse` would keep confirmed events as refused
            self._outbox.confirm(self._unrecorded.items())
        self._outbox.refuse(key, waiting[-1].number, why)
        for event in waiting:
            self._refused(Message(key, event.body), why)
        self._changed()

    def _idle(self) -> float:
        """Return the seconds to wait for work that no call to `wake` announces."""
        now = time.monotonic()
        due = min((later.due for later in self._later.values() if later.due > now), default=now + _LOOK_AGAIN)
        return min(due - now, _LOOK_AGAIN)
