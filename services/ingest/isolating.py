"""Isolates the message on which the merging of its batch fails each time: it is refused, the rest is stored.

A merging process that dies on a batch, or fails for a reason that is not the database's absence, may do so because of
one message. Given back, it would come again without end, since no delivery limit may drop it, and all that came with it
would wait. So the batch is tried again, then in halves, down to the messages that fail alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec

from hallpulse.broker import Batch, Rejection
from hallpulse.broker.deliveries import Delivery
from hallpulse.contract.decode import BATCH_TYPE, EVENT_TYPE
from hallpulse.contract.identity import claim_of
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.errors import Halt, Unavailable


class MergerDied(Unavailable):
    """The merging process died while it had this batch: try again; the batch itself may be why."""


class MergeFault(Halt):
    """The database is there, and the batch cannot be merged: one of its messages may be why."""


TRIES = 3
"""Failures in a row after which a batch, or a message alone, is held to be why: others may have killed the process."""
MOST_IN_A_ROW = 5
"""Messages refused without one stored in between: more of them, and the fault is ours."""
_DETAIL = "expected a message that can be stored: merging it alone failed {tries} times; ingest's log says how"
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode

Merge = Callable[[Batch], Sequence[Rejection]]
Refuse = Callable[[Sequence[Rejection]], None]


class Isolation:
    """Merges batches, on any number of threads. merge: merges one; refuse: notes rejections; say: writes to the log."""

    def __init__(self, merge: Merge, refuse: Refuse, say: Callable[[str], None]) -> None:
        self._merge = merge
        self._refuse = refuse
        self._say = say
        self._in_a_row = 0

    def commit(self, batch: Batch) -> Sequence[Rejection]:
        """Merge a batch and return its rejections.

        Raises what `merge` raises, and Halt if message after message fails: then the fault is ours, nothing is refused
        and nothing acknowledged.
        """
        try:
            return self._tried(batch, TRIES)
        except (MergerDied, MergeFault) as error:
            self._say(f"{error}; the batch of {len(batch.deliveries)} messages is tried in parts")
            isolated: list[Rejection] = []
            found = self._in_parts(batch, error, isolated)
        if isolated:
            self._refuse(isolated)
        return [*found, *isolated]

    def _tried(self, batch: Batch, times: int) -> Sequence[Rejection]:
        for left in reversed(range(times)):
            try:
                found = self._merge(batch)
            except (MergerDied, MergeFault):
                if not left:
                    raise
            else:
                self._in_a_row = 0
                return found
        raise AssertionError("no try")

    def _in_parts(self, batch: Batch, error: Exception, isolated: list[Rejection]) -> list[Rejection]:
        """Merge the halves of a batch that failed, and add the messages that fail alone to `isolated`."""
        parts = list(_halves(batch))
        if not parts:
            return self._alone(batch, error, isolated)
        found: list[Rejection] = []
        for part in parts:
            try:
                found += self._tried(part, 1)
            except (MergerDied, MergeFault) as again:
                found += self._in_parts(part, again, isolated)
        return found

    def _alone(self, batch: Batch, error: Exception, isolated: list[Rejection]) -> list[Rejection]:
        with suppress(MergerDied, MergeFault):
            return [*self._tried(batch, TRIES - 1)]
        self._in_a_row += 1
        if self._in_a_row > MOST_IN_A_ROW:
            raise Halt(str(error))
        (message,) = batch.deliveries
        one = next(iter(_events_of(message)), message)  # of a batch of one event that event
        self._say(f"{error}: refused, a message of {one.routing_key} on which merging failed alone {TRIES} times")
        refusal = Refusal(Reason.UNPROCESSABLE, "", _DETAIL.format(tries=TRIES), claim_of(one.body).source, one.body)
        isolated.append(Rejection(refusal, one.routing_key, one.user_id or ""))
        return []


def _halves(batch: Batch) -> Iterator[Batch]:
    """Yield the halves of a batch; of a single message the events that it holds, if it holds several."""
    found = batch.deliveries if len(batch.deliveries) > 1 else _events_of(batch.deliveries[0])
    middle = len(found) // 2
    for part in (found[:middle], found[middle:]):
        if middle:
            yield replace(batch, deliveries=part, size=len(part), bytes=sum(len(one.body) for one in part))


def _events_of(message: Delivery) -> list[Delivery]:
    """Return the events of a batch message as messages; none if it is no batch."""
    if not (message.content_type or "").startswith(BATCH_TYPE):
        return []
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [message._replace(body=bytes(one), content_type=EVENT_TYPE) for one in _split(message.body)]
    return []
