"""Start the parts stage by stage, keep them alive, and always end them in the opposite order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from services.local import state
from services.local.child import Child
from services.local.files import CannotRun
from services.local.parts import SuitePart
from services.local.process_groups import Identity
from services.local.state import SuiteState
from services.local.suite_directory import SuiteDirectory

Say = Callable[[str], None]

# Signal of `down --purge`: end at once, because the data will be deleted.
DROP = signal.SIGUSR1
# Signal of `refused resume`: start at once the parts that wait for a person or keep failing.
WAKE = signal.SIGUSR2
_READY_SECONDS = 90.0
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.25


class StopRequested(Exception):
    """A request to end the suite: Ctrl-C, `hallpulse down`, or a closed terminal."""


class Supervisor:
    def __init__(self, layout: SuiteDirectory, me: Identity, say: Say) -> None:
        self._layout, self._me, self._say = layout, me, say
        self._stages: list[list[Child]] = []
        self._stop_asked = self._drop = self._woken = False

    def run(self, stages: Sequence[Sequence[SuitePart]], on_ready: Callable[[], None]) -> None:
        """Run until asked to stop. Raises CannotRun if a part does not start; nothing is left running."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, DROP):
            signal.signal(number, self._note_stop)
        signal.signal(WAKE, self._note_wake)
        try:
            for stage in stages:
                self._start([Child(part) for part in stage])
            on_ready()
            self._watch()
        except StopRequested:
            self._say("stopping")
        finally:
            self._stop()

    def _note_stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._stop_asked = True
        self._drop = self._drop or number == DROP

    def _note_wake(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._woken = True

    def _start(self, stage: list[Child]) -> None:
        self._stages.append(stage)
        began = time.monotonic()
        for child in stage:
            child.start(began)
            self._write()
        while any(child.state == state.STARTING for child in stage):
            self._pause(_POLL_SECONDS)
            for child in stage:
                self._see_ready(child, time.monotonic() - began)

    def _see_ready(self, child: Child, waited: float) -> None:
        if child.died() and not self._halted(child):
            raise CannotRun(f"{child.part.name} did not start: {child.why()}")
        if child.state == state.STARTING and waited > _READY_SECONDS:
            raise CannotRun(f"{child.part.name} is not ready after {waited:.0f} s: {child.why()}")
        if child.became_ready():
            self._say(f"{child.part.name}: ready after {waited:.1f} s")
            child.part.on_ready()
            self._write()

    def _watch(self) -> None:
        while True:
            self._pause(_WATCH_SECONDS)
            now = time.monotonic()
            self._wake(now)
            for child in self._children():
                child.beat(now)
            if any([self._look_after(child, now) for child in self._children()]):
                self._write()

    def _look_after(self, child: Child, now: float) -> bool:
        if child.died():
            if not self._halted(child):
                child.plan_restart(now)
                self._say(f"{child.part.name}: {child.state}, next try in {child.due - now:.0f} s, after {child.why()}")
        elif child.is_due(now):
            child.start(now)
        elif child.recovered(now):
            self._say(f"{child.part.name}: has recovered")
        elif not child.became_ready():
            return False
        return True

    def _halted(self, child: Child) -> bool:
        """Return whether the part ended on purpose. It then waits for a person, while the others run on."""
        if not child.wants_a_person:
            return False
        child.halt()
        self._say(f"{child.part.name}: waits for a person: {child.why()}")
        self._write()
        return True

    def _wake(self, now: float) -> None:
        woken, self._woken = self._woken, False
        for child in self._children() if woken else ():
            if child.state in (state.HALTED, state.FAILING):
                child.start(now)
                self._write()

    def _stop(self) -> None:
        for stage in reversed(self._stages):
            for child in stage:
                child.ask_to_stop(signal.SIGKILL if self._drop else child.part.stop)
            for child in stage:
                child.wait_until_gone()

    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    def _pause(self, seconds: float) -> None:
        if self._stop_asked:
            raise StopRequested
        time.sleep(seconds)

    def _write(self) -> None:
        parts = tuple(child.snapshot() for child in self._children())
        state.write(self._layout.state, SuiteState(self._me, parts))
