"""`hallpulse publish`: publish events from a file or a pipe, one CloudEvent a line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import Progress

from hallpulse.contract.decode import MAX_BODY
from hallpulse.contract.reasons import Refused
from hallpulse.domain.errors import Unavailable
from hallpulse.publisher import Message, OutboxFull, Publisher
from hallpulse.publisher.message import message_of
from services.console.line_reader import Line, lines
from services.console.outbox_option import outbox_in, outbox_option
from services.console.suite_connection import connect, directory_option
from services.console.usage import progress_bars
from services.local.files import private_directory

_SHOWN = 20
_MOST_EVENTS, _MOST_BYTES, _MOST_SECONDS = 2000, 4 * 1024 * 1024, 0.2
"""Limits of a group of events that goes to the publisher at once."""
_CONNECT_SECONDS, _PATIENCE_SECONDS = 5.0, 60.0
"""Seconds to wait for the broker without progress: until it is reached, and after that."""
_STEP_SECONDS = 1.0


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@outbox_option
@click.option("--no-outbox", is_flag=True, help="Keep events in memory only, until this command ends.")
@directory_option
def command(file: Path, outbox: Path | None, no_outbox: bool, directory: Path) -> None:
    """Publish FILE (- for standard input): ndjson, one CloudEvent a line, of any hall.

    Lines that break the contract are named on stderr and left out. The others are kept in a file, the outbox, until the
    broker has confirmed them; those that it does not take now go with the next `publish`. Publishing a file again
    changes nothing. Exit status 1 if a line was left out, or if the broker has not confirmed everything.
    """
    if outbox and no_outbox:
        raise click.UsageError("--outbox and --no-outbox contradict each other")
    settings = connect(directory)
    place = None if no_outbox else outbox or outbox_in(private_directory(directory))
    left_out, turned_away = _LeftOut(), _TurnedAway(place)
    publisher = Publisher(settings.amqp_url, turned_away, outbox=place, patience=_PATIENCE_SECONDS)
    feed = _Feed(publisher, left_out)
    try:
        with _saying_what_waits(publisher, place):
            _publish(file, feed, publisher)
    finally:
        publisher.close()
        left_out.end()
        turned_away.end()
        sent, count = max(0, feed.sent - turned_away.count), left_out.count
        click.echo(f"已发布 {sent} 个事件，{count} 行有误未发布。 Published {sent} events, left out {count} lines.")
    if left_out.count or turned_away.count:
        raise SystemExit(1)


def _publish(file: Path, feed: _Feed, publisher: Publisher) -> None:
    size = file.stat().st_size if file.is_file() else None
    with click.open_file(str(file), "rb") as source, progress_bars() as bars:
        publisher.start()
        try:
            feed.read(source.fileno(), size, bars)
            _confirm(publisher, bars)
        except BaseException:
            feed.sent -= min(feed.sent, publisher.waiting)
            raise


@contextmanager
def _saying_what_waits(publisher: Publisher, outbox: Path | None) -> Iterator[None]:
    """Say how many events still wait if the block fails or a person stops it: in the error, or on stderr."""
    try:
        yield
    except (Unavailable, KeyboardInterrupt) as error:
        kept = "publish it again"
        if outbox:
            kept = f"{publisher.waiting} events wait in {outbox} and go with the next `hallpulse publish`"
        if isinstance(error, Unavailable):
            raise Unavailable(f"{error}; {kept}") from None
        click.echo(kept, err=True)
        raise


def _confirm(publisher: Publisher, bars: Progress) -> None:
    """Wait until the broker has confirmed all events.

    Raises Unavailable if there is no progress for too long, Halt if the user or the password is wrong.
    """
    left = publisher.waiting
    task = bars.add_task("确认 confirm", total=left)
    since = time.monotonic()
    while True:
        try:
            return publisher.flush(_STEP_SECONDS)
        except Unavailable:
            waiting, now = publisher.waiting, time.monotonic()
            if waiting < left:
                bars.advance(task, left - waiting)
                left, since = waiting, now
            elif now - since > (_PATIENCE_SECONDS if publisher.connected or publisher.confirmed else _CONNECT_SECONDS):
                raise


class _LeftOut:
    """Names lines that break the contract: all of them, but on a terminal only the first twenty."""

    def __init__(self) -> None:
        self.count = 0
        self._most = _SHOWN if sys.stderr.isatty() else sys.maxsize

    def add(self, number: int, why: Refused) -> None:
        self.count += 1
        if self.count <= self._most:
            click.echo(f"line {number}: {why.reason}: {why.field or 'the line'}: {why.detail}", err=True)

    def end(self) -> None:
        if self.count > self._most:
            click.echo(f"… and {self.count - self._most} more; all of them with 2>FILE", err=True)


class _TurnedAway:
    """Counts events that the broker turned away because its user may not publish them."""

    def __init__(self, outbox: Path | None) -> None:
        self.count = 0
        self._why = ""
        self._kept = f"; they are kept: `hallpulse outbox list --outbox {outbox}`" if outbox else ""

    def __call__(self, _: Message, why: str) -> None:
        self.count += 1
        self._why = why

    def end(self) -> None:
        if self.count:
            click.echo(f"{self.count} events were turned away: {self._why}{self._kept}", err=True)


class _Feed:
    """Gathers lines for a moment and hands them to the publisher. sent: the number of events handed over."""

    def __init__(self, publisher: Publisher, left_out: _LeftOut) -> None:
        self._publisher = publisher
        self._left_out = left_out
        self._gathered: list[Message] = []
        self._bytes = 0
        self._first_line = 0
        self._since = 0.0
        self.sent = 0

    def read(self, descriptor: int, size: int | None, bars: Progress) -> None:
        task = bars.add_task("发布 publish", total=size)
        for line in lines(descriptor, MAX_BODY):
            if line is None:  # the writer of the pipe may wait until its lines are published
                self._hand_over()
                continue
            bars.advance(task, line.size)
            self._take(line)
            if self._is_due():
                self._hand_over()
        self._hand_over()

    def _take(self, line: Line) -> None:
        try:
            message = message_of(line.text, time.time_ns() // 1000)
        except Refused as refused:
            self._left_out.add(line.number, refused)
            return
        if not self._gathered:
            self._first_line, self._since = line.number, time.monotonic()
        self._gathered.append(message)
        self._bytes += len(message.body)

    def _is_due(self) -> bool:
        gathered = len(self._gathered)
        full = gathered >= _MOST_EVENTS or self._bytes >= _MOST_BYTES
        return full or (gathered > 0 and time.monotonic() - self._since > _MOST_SECONDS)

    def _hand_over(self) -> None:
        try:
            self._publisher.send_batch(self._gathered)
        except OutboxFull as full:
            raise OutboxFull(f"{full}; from line {self._first_line} on nothing was taken: publish it again") from None
        self.sent += len(self._gathered)
        self._gathered, self._bytes = [], 0
