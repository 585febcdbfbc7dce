"""The measurements of section `growth` as figures and as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.tables import Row, show, spread
from bench.usage import Usage
from bench.writing import NAMES as WRITTEN

PARTS = ("ingest", "database", "broker")


@dataclass
class Rounds:
    """The rounds of one variant at one size.

    events: in a round; rates: events a second; ratios: shares of the same round's raw rate; written: what PostgreSQL
    wrote and read.
    """

    events: int
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    written: list[Mapping[str, float]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def others(self) -> float:
        return median(usage.others for usage in self.usages)

    def cost(self, part: str) -> float:
        """Return a part's microseconds of CPU an event."""
        spent = (sum(cpu for name, cpu in usage.cpu.items() if name.startswith(part)) for usage in self.usages)
        return median(spent) / self.events * 1e6

    def memory(self, part: str) -> int:
        """Return a part's most bytes of memory; if it has several processes, of the largest one."""
        return max(size for usage in self.usages for name, size in usage.memory.items() if name.startswith(part))

    def wrote(self, what: str) -> float:
        """Return how much of this PostgreSQL wrote or read an event, as a median."""
        return median(written[what] for written in self.written) / self.events


@dataclass
class Grown:
    """A size: the seconds to make it, its space on the disk, and the rounds measured with it."""

    stored: int
    seconds: float
    sizes: Mapping[str, float]
    rounds: dict[str, Rounds]


def grown(stored: int, seconds: float, sizes: Mapping[str, float], events: int) -> Grown:
    return Grown(stored, seconds, sizes, defaultdict(lambda: Rounds(events)))


def figures(one: Grown) -> dict[str, Any]:
    return {
        "stored": one.stored,
        "made_in_seconds": one.seconds,
        "bytes_an_event": dict(one.sizes),
        "ingest": {name: _figures_of(rounds) for name, rounds in one.rounds.items()},
    }


def _figures_of(one: Rounds) -> dict[str, Any]:
    return {
        "events": one.events,
        "events_a_second": one.rate,
        "of_raw": one.ratio,
        "rounds": one.rates,
        "cpu_microseconds_an_event": {part: one.cost(part) for part in PARTS},
        "memory_bytes": {part: one.memory(part) for part in PARTS},
        "written_an_event": {what: one.wrote(what) for what in WRITTEN},
        "others": [usage.others for usage in one.usages],
    }


def report(sizes: Sequence[Grown], merged: Grown) -> None:
    """Print the tables. merged: the least size as merges left it, before it was written again like the others."""
    named = [(f"{size.stored:,}: {name}", size, name, one) for size in sizes for name, one in size.rounds.items()]
    first = sizes[0].rounds
    rates = [
        Row(title, (spread(one.rates), f"{one.ratio:.2f}", *_to_the_first(one, first[name]), f"{one.others:.0%}"))
        for title, _, name, one in named
    ]
    counted = len(next(iter(first.values())).rates)
    columns = ("events/s", "of raw", "events/s, to the first", "of raw, to the first", "others")
    show(f"growth: medians of {counted} rounds, a checkpoint before each", columns, rows=rates)
    costs = [Row(title, _costs(one)) for title, _, _, one in named]
    columns = (*(f"{part}: µs" for part in PARTS), "ingest: MiB", "database: MiB", *WRITTEN)
    show("growth: CPU an event, memory, and what the database wrote and read an event", columns, costs)
    sides = (merged, *sizes)
    parts = [Row(name, [f"{side.sizes[name]:,.1f}" for side in sides]) for name in merged.sizes]
    titles = (f"{merged.stored:,}, by merges", *(f"{size.stored:,}" for size in sizes))
    show("growth: bytes on the disk an event", titles, parts)


def _to_the_first(one: Rounds, first: Rounds) -> tuple[str, str]:
    return f"{one.rate / first.rate:.2f}", f"{one.ratio / first.ratio:.2f}"


def _costs(one: Rounds) -> list[str]:
    cpu = [f"{one.cost(part):.1f}" for part in PARTS]
    memory = [f"{one.memory(part) / 2**20:,.0f}" for part in ("ingest", "database")]
    return [*cpu, *memory, *(f"{one.wrote(what):,.2f}" for what in WRITTEN)]
