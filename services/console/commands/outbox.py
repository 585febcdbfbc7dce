"""`hallpulse outbox`: show events that wait in the outbox; retry or drop events that the broker turned away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.table import Table

from hallpulse.publisher import DiskOutbox, RefusedEvent
from services.console.outbox_option import outbox_in, outbox_option
from services.console.suite_connection import directory_option
from services.console.usage import screen


@click.group()
def command() -> None:
    """Events that `publish` keeps: those that wait for the broker, and those that it turned away for good.

    发件箱：等待消息代理确认的事件，以及被其拒绝的事件。
    """


@command.command("list")
@outbox_option
@click.option("--json", "as_json", is_flag=True, help="Print what was turned away, one JSON object a line.")
@directory_option
def list_outbox(outbox: Path | None, as_json: bool, directory: Path) -> None:
    """Say how many events wait, and list those that the broker turned away, with its reason."""
    with _opened(outbox, directory) as opened:
        if as_json:
            for event in opened.refused():
                click.echo(json.dumps(_shown(event), ensure_ascii=False))
            return
        if turned_away := opened.count_refused():
            table = Table("routing key", "类型 type", "id", "原因 reason")
            for event in opened.refused():
                table.add_row(*(str(value) for value in _shown(event).values()))
            screen().print(table)
        click.echo(f"{opened.count()} events wait for the broker, {turned_away} were turned away: {opened.path}")


@command.command()
@outbox_option
@directory_option
def retry(outbox: Path | None, directory: Path) -> None:
    """Send the events that were turned away with the next `publish`, such as after `hall add` granted their family."""
    with _opened(outbox, directory) as opened:
        click.echo(f"{opened.retry_refused()} events go with the next `hallpulse publish`")


@command.command()
@outbox_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@directory_option
def drop(outbox: Path | None, yes: bool, directory: Path) -> None:
    """Delete the events that were turned away. Events that wait for the broker stay."""
    with _opened(outbox, directory) as opened:
        count = opened.count_refused()
        if count and not yes:
            click.confirm(f"delete {count} events that were turned away?", abort=True, err=True)
        click.echo(f"deleted {opened.drop_refused()} events")


@contextmanager
def _opened(outbox: Path | None, directory: Path) -> Iterator[DiskOutbox]:
    path = outbox or outbox_in(directory)
    if not path.exists():
        raise click.ClickException(f"there is no outbox {path}: `hallpulse publish` makes it")
    opened = DiskOutbox(path)
    try:
        yield opened
    finally:
        opened.let_go()
        opened.close()


def _shown(event: RefusedEvent) -> dict[str, str]:
    """Return an event's routing key, type, id and the reason; none is personal data.

    The event has type and id, because it was checked against the contract when it was added.
    """
    content = json.loads(event.body)
    return {
        "routing_key": event.routing_key,
        "type": content["type"],
        "id": content["id"],
        "reason": event.reason,
    }
