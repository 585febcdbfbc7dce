"""The batch consumer: from quorum queues to committed batches, acknowledged after the commit and not before.

One thread talks to the broker, others commit (`committing`), so that the next batch is gathered while the database
works. Messages are acknowledged with one multiple-ack a batch, in order, once the batch is committed and the
broker has confirmed the copies of its refused events. A lost connection is opened again; what was not acknowledged
comes again and is known to the store.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

from hallpulse.domain.errors import Unavailable

from .batch import Batch
from .committing import FIRST_WAIT, LONGEST_WAIT, Commit, Committer
from .connection import open_channel
from .refused import Letter
from .session import STOP_SECONDS, ConsumerLimits, Session
from .stopped import heed
from .topology import declare, queue_names, retire, slow_names

__all__ = ["Consumer", "ConsumerLimits"]

_WELL_SECONDS = 60.0
"""A connection that held this long was a good one: the next attempt is made soon."""


class Consumer:
    """Consumes every partition until `stop` is called, from any thread or a signal handler.

    admit: asked, given the broker's URL, before each connection that consumes; raises Halt where nothing may be.
    """

    def __init__(
        self,
        amqp_url: str,
        commit: Commit,
        limits: ConsumerLimits,
        say: Callable[[str], None],
        *,
        admit: Callable[[str], None] = heed,
    ) -> None:
        self._admit = admit
        self._url = amqp_url
        self._limits = limits
        self._say = say
        self._stopping = False
        self._failure: BaseException | None = None
        self._committer = Committer(
            commit, self._committed, self._fail, self._retrying, self._is_current, threads=limits.committers
        )
        self._session: Session | None = None
        self._generation = 0

    def run(self) -> None:
        """Consume until stopped. Raises Halt, or whatever else made going on impossible; nothing is lost then."""
        self._committer.start()
        try:
            self._until_stopped()
        finally:
            self._committer.stop(STOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop taking messages, finish the batch in the database, acknowledge it, leave the rest to come again.

        A plain flag, since a signal handler must not wait for a lock that its own thread holds.
        """
        self._stopping = True

    def lag(self) -> float:
        """For how many seconds the oldest delivery that is not committed has waited; from any thread."""
        since = self._session.waiting_since if self._session is not None else None
        return 0.0 if since is None else max(0.0, time.monotonic() - since)

    def _until_stopped(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping:
            began = time.monotonic()
            try:
                self._one_connection()
            except Unavailable as error:
                wait = FIRST_WAIT if time.monotonic() - began > _WELL_SECONDS else wait
                self._rest(error, wait)
                wait = min(wait * 2, LONGEST_WAIT)

    def _rest(self, error: Unavailable, seconds: float) -> None:
        if not self._stopping:
            self._say(f"{error}; trying again in {seconds:.1f} s")
        until = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < until:
            time.sleep(0.05)

    def _one_connection(self) -> None:
        with open_channel(self._url) as channel:
            declare(channel, self._limits.partitions)
            queues = queue_names(self._limits.partitions) + retire(channel, self._limits.partitions) + slow_names()
        self._admit(self._url)
        self._generation += 1
        self._session = Session(
            self._url,
            self._generation,
            queues=queues,
            committer=self._committer,
            limits=self._limits,
            stopping=lambda: self._stopping,
        )
        try:
            self._session.run()
        finally:
            self._generation += 1  # what is still in flight came by a connection that is gone

    def _is_current(self, batch: Batch) -> bool:
        return batch.generation == self._generation

    def _committed(self, batch: Batch, letters: Sequence[Letter] | None) -> None:
        session = self._session
        if session is not None and session.generation == batch.generation:
            session.call(functools.partial(session.committed, batch, letters))

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._stopping = True
        if self._session is not None:
            self._session.call(self._session.abandon)

    def _retrying(self, error: Unavailable, wait: float) -> None:
        self._say(f"{error}; trying again in {wait:.1f} s")
