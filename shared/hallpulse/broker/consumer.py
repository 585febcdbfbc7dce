"""The batch consumer: it gathers messages of quorum queues in batches and acknowledges each after its commit.

One thread talks to the broker, others commit (`Committer`), so that the next batch is gathered while the database
works. Messages are acknowledged with one multiple-ack a batch, in order, once the batch is committed and the
broker has confirmed the copies of its refused events. A lost connection is opened again; messages that were not
acknowledged are delivered again, and the store knows them as duplicates.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Sequence, Set

from hallpulse.broker.batches import Batch, HallsSlowed
from hallpulse.broker.connection import open_channel, parameters
from hallpulse.broker.rejections import Rejection
from hallpulse.broker.session import STOP_SECONDS, Session
from hallpulse.broker.stopped import ensure_not_stopped
from hallpulse.broker.topology import ConsumerLimits, declare, queue_names, retire, slow_names
from hallpulse.domain.errors import Unavailable
from hallpulse.nodes import each_node, in_order, missed

Commit = Callable[[Batch], Sequence[Rejection]]
"""Stores a batch's events in one transaction and returns the rejections that must go to the refused queue.

It raises Unavailable if nothing was lost and the same batch is to be tried again, HallsSlowed if nothing was stored and
the batch is to be tried in parts.
"""
FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0


class Committer:
    """Commits batches on several threads, which also call its callbacks; batches may overtake each other.

    done: called for each batch with what its commit returned, or None if the batch was not committed and will be
    delivered again; divided: called instead for a batch that is to be committed in parts (`HallsSlowed`);
    failed: called with an error that ends a thread; retrying: called with the error and the seconds of the wait while
    the database does not answer; wanted: tells whether a batch can still be acknowledged; if not, it is not committed,
    since it will be delivered again anyway.
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
        """Finish the commits under way; leave all other batches, also those that wait for the database."""
        self._stopping.set()

    def stop(self, seconds: float) -> None:
        """Begin no more commits, and wait at most `seconds` for those under way."""
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
"""After a connection that lasted this long, the next attempt is made soon."""
_WELL_BESIDE_OTHERS, LONGEST_BESIDE_OTHERS = 1.0, 5.0


class Consumer:
    """Consumes every partition until `stop` is called, from any thread or a signal handler, by any node of the broker.

    admit: called with the broker's URL before each connection that consumes; raises Halt if it may not consume.
    slow: the halls, as REGION.HALL, whose deliveries are at present committed after those of others.
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
        """Consume until stopped. Raises Halt, or the error that made going on impossible; no message is lost then."""
        self._committer.start()
        try:
            self._until_stopped()
        finally:
            self._committer.stop(STOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop taking messages, finish and acknowledge the batches in the database; the rest is delivered again.

        It only sets a flag, since a signal handler must not wait for a lock that its own thread holds.
        """
        self._stopping = True

    def lag(self) -> float:
        """Return the seconds that the oldest uncommitted delivery has waited. May be called from any thread."""
        since = self._session.waiting_since if self._session is not None else None
        return 0.0 if since is None else max(0.0, time.monotonic() - since)

    def _until_stopped(self) -> None:
        """A wait follows each loss; it grows while connections do not hold, of several nodes once each was tried."""
        nodes = len(each_node(self._url))
        wait, lost = FIRST_WAIT, 0
        while not self._stopping:
            began = time.monotonic()
            try:
                self._one_connection()
            except Unavailable as error:
                if time.monotonic() - began > (_WELL_SECONDS if nodes == 1 else _WELL_BESIDE_OTHERS):
                    wait, lost = FIRST_WAIT, 0
                lost += 1
                self._rest(error, wait)
                if lost >= nodes:
                    wait = min(wait * 2, LONGEST_WAIT if nodes == 1 else LONGEST_BESIDE_OTHERS)

    def _rest(self, error: Unavailable, seconds: float) -> None:
        if not self._stopping:
            self._say(f"{error}; trying again in {seconds:.1f} s")
        until = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < until:
            time.sleep(0.05)

    def _one_connection(self) -> None:
        node = in_order(self._url)[0]
        try:
            self._consume(node)
        except Unavailable:
            missed(node)
            raise

    def _consume(self, node: str) -> None:
        alone = node == self._url
        with open_channel(node, alone=alone) as channel:
            declare(channel, self._limits.partitions)
            queues = queue_names(self._limits.partitions) + retire(channel, self._limits.partitions) + slow_names()
        self._admit(self._url)
        self._generation += 1
        self._session = Session(
            parameters(node, alone=alone),
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
            self._generation += 1  # batches still in flight belong to a connection that is gone

    def _is_current(self, batch: Batch) -> bool:
        return batch.generation == self._generation

    def _committed(self, batch: Batch, rejections: Sequence[Rejection] | None) -> None:
        self._call(batch, lambda session: session.committed(batch, rejections))

    def _divide(self, batch: Batch) -> None:
        self._call(batch, lambda session: session.divided(batch))

    def _call(self, batch: Batch, work: Callable[[Session], None]) -> None:
        """Have the batch's session do some work, if it is still there."""
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
