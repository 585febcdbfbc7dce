"""Compute machines, disk, partitions and series from events a day and counties, with the figures in capacity.toml."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FIGURES_FILE = Path(__file__).with_name("capacity.toml")
Basis = Literal["measured", "assumed"]
Reach = Literal["measured", "extrapolated"]
_GB = 1_000_000_000
_YEAR_DAYS = 365
_LARGEST_MACHINE_CORES = 32
"""A load that needs more cores has its database spread over several machines."""
_HIGH_EVENTS_A_DAY = 10**12


@dataclass(frozen=True, slots=True)
class KnownFigure:
    """A figure that the computation uses. source: where it was measured, or why it is assumed."""

    name: str
    value: float
    unit: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Machines of one kind. cores, memory_gb, disk_gb: of each machine; the disk for events lasts a year."""

    role: str
    count: int
    cores: int
    memory_gb: int
    disk_gb: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The machines and resources that a load needs.

    cores: for ingest, database and broker together; workers: processes of ingest; reading_seconds: how long the targets
    service takes to read all regions, which is how old its figures may be; log_gb: the database's log; metrics_gb:
    Prometheus' data; reach: whether the load lies within what was measured; beyond: each respect in which it does not.
    """

    events_a_day: int
    counties: int
    peak_events_a_second: float
    cores: int
    workers: int
    partitions: int
    reading_seconds: float
    disk_gb_a_year: float
    log_gb: float
    metrics_gb: float
    series: int
    machines: tuple[Machine, ...]
    reach: Reach
    beyond: tuple[str, ...]


def known_figures(path: Path = FIGURES_FILE) -> dict[str, KnownFigure]:
    """Return name → figure, in the order of the file."""
    raw = tomllib.loads(path.read_text("utf-8"))
    return {name: KnownFigure(name, one["value"], one["unit"], one["basis"], one["from"]) for name, one in raw.items()}


def capacity(events_a_day: int, counties: int, figures: Mapping[str, KnownFigure]) -> Capacity:
    """Return the needs of a load. events_a_day: on an average working day. Raises ValueError for impossible numbers."""
    if not 1 <= events_a_day <= _HIGH_EVENTS_A_DAY or not 1 <= counties <= 10_000:
        raise ValueError(f"expected 1 to {_HIGH_EVENTS_A_DAY:,} events a day, and 1 to 10,000 counties")
    of = {name: figure.value for name, figure in figures.items()}
    peak = events_a_day * of["busiest_day"] * of["busiest_hour"] / 3600 * of["burst"]
    rate = peak * of["spare"]
    spread = _cores(rate * of["cpu_an_event"]) > _LARGEST_MACHINE_CORES
    # On Citus only the database's part costs more.
    dearer = of["database_cpu_an_event"] * (1 / of["citus_share"] - 1) if spread else 0.0
    cores = max(int(of["cores_measured"]), _cores(rate * (of["cpu_an_event"] + dearer)))
    workers = max(1, math.ceil(rate / of["events_a_second"]))
    a_year = events_a_day * of["working_days"]
    disk = a_year * (of["bytes_an_event"] + of["loose_bytes_an_event"]) / _GB
    series = round(of["series_a_county"]) * counties
    samples = series * of["metrics_days"] * 86_400 / of["scrape_seconds"]
    sized = _Sized(cores, workers, disk + of["log_bytes"] / _GB, samples * of["sample_bytes"] / _GB, spread, counties)
    beyond = tuple(_beyond(rate, a_year, counties, of))
    return Capacity(
        events_a_day=events_a_day,
        counties=counties,
        peak_events_a_second=round(peak, 1),
        cores=cores,
        workers=workers,
        partitions=_partitions(workers),
        reading_seconds=round(of["reading_seconds"] * counties / of["counties_measured"], 1),
        disk_gb_a_year=round(disk, 1),
        log_gb=round(of["log_bytes"] / _GB, 1),
        metrics_gb=round(sized.metrics_gb, 1),
        series=series,
        machines=_machines(sized),
        reach="extrapolated" if beyond else "measured",
        beyond=beyond,
    )


def table_rows(figures: Mapping[str, KnownFigure]) -> list[str]:
    """Return the rows for the table of figures in docs/capacity.md."""
    return [f"| {f.name} | {f.value:,} {f.unit} | {f.basis} | {f.source} |" for f in figures.values()]


def example_row(found: Capacity) -> str:
    """Return a load's row for the table of examples in docs/capacity.md."""
    machines = "; ".join(f"{m.count} × {m.cores} cores, {m.memory_gb} GB: {m.role}" for m in found.machines)
    return (
        f"| {found.events_a_day:,} · {found.counties:,} | {found.peak_events_a_second:,} | {found.cores} |"
        f" {found.workers} · {found.partitions} | {found.disk_gb_a_year:,} | {found.series:,} |"
        f" {found.reading_seconds:,} s | {found.reach} | {machines} |"
    )


def _cores(microseconds_a_second: float) -> int:
    return math.ceil(microseconds_a_second / 1_000_000)


def _partitions(workers: int) -> int:
    """Return the next power of two from twice the workers on, so that workers can be added: each needs a partition."""
    return max(2, 1 << math.ceil(math.log2(2 * workers)))


def _beyond(rate: float, a_year: float, counties: int, of: Mapping[str, float]) -> list[str]:
    told = []
    if rate > of["events_a_second"]:
        told.append(f"{rate:,.0f} events/s with room to spare, measured up to {of['events_a_second']:,.0f}")
    if counties > of["counties_measured"]:
        told.append(f"{counties:,} counties, measured up to {of['counties_measured']:,.0f}")
    if a_year > of["stored_measured"]:
        told.append(f"{a_year:,.0f} events stored a year, measured beside {of['stored_measured']:,.0f}")
    return told


@dataclass(frozen=True, slots=True)
class _Sized:
    cores: int
    workers: int
    disk_gb: float
    metrics_gb: float
    spread: bool
    counties: int


def _machines(sized: _Sized) -> tuple[Machine, ...]:
    """Return one machine for everything up to 4 cores and 60 counties, else machines of which one may fail.

    A load above 32 cores has its database spread over several machines.
    """
    whole, metrics = math.ceil(sized.disk_gb), math.ceil(sized.metrics_gb)
    memory = _memory(sized)
    if sized.cores <= 4 and sized.counties <= 60:
        return (Machine("all", 1, max(2, sized.cores), memory, whole + metrics),)
    if not sized.spread:
        return (
            Machine("database, a second one that follows it", 2, max(4, sized.cores // 2), memory, whole),
            Machine("broker, ingest, services", 3, max(4, math.ceil(sized.cores / 2)), max(8, memory // 2), 50),
            Machine("metrics", 1, 4, 16, metrics),
        )
    shards = math.ceil(sized.cores / _LARGEST_MACHINE_CORES)
    return (
        Machine("database worker (Citus), each with one that follows it", 2 * shards, 32, 128,
                math.ceil(whole / shards)),
        Machine("database coordinator, one that follows it", 2, 8, 32, 50),
        Machine("broker", 3, 16, 32, 200),
        Machine("ingest, services", max(3, math.ceil(sized.cores / 2 / 16)), 16, 32, 50),
        Machine("metrics", 2, 16, 64, metrics),
    )  # fmt: skip


def _memory(sized: _Sized) -> int:
    """Return gigabytes of memory, a power of two from 8 to 64: a twentieth of a year's data, and a share per worker.

    A quarter of the memory is the database's buffers.
    """
    wanted = 4 + 0.31 * sized.workers + sized.disk_gb / 20
    return min(64, 1 << math.ceil(math.log2(max(8, wanted))))
