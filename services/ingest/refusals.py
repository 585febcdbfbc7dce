"""Refusals as rows beside the queue: entered when it is refused, or found on a queue that is older."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from hallpulse.broker import Rejection
from hallpulse.broker.rejections import id_of
from hallpulse.broker.replay import RefusedMessage, RefusedQueue, open_refused
from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.store import EnteredRefusal, RefusedTable

T = TypeVar("T")
_AT_ONCE = 500
_AGAIN_SECONDS = 5.0


def row_of_rejection(rejection: Rejection) -> EnteredRefusal:
    """A refusal before its copy goes to the queue."""
    _, key, user = rejection
    refusal = rejection.refusal
    return EnteredRefusal(
        id_of(rejection), str(refusal.reason), refusal.field, refusal.detail, refusal.source, key, user, refusal.body
    )


def row_of_copy(event: RefusedMessage) -> EnteredRefusal:
    """A refusal as it lies on the queue."""
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
    """Enter what the table does not know, and close what is not there any more; how many lie there, and were gone.

    Nothing is taken. Raises Unavailable, Halt.
    """
    began, seen, messages = table.begin_reading(), set[str](), 0
    for events in _batched(queue, _AT_ONCE):
        messages += len(events)
        seen.update(event.id for event in events)
        table.enter(list(map(row_of_copy, events)), began, again=False)
    return messages, table.end_reading(began, seen)


def refused_at(event: RefusedMessage) -> datetime:
    """The moment of the refusal, now where the message does not tell one."""
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
    """In the background: where the table knows nothing and the queue holds something, as after an update."""
    threading.Thread(target=_read_once, args=(amqp_url, table, say), name="refusals", daemon=True).start()


def _read_once(amqp_url: str, table: RefusedTable, say: Callable[[str], None]) -> None:
    """Try again until it is done: an outage, or a queue that is not there yet, is the consumer's to tell."""
    while True:
        time.sleep(_AGAIN_SECONDS)
        try:
            with open_refused(amqp_url) as queue:
                if queue.waiting() and not table.held().copies:  # in this order: a row is there before its message
                    messages, _ = read_queue(queue, table)
                    say(f"refused events: {messages} of an earlier version are listed now")
                return
        except Unavailable:
            continue
        except HallpulseError as error:
            say(f"refused events: the queue was not read: {error}: `hallpulse refused read` does it")
            return
