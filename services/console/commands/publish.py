"""`hallpulse publish`: events from a file or a pipe, one CloudEvent a line, to the broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from hallpulse.contract.decode import EVENT_TYPE, MAX_BODY, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.refusal import Refusal
from hallpulse.domain.errors import HallpulseError
from services.console.connection import connect, directory_option
from services.console.importing.outlet import Outlet

_SHOWN = 20


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@directory_option
def command(file: Path, directory: Path) -> None:
    """Publish FILE (- for standard input): ndjson, one CloudEvent a line, of any hall.

    Lines that break the contract are named on stderr and left out; the others are published and confirmed by the
    broker. Publishing a file again changes nothing. Exit status 1 where a line was left out.
    """
    settings = connect(directory)
    with click.open_file(str(file), "rb") as lines, Outlet(settings.amqp_url) as outlet:
        refused = _publish(lines, outlet, _size(file))
    click.echo(f"published {outlet.confirmed} events, left out {refused} lines", err=True)
    if refused:
        raise SystemExit(1)


def _publish(lines: IO[bytes], outlet: Outlet, size: int | None) -> int:
    refused = 0
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("发布 publish", total=size)
        for number, line in _lines(lines):
            progress.advance(task, len(line))
            event = _event(line, now)
            if isinstance(event, HallEvent):
                outlet.send([event])
                continue
            refused += 1
            if refused <= _SHOWN:
                click.echo(f"line {number}: {event.reason}: {event.field or 'the line'}: {event.detail}", err=True)
        if refused > _SHOWN:
            click.echo(f"… and {refused - _SHOWN} more lines", err=True)
    return refused


def _event(line: bytes, now: int) -> HallEvent | Refusal:
    (event,) = decode_events(line.strip(), content_type=EVENT_TYPE, now=now)
    return event


def _lines(lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank. Raises HallpulseError at one that no message could hold."""
    number = 0
    while line := lines.readline(MAX_BODY + 2):
        number += 1
        if len(line) > MAX_BODY + 1:
            raise HallpulseError(f"line {number}: expected ndjson, one event a line, found over {MAX_BODY} bytes")
        if line.strip():
            yield number, line


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None
