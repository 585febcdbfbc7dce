"""`hallpulse capacity`: compute what a load of events and counties needs, from measured figures."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.table import Table

from services.console.sizing import Capacity, KnownFigure, capacity, known_figures
from services.console.usage import BadUsage, screen


@click.command()
@click.option("--events-per-day", "events", type=int, required=True, metavar="N", help="Of an average working day.")
@click.option("--counties", type=int, required=True, metavar="N", help="How many send events.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, with the figures that it rests on.")
def command(events: int, counties: int, as_json: bool) -> None:
    """Compute machines, disk, partitions and series. docs/capacity.md lists the figures that this rests on.

    估算所需的机器、磁盘、分区和指标序列数。
    """
    figures = known_figures()
    try:
        found = capacity(events, counties, figures)
    except ValueError as error:
        raise BadUsage(f"--events-per-day {events} --counties {counties}: {error}") from None
    if as_json:
        rests_on = {name: {"value": one.value, "unit": one.unit, "basis": one.basis} for name, one in figures.items()}
        click.echo(json.dumps({**asdict(found), "rests_on": rests_on}, ensure_ascii=False))
        return
    _show(found, figures)


def _show(found: Capacity, figures: dict[str, KnownFigure]) -> None:
    table = Table(show_header=False)
    table.add_row("高峰 peak", f"{found.peak_events_a_second:,.1f} events/s")
    table.add_row("处理器 cores (ingest, database, broker)", f"{found.cores}")
    table.add_row("工作进程 ingest workers · 分区 partitions", f"{found.workers} · {found.partitions}")
    table.add_row("读数耗时 a reading of all regions", f"{found.reading_seconds:,.1f} s")
    table.add_row("磁盘 disk a year (database) · its log", f"{found.disk_gb_a_year:,.1f} GB · {found.log_gb:,.1f} GB")
    table.add_row("指标 series · their disk", f"{found.series:,} · {found.metrics_gb:,.1f} GB")
    for one in found.machines:
        size = f"{one.count} × {one.cores} cores, {one.memory_gb} GB memory, {one.disk_gb:,} GB disk"
        table.add_row(f"机器 {one.role}", size)
    screen().print(table)
    for line in found.beyond:
        click.echo(f"外推 extrapolated: {line}")
    assumed = ", ".join(one.name for one in figures.values() if one.basis == "assumed")
    click.echo(f"假定 assumed, not measured: {assumed} (docs/capacity.md)")
