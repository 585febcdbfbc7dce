"""Refused events as rows of a table beside the queue: entered when they are refused, or when an old queue is read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from hallpulse.broker import Rejection
from hallpulse.broker.rejections import id_of
from hallpulse.broker.replay import RefusedMessage, RefusedQueue, open_refused
from hallpulse.contract.encode import encode_event
from hallpulse.contract.ended import refusal_of
from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import user_name
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.domain.succession import Ended
from hallpulse.store import EnteredRefusal, EventName, RefusedTable, Store

T = TypeVar("T")
_AT_ONCE = 500
_AGAIN_SECONDS = 5.0


def in_force(
    store: Store, events: Sequence[HallEvent], ended: Mapping[int, Ended]
) -> tuple[list[HallEvent], list[Rejection]]:
    """Return the events without those that begin something under a code that has ended, and these as rejections.

    An event that is stored, from before the end was declared, is a duplicate as ever.
    """
    found = [(event, refusal) for event in events if (refusal := refusal_of(event, ended))]
    known = _stored(store, [event for event, _ in found]) if found else set()
    refused = {id(event): (event, refusal) for event, refusal in found if _name_of(event) not in known}
    kept = [event for event in events if id(event) not in refused]
    return kept, [_rejection(event, refusal) for event, refusal in refused.values()]


def begins_after_end(events: Iterable[HallEvent], ended: Mapping[int, Ended]) -> bool:
    """Return whether any event begins something under a code that has ended."""
    return any(refusal_of(event, ended) is not None for event in events)


def _stored(store: Store, events: Iterable[HallEvent]) -> set[EventName]:
    by_hall: dict[tuple[int, str], list[str]] = {}
    for event in events:
        by_hall.setdefault((event.region, event.hall), []).append(event.id)
    with store.read() as moment:
        return {(*hall, id_) for hall, ids in by_hall.items() for id_ in moment.stored_ids(*hall, ids)}


def _name_of(event: HallEvent) -> EventName:
    return event.region, event.hall, event.id


def reused(event: HallEvent) -> Rejection:
    """Return the rejection of an event whose id the same source has used for another event."""
    source = f"/{event.region}/{event.hall}"
    detail = "expected an id that this source has not used for another event"
    return _rejection(event, Refusal(Reason.ID_REUSED, "id", detail, source, encode_event(event)))


def _rejection(event: HallEvent, refusal: Refusal) -> Rejection:
    user = user_name(event.region, event.hall)
    return Rejection(refusal, f"{user}.{event.type.family}", user)


def row_of_rejection(rejection: Rejection) -> EnteredRefusal:
    """Return the row of a refusal whose message is not yet on the queue."""
    _, key, user = rejection
    refusal = rejection.refusal
    return EnteredRefusal(
        id_of(rejection), str(refusal.reason), refusal.field, refusal.detail, refusal.source, key, user, refusal.body
    )


def row_of_copy(event: RefusedMessage) -> EnteredRefusal:
    """Return the row of a refusal from its message on the queue."""
    return EnteredRefusal(
        event.id,
        event.reason,
        event.field,
        event.detail,
        event.source,
        event.routing_key,
        event.user,
        event.body,
        refused_at(event),
    )


def read_queue(queue: RefusedQueue, table: RefusedTable) -> tuple[int, int]:
    """Enter the messages that the table lacks, and close the entries whose message is gone; return both numbers:
    messages on the queue, entries closed.

    No message is taken off the queue. Raises Unavailable, Halt.
    """
    began, seen, messages = table.begin_reading(), set[str](), 0
    for events in _batched(queue, _AT_ONCE):
        messages += len(events)
        seen.update(event.id for event in events)
        table.enter(list(map(row_of_copy, events)), began, again=False)
    return messages, table.end_reading(began, seen)


def refused_at(event: RefusedMessage) -> datetime:
    """Return the time of the refusal, in UTC if the message names no zone; now if the message has no time."""
    try:
        at = datetime.fromisoformat(event.refused_at)
    except ValueError:
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def read_once(amqp_url: str, table: RefusedTable, say: Callable[[str], None]) -> None:
    """Read the queue once in the background if the table is empty and the queue is not, as after an update."""
    threading.Thread(target=_read_once, args=(amqp_url, table, say), name="refusals", daemon=True).start()


def _read_once(amqp_url: str, table: RefusedTable, say: Callable[[str], None]) -> None:
    """Try until it is done. An outage or a missing queue is not reported here, because the consumer reports it."""
    while True:
        time.sleep(_AGAIN_SECONDS)
        try:
            with open_refused(amqp_url) as queue:
                if (
                    queue.waiting() and not table.held().copies
                ):  # in this order, since a row is written before its message
                    messages, _ = read_queue(queue, table)
                    say(f"refused events: {messages} of an earlier version are listed now")
                return
        except Unavailable:
            continue
        except HallpulseError as error:
            say(f"refused events: the queue was not read: {error}: `hallpulse refused read` does it")
            return
