"""Keep the list of refused events in step with the queue while events leave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from hallpulse.broker.replay import RefusedMessage
from hallpulse.store import KeptRefusal, Outcome, RefusedTable
from services.ingest.refusals import row_of_copy


@contextmanager
def leaving(table: RefusedTable, event: RefusedMessage, outcome: Outcome) -> Iterator[None]:
    """Close an event's entry before the event leaves the queue; reopen it if the block fails.

    It is closed first because ingest may refuse the event again at once, and then enters it again.
    """
    closed = table.close([event.id], outcome)
    try:
        yield
    except BaseException:
        if closed:
            table.enter([row_of_copy(event)], datetime.now(UTC), again=False)
        raise


def looked_at(kept: Sequence[KeptRefusal]) -> Iterator[RefusedMessage]:
    """Yield the listed events as messages of the queue, except those whose whole body is only on the queue."""
    for one in kept:
        if one.is_whole:
            at = one.refused_at.isoformat()
            names = (one.reason, one.field, one.detail, one.source, at, one.routing_key, one.publisher)
            yield RefusedMessage(one.id, 0, one.body, *names)
