"""Section `ingest`: events a second from filled queues to committed figures, in turns with the raw limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.checking import check, recompute
from bench.copying import copy_alone, event_rows
from bench.filling import fill
from bench.grounds import PARTITIONS, Grounds
from bench.ingesting import ingest
from bench.options import Options
from bench.quiet import wait_for_calm
from bench.results import keep
from bench.streams import CHECKOUT, COUNTIES, Message, Stream, county_stream, messages, province_stream
from bench.tables import Row, show, spread
from bench.usage import CORES, Meter, Usage

BATCH = 100
SUBSET = 6000


@dataclass(frozen=True)
class Variant:
    name: str
    batch: int
    workers: int


RAW, RAW_BATCHES, COPY = "raw: consume and ack", f"raw: batches of {BATCH}", "raw: COPY of the rows alone"
VARIANTS = (
    Variant("hallpulse: one message an event", 1, 1),
    Variant("hallpulse: the same, two workers", 1, 2),
    Variant(f"hallpulse: batches of {BATCH}", BATCH, 1),
    Variant(f"hallpulse: batches of {BATCH}, two workers", BATCH, 2),
)


@dataclass
class Measured:
    """The rounds of one variant: events a second, shares of the same round's raw rate, and usage of the machine."""

    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)

    def add(self, rate: float, raw: float, usage: Usage | None = None) -> None:
        self.rates.append(rate)
        self.ratios.append(rate / raw)
        if usage is not None:
            self.usages.append(usage)


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    check(grounds, county_stream(SUBSET))
    check(grounds, province_stream(SUBSET, COUNTIES[-6:-3]))
    streams = (county_stream(options.events), province_stream(options.events))
    found: dict[str, Any] = {}
    for stream in streams:
        found[stream.name] = _side_by_side(grounds, stream, options)
        keep("ingest", found)
    return found


def _side_by_side(grounds: Grounds, stream: Stream, options: Options) -> dict[str, Any]:
    sent = {1: messages(stream.events), BATCH: messages(stream.events, BATCH)}
    rows = event_rows(stream.events)
    measured: dict[str, Measured] = defaultdict(Measured)
    with grounds.catalogued(stream) as template:
        for number in range(options.rounds):
            calm = wait_for_calm(options.patience)
            print(f"{stream.name}: round {number + 1}{'' if calm else ' (the machine is busy)'}", file=sys.stderr)
            raw, usage = _raw(grounds, sent[1], len(stream.events))
            measured[RAW].add(raw, raw, usage)
            for variant in VARIANTS:
                last = number == options.rounds - 1
                rate, usage = _hallpulse(grounds, template, stream, sent[variant.batch], variant, recomputed=last)
                measured[variant.name].add(rate, raw, usage)
            batches, usage = _raw(grounds, sent[BATCH], len(stream.events))
            measured[RAW_BATCHES].add(batches, raw, usage)
            with grounds.postgres.fresh_database(template) as url:
                measured[COPY].add(copy_alone(url, rows), raw)
    _show(stream, measured)
    return _figures(stream, measured)


def _raw(grounds: Grounds, sent: Sequence[Message], events: int) -> tuple[float, Usage]:
    with grounds.lane() as lane:
        fill(lane.publisher_url, sent)
        command = [sys.executable, "-m", "bench.raw", lane.amqp_url, str(len(sent)), str(PARTITIONS)]
        meter = Meter(grounds.pids)
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
        usage = meter.read()
    took = json.loads(done.stdout)
    others = max(0.0, usage.others - took["cpu"] / usage.seconds / CORES)
    return events / took["seconds"], Usage(took["seconds"], {**usage.cpu, "consumer": took["cpu"]}, others, usage.idle)


def _hallpulse(
    grounds: Grounds, template: str, stream: Stream, sent: Sequence[Message], variant: Variant, *, recomputed: bool
) -> tuple[float, Usage]:
    with grounds.lane() as lane, grounds.postgres.fresh_database(template) as url:
        fill(lane.publisher_url, sent)
        done = ingest(grounds, lane, url, stream.distinct, variant.workers)
        if lane.waiting():
            raise RuntimeError(f"{variant.name}: {lane.waiting()} messages were stored and not acknowledged")
        if recomputed:
            recompute(url)
    return len(stream.events) / done.seconds, done.usage


def _show(stream: Stream, measured: dict[str, Measured]) -> None:
    rows = [
        Row(name, (spread(one.rates), f"{median(one.ratios):.2f}", *_costs(one, len(stream.events)), _others(one)))
        for name, one in measured.items()
    ]
    title = f"{stream.name}: {len(stream.events):,} events, medians of {len(measured[RAW].rates)} rounds"
    columns = ("events/s", "of raw", "consumer", "database", "broker", "others")
    show(title, columns, rows, "consumer, database, broker: µs of CPU an event; others: part of the machine not ours")


def _costs(one: Measured, events: int) -> tuple[str, ...]:
    return tuple(f"{cost:.1f}" if cost is not None else "" for cost in _costs_of(one, events).values())


def _costs_of(one: Measured, events: int) -> dict[str, float | None]:
    """Return part → microseconds of CPU an event, as medians over the rounds."""
    parts = {"consumer": ("consumer", "ingest 1", "ingest 2"), "database": ("database",), "broker": ("broker",)}
    return {
        part: median(sum(usage.cpu.get(name, 0.0) for name in names) for usage in one.usages) / events * 1e6
        if one.usages
        else None
        for part, names in parts.items()
    }


def _others(one: Measured) -> str:
    return f"{median(usage.others for usage in one.usages):.0%}" if one.usages else ""


def _figures(stream: Stream, measured: dict[str, Measured]) -> dict[str, Any]:
    return {
        name: {
            "events": len(stream.events),
            "events_a_second": median(one.rates),
            "of_raw": median(one.ratios),
            "rounds": one.rates,
            "cpu_microseconds_an_event": _costs_of(one, len(stream.events)),
            "others": [usage.others for usage in one.usages],
        }
        for name, one in measured.items()
    }
