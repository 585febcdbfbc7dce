"""Section `growth`: the rate and memory of ingest and the disk space with ever more stored events."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import click

from bench.checking import recompute
from bench.filling import fill
from bench.grounds import PARTITIONS, Grounds, merge
from bench.growth_report import Grown, Rounds, figures, grown, report
from bench.ingesting import ingest
from bench.multiplying import Seed, spread_over
from bench.options import Options
from bench.quiet import wait_for_calm
from bench.results import keep
from bench.storage import bytes_an_event, stored_events
from bench.streams import CHECKOUT, COUNTIES, Message, messages, province_stream, with_random_ids
from bench.writing import Counters
from hallpulse.contract.events import HallEvent
from hallpulse.store import open_store

VARIANTS = {"one worker": 1, "two workers": 2}
MERGE_BATCH = 10_000
SUBSET = 6000
BASE_BYTES, BYTES_AN_EVENT = 10 * 2**30, 400
"""Bytes of disk required: for the log, the queues and the least size; and a little more than an event takes."""
WARM_UP = 2
"""The first rounds, which are not counted: little of the database is in memory yet, and its pages are full."""


class Part(NamedTuple):
    """The events that arrive in a round. new: how many of them arrive for the first time."""

    events: Sequence[HallEvent]
    new: int


@dataclass(frozen=True)
class Beginning:
    """The data that all sizes begin with.

    database: name of the database from which the seed was read; arriving: the events of each round.
    """

    database: str
    seed: Seed
    arriving: Sequence[Part]


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    """Measure each size.

    The events of the least size are stored by merges; the other sizes are copies of it. All are written to the disk in
    the same way.
    """
    _need_room(max(options.sizes))
    _prove(grounds)
    least, fresh = min(options.sizes), options.events * len(VARIANTS) * (WARM_UP + options.rounds)
    stream = province_stream(least + fresh)
    if options.random_ids:
        stream = replace(stream, events=with_random_ids(stream.events))
    found: dict[str, Any] = {}
    sizes: list[Grown] = []
    with grounds.catalogued(stream) as template, grounds.postgres.fresh_database(template) as url:
        began = time.monotonic()
        _merge(url, stream.events[:least])
        merged = grown(stored_events(url), time.monotonic() - began, bytes_an_event(url), options.events)
        found["as merges leave it"] = figures(merged)
        arriving = list(_parts(stream.events, least, options.events))
        seed = Seed(url, ordered=not options.random_ids)
        beginning = Beginning(url.rpartition("/")[2], seed, arriving)
        for size in sorted(options.sizes):
            sizes.append(_measured(grounds, beginning, size // least - 1, options))
            found[f"{size:,}"] = figures(sizes[-1])
            keep("growth", found)
    report(sizes, merged)
    return found


def _need_room(events: int) -> None:
    """Raise ClickException if the disk has no room for this number of events."""
    need, free = BASE_BYTES + events * BYTES_AN_EVENT, shutil.disk_usage(tempfile.gettempdir()).free
    if free < need:
        room = f"{need / 1e9:.0f} GB in {tempfile.gettempdir()}, where {free / 1e9:.0f} are free"
        raise click.ClickException(f"growth: {events:,} stored events need {room}")


def _prove(grounds: Grounds) -> None:
    """Prove that copies equal what merges would have stored. Raises WrongFigures if they do not."""
    stream = province_stream(2 * SUBSET, COUNTIES[-6:-3])
    with grounds.catalogued(stream) as template, grounds.postgres.fresh_database(template) as url:
        _merge(url, stream.events[:SUBSET])
        Seed(url).multiply(url, 2)
        _merge(url, spread_over(stream.events[SUBSET:], 2))
        recompute(url)


def _merge(url: str, events: Sequence[HallEvent]) -> None:
    store = open_store(url)
    merge(store, events, MERGE_BATCH)
    store.close()


def _parts(events: Sequence[HallEvent], stored: int, size: int) -> Iterator[Part]:
    """Yield the events after the stored ones in parts. Some of them repeat earlier events."""
    seen = {event.id for event in events[:stored]}
    for start in range(stored, len(events), size):
        part = events[start : start + size]
        before = len(seen)
        seen.update(event.id for event in part)
        yield Part(part, len(seen) - before)


def _measured(grounds: Grounds, beginning: Beginning, copies: int, options: Options) -> Grown:
    with grounds.postgres.fresh_database(beginning.database) as url:
        began = time.monotonic()
        beginning.seed.multiply(url, copies)
        size = grown(stored_events(url), time.monotonic() - began, bytes_an_event(url), options.events)
        _say(f"{size.stored:,} events made in {size.seconds:,.0f} s: {size.sizes['all']:.0f} bytes an event")
        arriving = iter(beginning.arriving)
        for number in range(WARM_UP + options.rounds):
            calm = wait_for_calm(options.patience)
            _say(f"{size.stored:,}: round {number}{'' if calm else ' (the machine is busy)'}")
            for name, workers in VARIANTS.items():
                events, new = next(arriving)
                into = size.rounds[name] if number >= WARM_UP else Rounds(options.events)
                _round(grounds, url, Part(spread_over(events, copies), new), workers, into)
    return size


def _round(grounds: Grounds, url: str, part: Part, workers: int, into: Rounds) -> None:
    sent = messages(part.events)
    raw = _raw(grounds, sent)
    with grounds.lane() as lane:
        fill(lane.publisher_url, sent)
        counters = Counters(url)
        done = ingest(grounds, lane, url, part.new, workers)
        into.written.append(counters.read())
    rate = len(sent) / done.seconds
    into.rates.append(rate)
    into.ratios.append(rate / raw)
    into.usages.append(done.usage)
    _say(f"  {workers} at work: {rate:,.0f}/s, {rate / raw:.2f} of raw, others {done.usage.others:.0%}")


def _raw(grounds: Grounds, sent: Sequence[Message]) -> float:
    """Return events a second of a consumer that only consumes and acknowledges."""
    with grounds.lane() as lane:
        fill(lane.publisher_url, sent)
        command = [sys.executable, "-m", "bench.raw", lane.amqp_url, str(len(sent)), str(PARTITIONS)]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return len(sent) / float(json.loads(done.stdout)["seconds"])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
