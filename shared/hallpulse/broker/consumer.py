"""The batch consumer: from quorum queues to committed batches, acknowledged after the commit and not before.

One thread talks to the broker, others commit (`Committer`), so that the next batch is gathered while the database
works. Messages are acknowledged with one multiple-ack a batch, in order, once the batch is committed and the
broker has confirmed the copies of its refused events. A lost connection is opened again; what was not acknowledged
comes again and is known to the store.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Sequence, Set

from hallpulse.broker.connection import open_channel
from hallpulse.broker.deliveries import Batch, HallsSlowed
from hallpulse.broker.rejections import Rejection
from hallpulse.broker.session import STOP_SECONDS, Session
from hallpulse.broker.stopped import ensure_not_stopped
from hallpulse.broker.topology import ConsumerLimits, declare, queue_names, retire, slow_names
from hallpulse.domain.errors import Unavailable

Commit = Callable[[Batch], Sequence[Rejection]]
"""Stores a batch's events in one transaction and returns what of them must go to the refused queue as well.

Raising Unavailable means: nothing lost, try the same batch again; HallsSlowed: nothing stored, try it in parts.
"""
FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0


class Committer:
    """Commits on several threads, where all of its callbacks run; batches may overtake each other.

    done: for each batch, what its commit returned, or None where it was left uncommitted: it will be delivered again;
    divided: or for one that is to be committed in parts (`HallsSlowed`);
    failed: once, for what stops us; retrying: the database does not answer, and how long we wait;
    wanted: whether a batch can still be acknowledged. One that cannot is left, since it comes again anyway.
    """

    def __init__(
        self,
        commit: Commit,
        done: Callable[[Batch, Sequence[Rejection] | None], None],
        failed: Callable[[BaseException], None],
        retrying: Callable[[Unavailable, float], None],
        wanted: Callable[[Batch], bool],
        *,
        divided: Callable[[Batch], None],
        threads: int = 1,
    ) -> None:
        self._commit = commit
        self._done = done
        self._failed = failed
        self._retrying = retrying
        self._wanted = wanted
        self._divided = divided
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
                try:
                    self._done(batch, self._until_committed(batch))
                except HallsSlowed:
                    self._divided(batch)
        except BaseException as error:
            self._failed(error)

    def _until_committed(self, batch: Batch) -> Sequence[Rejection] | None:
        wait = FIRST_WAIT
        while not self._stopping.is_set() and self._wanted(batch):
            try:
                return self._commit(batch)
            except Unavailable as error:
                self._retrying(error, wait)
                self._stopping.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        return None


_WELL_SECONDS = 60.0
"""A connection that held this long was a good one: the next attempt is made soon."""


class Consumer:
    """Consumes every partition until `stop` is called, from any thread or a signal handler.

    admit: asked, given the broker's URL, before each connection that consumes; raises Halt where nothing may be.
    slow: the halls, as REGION.HALL, whose deliveries are just now committed after those of others.
    """

    def __init__(
        self,
        amqp_url: str,
        commit: Commit,
        limits: ConsumerLimits,
        say: Callable[[str], None],
        *,
        admit: Callable[[str], None] = ensure_not_stopped,
        slow: Set[str] = frozenset(),
    ) -> None:
        self._admit = admit
        self._slow = slow
        self._url = amqp_url
        self._limits = limits
        self._say = say
        self._stopping = False
        self._failure: BaseException | None = None
        self._committer = Committer(
            commit,
            self._committed,
            self._fail,
            self._retrying,
            self._is_current,
            divided=self._divide,
            threads=limits.committers,
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
            slow=self._slow,
        )
        try:
            self._session.run()
        finally:
            self._generation += 1  # what is still in flight came by a connection that is gone

    def _is_current(self, batch: Batch) -> bool:
        return batch.generation == self._generation

    def _committed(self, batch: Batch, rejections: Sequence[Rejection] | None) -> None:
        self._call(batch, lambda session: session.committed(batch, rejections))

    def _divide(self, batch: Batch) -> None:
        self._call(batch, lambda session: session.divided(batch))

    def _call(self, batch: Batch, work: Callable[[Session], None]) -> None:
        """Have the session do something that a batch came by, if there is still one."""
        session = self._session
        if session is not None and session.generation == batch.generation:
            session.call(functools.partial(work, session))

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._stopping = True
        if self._session is not None:
            self._session.call(self._session.abandon)

    def _retrying(self, error: Unavailable, wait: float) -> None:
        self._say(f"{error}; trying again in {wait:.1f} s")
