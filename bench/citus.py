"""Section `citus`: the rate of merges on a Citus cluster against plain PostgreSQL, and the CPU of each node.

Both are servers that are there already (docs/citus.md): `--citus` names a cluster's coordinator, and `--plain` a server
whose databases are made without the extension, perhaps the same one. Nothing but merges is measured, without a broker,
by one process: all that differs is the database.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import click
import psycopg
from sqlalchemy import make_url

from bench.checking import recompute
from bench.grounds import merge
from bench.options import Options
from bench.quiet import wait_for_calm
from bench.streams import COUNTIES, Stream, calendars, province_stream
from bench.usage import Meter
from hallpulse.store import migrate, open_store
from services.console.usage import screen
from tests.citus_cluster import CitusCluster, cluster_at

BATCH = 4000
PLAIN, COORDINATOR, MERGING = "plain", "coordinator", "merging process"
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass
class Side:
    """One database that is measured: in each round its rate, and the CPU an event (µs) of its nodes and of merging."""

    name: str
    rates: list[float] = field(default_factory=list)
    cpu: list[Mapping[str, float]] = field(default_factory=list)


def run(options: Options) -> dict[str, Any]:
    """Measure alternating rounds of each stream. Raises ClickException without the two addresses."""
    if not options.plain or not options.citus:
        raise click.ClickException(
            "citus: expected --plain URL and --citus URL, databases of superusers (docs/citus.md)"
        )
    whole = cluster_at(options.citus)
    counts = [count for count in (2, 4) if count <= len(whole.workers)] or [len(whole.workers)]
    found: dict[str, Any] = {}
    for counties in (2, len(COUNTIES)):
        stream = province_stream(options.events, COUNTIES[-counties:])
        sides = [Side(PLAIN), *(Side(f"{count} workers") for count in counts)]
        for _ in range(options.rounds):
            for side, count in zip(sides, (0, *counts), strict=True):
                wait_for_calm(options.patience)
                _round(side, whole if count else None, count, options, stream)
        found[stream.name] = _report(stream, sides)
    return found


def _round(side: Side, whole: CitusCluster | None, workers: int, options: Options, stream: Stream) -> None:
    with _database(whole, workers, options) as (url, nodes):
        migrate(url)
        store = open_store(url)
        try:
            store.apply_calendars(calendars())
            merge(store, stream.catalogue, BATCH)
            meter = Meter({**nodes, MERGING: os.getpid()})
            began = time.monotonic()
            merge(store, stream.events, BATCH)
            seconds = time.monotonic() - began
            usage = meter.read()
        finally:
            store.close()
        recompute(url)
    side.rates.append(len(stream.events) / seconds)
    side.cpu.append({name: spent / len(stream.events) * 1e6 for name, spent in usage.cpu.items()})
    print(
        f"{stream.name}, {side.name}: {side.rates[-1]:,.0f}/s, others {usage.others:.0%}", file=sys.stderr, flush=True
    )


@contextmanager
def _database(whole: CitusCluster | None, workers: int, options: Options) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Open a fresh database; yield its URL, and node → pid of its server, for those that run on this machine."""
    if whole is None:
        with CitusCluster(make_url(options.plain), ()).fresh_database() as url:
            yield url, {PLAIN: _server_of(url)} if _is_local(url) else {}
        return
    part = replace(whole, workers=whole.workers[:workers], shards=32)
    with part.fresh_database() as url:
        names = (COORDINATOR, *(f"worker {number}" for number in range(1, workers + 1)))
        urls = [node.set(database="postgres").render_as_string(hide_password=False) for node in part.nodes]
        yield url, {name: _server_of(one) for name, one in zip(names, urls, strict=True) if _is_local(one)}


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in LOCAL


def _server_of(url: str) -> int:
    """Return the pid of the server that answers on this machine: the parent of the process that serves us."""
    with psycopg.connect(url) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def _report(stream: Stream, sides: Sequence[Side]) -> dict[str, Any]:
    plain = median(sides[0].rates)
    found: dict[str, Any] = {}
    for side in sides:
        rate = median(side.rates)
        cpu = {name: median(one[name] for one in side.cpu) for name in (side.cpu[0] if side.cpu else {})}
        found[side.name] = {"rate": rate, "of_plain": rate / plain, "rates": side.rates, "cpu_us_an_event": cpu}
        of = ", ".join(f"{name} {spent:.1f}" for name, spent in cpu.items())
        screen().print(
            f"{stream.name} · {side.name}: {rate:,.0f} events/s ({min(side.rates):,.0f}-{max(side.rates):,.0f}),"
            f" {rate / plain:.2f} of plain; CPU an event (µs): {of}"
        )
    of_coordinator = {name: one["cpu_us_an_event"].get(COORDINATOR) for name, one in found.items()}
    told = ", ".join(f"{name} {spent:.1f}" for name, spent in of_coordinator.items() if spent is not None)
    screen().print(f"{stream.name} · CPU of the coordinator an event (µs): {told or 'not on this machine'}")
    return found
