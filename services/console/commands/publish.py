"""`hallpulse publish`: events from a file or a pipe, one CloudEvent a line, to the broker."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from hallpulse.contract.decode import EVENT_TYPE, MAX_BODY, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.refusal import Refusal
from services.console.connection import connect, directory_option
from services.console.importing.outlet import Outlet
from services.console.ndjson import Line, lines
from services.console.screen import progress_bars

_SHOWN = 20


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@directory_option
def command(file: Path, directory: Path) -> None:
    """Publish FILE (- for standard input): ndjson, one CloudEvent a line, of any hall.

    Lines that break the contract are named on stderr and left out; the others are published and confirmed by the
    broker, in envelopes of up to 100. Publishing a file again changes nothing. Exit status 1 where a line was left
    out, or the broker has not confirmed everything.
    """
    settings = connect(directory)
    outlet, left_out = Outlet(settings.amqp_url), _LeftOut()
    try:
        with click.open_file(str(file), "rb") as source, outlet:
            _publish(source.fileno(), _size(file), outlet, left_out)
    finally:
        left_out.end()
        sent, count = outlet.confirmed, left_out.count
        click.echo(f"已发布 {sent} 个事件，{count} 行有误未发布。 Published {sent} events, left out {count} lines.")
    if left_out.count:
        raise SystemExit(1)


class _LeftOut:
    """Lines that break the contract: all of them named, but on a terminal only the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self._most = _SHOWN if sys.stderr.isatty() else sys.maxsize

    def add(self, number: int, why: Refusal) -> None:
        self.count += 1
        if self.count <= self._most:
            click.echo(f"line {number}: {why.reason}: {why.field or 'the line'}: {why.detail}", err=True)

    def end(self) -> None:
        if self.count > self._most:
            click.echo(f"… and {self.count - self._most} more; all of them with 2>FILE", err=True)


def _publish(descriptor: int, size: int | None, outlet: Outlet, left_out: _LeftOut) -> None:
    with progress_bars() as bars:
        task = bars.add_task("发布 publish", total=size)
        for line in lines(descriptor, MAX_BODY):
            if line is None:  # somebody may be waiting at the other end of the pipe for what was sent so far
                outlet.flush()
                continue
            bars.advance(task, line.size)
            event = _event(line)
            if isinstance(event, HallEvent):
                outlet.send([event])
            else:
                left_out.add(line.number, event)


def _event(line: Line) -> HallEvent | Refusal:
    (event,) = decode_events(line.text, content_type=EVENT_TYPE, now=time.time_ns() // 1000)
    return event


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None
