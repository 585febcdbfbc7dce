"""Processes that merge batches, each on its own connection to the database: Python then works on as many cores.

One interpreter alone was what kept two cores from being used (docs/decisions/0006-merging-processes.md).
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import suppress

import msgspec

from hallpulse.companion import Companion
from hallpulse.domain.errors import Halt, Unavailable

from .work import Failed, Merged, Place, Weigh, Weighed, Work

MODULE = "services.ingest.merger"
READY, GO, DROP = b"ready", b"go", b"drop"
_encode = msgspec.msgpack.Encoder().encode
_answer: Callable[[bytes], Merged | Weighed | Failed] = msgspec.msgpack.Decoder(Merged | Weighed | Failed).decode


class Mergers:
    """So many processes, which begin to start at once; a batch goes to one that has nothing to do."""

    def __init__(self, place: Place, count: int) -> None:
        self._all = [_Merger(place) for _ in range(count)]
        self._free: queue.SimpleQueue[_Merger] = queue.SimpleQueue()
        for merger in self._all:
            self._free.put(merger)

    def wait(self) -> None:
        """Until each is ready. Raises Unavailable, Halt."""
        for merger in self._all:
            merger.wait()

    def do(self, work: Work, weigh: Weigh) -> Merged:
        """Raises Unavailable (also where a process was ended by somebody: another takes its place), Halt."""
        merger = self._free.get()
        try:
            return merger.do(work, weigh)
        finally:
            self._free.put(merger)

    def end(self) -> None:
        """What is under way is rolled back."""
        for merger in self._all:
            merger.end()


class _Merger:
    def __init__(self, place: Place) -> None:
        self._place = _encode(place)
        self._ready = False
        self._ended = False
        self._start()

    def do(self, work: Work, weigh: Weigh) -> Merged:
        self.wait()
        self._send(_encode(work))
        answer = self._receive()
        while isinstance(answer, Weighed):
            try:
                weigh(answer.taken, answer.letters)
            except BaseException:
                self._send(DROP)
                raise
            self._send(GO)
            answer = self._receive()
        return answer

    def wait(self) -> None:
        if not self._ready:
            greeting = self._take()
            if greeting != READY:
                self._answered(greeting)
            self._ready = True

    def end(self) -> None:
        self._ended = True
        self._companion.end()

    def _start(self) -> None:
        self._companion = Companion(MODULE)
        self._ready = False
        self._send(self._place)

    def _send(self, message: bytes) -> None:
        with suppress(BrokenPipeError):  # what became of it is found out when its answer is taken
            self._companion.pipe.send_bytes(message)

    def _receive(self) -> Merged | Weighed:
        return self._answered(self._take())

    def _take(self) -> bytes:
        try:
            return self._companion.pipe.recv_bytes()
        except (EOFError, OSError):
            fate = self._companion.fate()
            if not self._ended:
                self._companion.end()
                self._start()
            raise Unavailable(f"a merging process {fate}") from None

    def _answered(self, message: bytes) -> Merged | Weighed:
        answer = _answer(message)
        if isinstance(answer, Failed):
            raise Unavailable(answer.line) if answer.again else Halt(answer.line)
        return answer
