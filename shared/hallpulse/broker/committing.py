"""The threads that commit batches, each one after the other, for as long as it takes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence

from hallpulse.domain.errors import Unavailable

from .batch import Batch
from .refused import Letter

Commit = Callable[[Batch], Sequence[Letter]]
"""Stores a batch's events in one transaction and returns what of them must go to the refused queue as well.

Raising Unavailable means: nothing lost, try the same batch again.
"""
FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0


class Committer:
    """Commits on threads of its own, where all of its callbacks run; batches may overtake each other.

    done: for each batch, what its commit returned, or None where it was left uncommitted: it will be delivered again;
    failed: once, for what stops us; retrying: the database does not answer, and how long we wait;
    wanted: whether a batch can still be acknowledged. One that cannot is left, since it comes again anyway.
    """

    def __init__(
        self,
        commit: Commit,
        done: Callable[[Batch, Sequence[Letter] | None], None],
        failed: Callable[[BaseException], None],
        retrying: Callable[[Unavailable, float], None],
        wanted: Callable[[Batch], bool],
        *,
        threads: int = 1,
    ) -> None:
        self._commit = commit
        self._done = done
        self._failed = failed
        self._retrying = retrying
        self._wanted = wanted
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, name="commit", daemon=True) for _ in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def put(self, batch: Batch) -> None:
        self._batches.put(batch)

    def begin_no_more(self) -> None:
        """Finish the commits that are under way; leave all else, also what waits for the database to come back."""
        self._stopping.set()

    def stop(self, seconds: float) -> None:
        """Wait no longer than this for the commits that are under way."""
        self.begin_no_more()
        for _ in self._threads:
            self._batches.put(None)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        try:
            while (batch := self._batches.get()) is not None:
                self._done(batch, self._until_committed(batch))
        except BaseException as error:
            self._failed(error)

    def _until_committed(self, batch: Batch) -> Sequence[Letter] | None:
        wait = FIRST_WAIT
        while not self._stopping.is_set() and self._wanted(batch):
            try:
                return self._commit(batch)
            except Unavailable as error:
                self._retrying(error, wait)
                self._stopping.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        return None
