"""Isolates the message on which the merging of its batch fails each time: it is refused, the rest is stored.

A merging process that dies on a batch, or fails for a reason that is not the database's absence, may do so because of
one message; so may a connection that the database ends while it answers on others. Given back, the message would come
again without end, since no delivery limit may drop it, and all that came with it would wait. So the batch is tried
again, then in halves, down to the messages that fail alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from hallpulse.broker import Batch, Rejection
from hallpulse.broker.deliveries import Delivery
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.identity import claim_of
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.errors import Halt, Unavailable


class MergerDied(Unavailable):
    """The merging process died while it had this batch: try again; the batch itself may be why."""


class MergerCutOff(Unavailable):
    """The database ended the connection on which this batch was merged: if it answers, the batch may be why."""


class MergeFault(Halt):
    """The database is there, and the batch cannot be merged: one of its messages may be why."""


TRIES = 3
"""Failures in a row after which a batch, or a message alone, is held to be why: others may have killed the process."""
MOST_IN_A_ROW = 5
"""Messages refused without one stored in between: more of them, and the fault is ours, or the database's.

Of those on which connections were ended it is one, until another part of the batch, or another batch, is stored: a
database may answer and store nothing.
"""
_DETAIL = "expected a message that can be stored: merging it alone failed {tries} times; ingest's log says how"
_SUSPICIOUS = (MergerDied, MergerCutOff, MergeFault)
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode

Merge = Callable[[Batch], Sequence[Rejection]]
Refuse = Callable[[Sequence[Rejection]], None]


@dataclass(slots=True)
class _Trial:
    """A batch that is tried in parts.

    merged: how many merges had succeeded before; parts: those left, the next one last; found: the rejections of those
    merged; isolated: the messages that failed alone, each with its rejection.
    """

    batch: Batch
    merged: int
    parts: list[Batch]
    found: list[Rejection] = field(default_factory=list)
    isolated: list[tuple[Batch, Rejection]] = field(default_factory=list)

    def hold_none(self) -> None:
        """Take back that messages were held to be why: they and the present part are tried again after the others."""
        self.parts[:0] = [*(message for message, _ in self.isolated), self.parts.pop()]
        self.isolated.clear()


class Isolation:
    """Merges batches, on any number of threads.

    merge: merges one; refuse: notes rejections; say: writes to the log; answers: called after a connection was ended,
    raises Unavailable if the database does not answer on another one.
    """

    def __init__(
        self, merge: Merge, refuse: Refuse, say: Callable[[str], None], answers: Callable[[], None] = lambda: None
    ) -> None:
        self._merge = merge
        self._refuse = refuse
        self._say = say
        self._answers = answers
        self._in_a_row = self._merged = 0
        self._here = threading.local()

    def commit(self, batch: Batch) -> Sequence[Rejection]:
        """Merge a batch and return its rejections.

        Raises what `merge` raises, and Halt if message after message fails: then the fault is ours, nothing is refused
        and nothing acknowledged. If connection after connection is ended, it is the database's: raises Unavailable. A
        batch that comes again to the same thread goes on with the parts that are left, so that none counts twice.
        """
        trial: _Trial | None = getattr(self._here, "trial", None)
        if trial is None or trial.batch is not batch:
            self._here.trial = None
            try:
                return self._tried(batch, TRIES)
            except _SUSPICIOUS as error:
                self._say(f"{error}; the batch of {len(batch.deliveries)} messages is tried in parts")
            trial = self._here.trial = _Trial(batch, self._merged, [*_halves(batch)][::-1] or [batch])
        while trial.parts:
            self._settle(trial)
        isolated = [rejection for _, rejection in trial.isolated]
        if isolated:
            self._refuse(isolated)
        self._here.trial = None
        return [*trial.found, *isolated]

    def _tried(self, batch: Batch, times: int) -> Sequence[Rejection]:
        for left in reversed(range(times)):
            try:
                found = self._merge(batch)
            except _SUSPICIOUS as error:
                if isinstance(error, MergerCutOff):
                    self._answers()
                if not left:
                    raise
                self._say(f"{error}; trying again")
            else:
                self._in_a_row = 0
                self._merged += 1
                return found
        raise AssertionError("no try")

    def _settle(self, trial: _Trial) -> None:
        """Merge the next part; put its halves in its place if it fails, or hold its only message to be why."""
        part, halves = trial.parts[-1], list[Batch]()
        try:
            trial.found += self._tried(part, 1)
        except _SUSPICIOUS as error:
            halves += _halves(part)
            if not halves:
                self._alone(part, error, trial)
        trial.parts[-1:] = reversed(halves)

    def _alone(self, part: Batch, error: Exception, trial: _Trial) -> None:
        with suppress(*_SUSPICIOUS):
            trial.found += self._tried(part, TRIES - 1)
            return
        self._in_a_row += 1
        is_cut = isinstance(error, MergerCutOff)
        if self._in_a_row > (1 if is_cut and self._merged == trial.merged else MOST_IN_A_ROW):
            trial.hold_none()
            raise error if is_cut else Halt(str(error))
        (message,) = part.deliveries
        one = next(iter(_events_of(message)), message)  # of a batch of one event that event
        self._say(f"{error}: refused, a message of {one.routing_key} on which merging failed alone {TRIES} times")
        refusal = Refusal(Reason.UNPROCESSABLE, "", _DETAIL.format(tries=TRIES), claim_of(one.body).source, one.body)
        trial.isolated.append((part, Rejection(refusal, one.routing_key, one.user_id or "")))


def _halves(batch: Batch) -> Iterator[Batch]:
    """Yield the halves of a batch; of a single message the events that it holds, if it holds several.

    They are not divided again for halls in the slow lane.
    """
    found = batch.deliveries if len(batch.deliveries) > 1 else _events_of(batch.deliveries[0])
    middle = len(found) // 2
    for part in (found[:middle], found[middle:]):
        if middle:
            size = sum(len(one.body) for one in part)
            yield replace(batch, deliveries=part, size=len(part), bytes=size, aside=True)


def _events_of(message: Delivery) -> list[Delivery]:
    """Return the events of a batch message as messages; none if it is no batch."""
    if not (message.content_type or "").startswith(BATCH_TYPE):
        return []
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [message._replace(body=bytes(one), content_type=EVENT_TYPE) for one in _split(message.body)]
    return []
