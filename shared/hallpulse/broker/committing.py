"""The thread that commits batches, one after the other, for as long as it takes."""

from __future__ import annotations

import queue
import threading
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
    """Commits on a thread of its own. `done` is called there, for each batch; `failed` once, for what stops us."""

    def __init__(
        self,
        commit: Commit,
        done: Callable[[Batch, Sequence[Letter]], None],
        failed: Callable[[BaseException], None],
        retrying: Callable[[Unavailable, float], None],
    ) -> None:
        self._commit = commit
        self._done = done
        self._failed = failed
        self._retrying = retrying
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, batch: Batch) -> None:
        self._batches.put(batch)

    def stop(self, seconds: float) -> None:
        """Finish the batch that is being committed if that takes no longer; leave the others to be delivered again."""
        self._stopping.set()
        self._batches.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                batch = self._batches.get()
                if batch is None:
                    return
                refusals = self._until_committed(batch)
                if refusals is not None:
                    self._done(batch, refusals)
        except BaseException as error:
            self._failed(error)

    def _until_committed(self, batch: Batch) -> Sequence[Letter] | None:
        """None where we were told to stop before the database answered."""
        wait = FIRST_WAIT
        while True:
            try:
                return self._commit(batch)
            except Unavailable as error:
                self._retrying(error, wait)
                if self._stopping.wait(wait):
                    return None
                wait = min(wait * 2, LONGEST_WAIT)
