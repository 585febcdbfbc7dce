"""Section `refusals`: a stream with every other event refused, in turns with the same stream unspoilt.

Each message holds one event. The time ends when the last event is stored or on the refused queue.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, cycle
from statistics import median
from typing import Any

import psycopg

from bench.checking import recompute
from bench.filling import fill
from bench.grounds import PARTITIONS, Grounds, Lane
from bench.ingesting import STALL_SECONDS, stored
from bench.options import Options
from bench.quiet import wait_for_calm
from bench.services import free_port, starting
from bench.streams import CHECKOUT, Message, Stream, county_stream, messages
from bench.tables import Row, show, spread
from hallpulse.broker import REFUSED, open_channel

WHOLE, HALF = "every event taken", "every other event refused"
_LOOK_SECONDS = 0.02


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    stream = county_stream(options.events)
    kept = stream.first(options.events // 2)
    sent = {WHOLE: messages(stream.events), HALF: half_refused(stream)}
    due = {WHOLE: (stream.distinct, 0), HALF: (kept.distinct, len(stream.events) - len(kept.events))}
    rates: dict[str, list[float]] = defaultdict(list)
    with grounds.catalogued(stream) as template:
        for number in range(options.rounds):
            calm = wait_for_calm(options.patience)
            print(f"refusals: round {number + 1}{'' if calm else ' (the machine is busy)'}", file=sys.stderr)
            for name in (WHOLE, HALF):
                rates[name].append(_rate(grounds, template, sent[name], *due[name]))
    return _told(len(stream.events), rates)


def half_refused(stream: Stream) -> list[Message]:
    """Return the messages of the first half of a stream, alternating with spoilt messages of the second half."""
    sent = messages(stream.events)
    middle = len(sent) // 2
    spoilt = (message._replace(body=spoil(message.body)) for message, spoil in zip(sent[middle:], cycle(_WAYS)))
    return list(chain.from_iterable(zip(sent[:middle], spoilt, strict=False)))


def _changed(**attributes: Any) -> Callable[[bytes], bytes]:
    return lambda body: json.dumps({**json.loads(body), **attributes}).encode()


_WAYS: Sequence[Callable[[bytes], bytes]] = (
    lambda body: body[:-1],
    _changed(data={"case_id": "c", "citizen": "x"}),
    _changed(time="2023-06-02 09:30"),
    _changed(id=""),
    _changed(type="hall.case.lost.v1"),
)


def _rate(grounds: Grounds, template: str, sent: Sequence[Message], taken: int, refused: int) -> float:
    with grounds.lane() as lane, grounds.postgres.fresh_database(template) as url:
        fill(lane.publisher_url, sent)
        with psycopg.connect(url, autocommit=True) as connection:
            before = stored(connection)
            with _worker(lane, url):
                seconds = _wait(connection, lane, before + taken, refused)
        recompute(url)
    return len(sent) / seconds


@contextmanager
def _worker(lane: Lane, database_url: str) -> Iterator[None]:
    """Run an ingest without a refusal limit, since half of all events are refused here. It is ready in the block."""
    with starting(
        "ingest",
        amqp_url=lane.amqp_url,
        database_url=database_url,
        calendars=str(CHECKOUT / "calendars"),
        metrics_port=free_port(),
        partitions=str(PARTITIONS),
        refusal_limit="off",
    ) as started:
        started.wait()
        yield


def _wait(connection: psycopg.Connection[tuple[int]], lane: Lane, taken: int, refused: int) -> float:
    """Return the seconds until these numbers are stored and refused. Raises RuntimeError if ingest stops before."""
    began = moved = time.monotonic()
    last = (-1, -1)
    with open_channel(lane.amqp_url) as channel:
        while True:
            there = (stored(connection), int(channel.queue_declare(REFUSED, passive=True).method.message_count))
            now = time.monotonic()
            if there == (taken, refused):
                return now - began
            if there != last:
                last, moved = there, now
            elif now - moved > STALL_SECONDS:
                raise RuntimeError(f"stored and refused {there} of {(taken, refused)}, and no more since a minute")
            time.sleep(_LOOK_SECONDS)


def _told(events: int, rates: dict[str, list[float]]) -> dict[str, Any]:
    ratios = [half / whole for half, whole in zip(rates[HALF], rates[WHOLE], strict=True)]
    rows = [Row(WHOLE, (spread(rates[WHOLE]), "1.00")), Row(HALF, (spread(rates[HALF]), f"{median(ratios):.2f}"))]
    show(f"{events:,} events, medians of {len(ratios)} rounds", ("events/s", "of the whole one"), rows)
    return {"events": events, "rounds": rates, "of_whole": median(ratios), "ratios": ratios}
