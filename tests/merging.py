"""Streams of CloudEvents merged into a store, by one worker or several, in batches of any size."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from hallpulse.contract.decode import decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.store import Expected, MergeOutcome, Store, open_store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def decoded(stream: Iterable[dict[str, Any]]) -> list[HallEvent]:
    """Valid CloudEvents as hall events; one that is refused fails the test."""
    events = []
    for raw in stream:
        (event,) = decode_events(
            json.dumps(raw).encode(),
            content_type="application/cloudevents+json",
            now=int(NOW.timestamp() * 1_000_000),
        )
        assert isinstance(event, HallEvent), event
        events.append(event)
    return events


def merge_all(store: Store, events: Sequence[HallEvent], batch: int) -> list[MergeOutcome]:
    """One batch after the other, expected to be new, to be stored in part, and so on: whatever they really are."""
    starts = range(0, len(events), batch)
    return [store.merge(events[s : s + batch], NOW, e) for s, e in zip(starts, cycle(Expected), strict=False)]


def merge_by_workers(url: str, events: Sequence[HallEvent], workers: int, batch: int) -> None:
    """Each worker takes every n-th event, so that they meet in every hall, case and item."""
    errors: list[BaseException] = []

    def work(share: Sequence[HallEvent]) -> None:
        store = open_store(url)
        try:
            merge_all(store, share, batch)
        except BaseException as error:
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=work, args=(events[index::workers],)) for index in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
