"""An outbox in memory: it ends with its program."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from .message import Message
from .outbox import OutboxFull, Waiting, fits

MOST_WAITING = 5000
MOST_BYTES = 32 * 1024 * 1024


class MemoryOutbox:
    """An outbox in memory. It takes events while fewer than 5,000 events and 32 MiB wait; it forgets refused ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Waiting]] = {}
        self._numbers = 0
        self._count = 0
        self._bytes = 0

    def add(self, messages: Sequence[Message]) -> None:
        with self._lock:
            if self._count >= MOST_WAITING or self._bytes >= MOST_BYTES:
                raise OutboxFull(f"{self._count} events wait in memory: no more until some are confirmed")
            for message in messages:
                self._numbers += 1
                self._count += 1
                self._bytes += len(message.body)
                waiting = self._waiting.setdefault(message.routing_key, deque())
                waiting.append(Waiting(self._numbers, message.body))

    def first(self) -> int | None:
        with self._lock:
            return min((waiting[0].number for waiting in self._waiting.values()), default=None)

    def last(self) -> int:
        return self._numbers

    def count(self) -> int:
        return self._count

    def close(self) -> None:
        """Do nothing: the events end with the program."""

    def lease(self) -> bool:
        return True

    def keys(self) -> list[str]:
        with self._lock:
            return sorted(self._waiting)

    def head(self, routing_key: str, after: int = 0) -> list[Waiting]:
        taken: list[Waiting] = []
        size = 0
        with self._lock:
            for waiting in self._waiting.get(routing_key, ()):
                if waiting.number <= after:
                    continue
                size += len(waiting.body) + 1
                if not fits(len(taken) + 1, size):
                    break
                taken.append(waiting)
        return taken

    def confirm(self, upto: Iterable[tuple[str, int]]) -> None:
        with self._lock:
            for routing_key, number in upto:
                self._forget(routing_key, number)

    def refuse(self, routing_key: str, upto: int, reason: str) -> None:
        del reason
        self.confirm([(routing_key, upto)])

    def let_go(self) -> None:
        """Do nothing: no other program waits for this outbox."""

    def _forget(self, routing_key: str, upto: int) -> None:
        waiting = self._waiting[routing_key]
        while waiting and waiting[0].number <= upto:
            self._count -= 1
            self._bytes -= len(waiting.popleft().body)
        if not waiting:
            del self._waiting[routing_key]
