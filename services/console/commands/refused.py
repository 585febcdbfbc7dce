"""`hallpulse refused`: the events that were refused: look, send again, drop."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from hallpulse.broker.replay import RefusedEvent, RefusedQueue, open_refused
from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import Reason
from hallpulse.store import Deed, open_store
from services.console.connection import connect, directory_option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_WHO_SENT_IT = (Reason.PUBLISHER_UNIDENTIFIED, Reason.SOURCE_MISMATCH, Reason.ROUTING_MISMATCH)
_DIGITS = re.compile(rb"\d(?=\d{4})")


@click.group()
def command() -> None:
    """Events that were refused. Nothing is lost: each lies in the queue hall.refused with its reason.

    被拒收的事件：每一条都带着原因保留在 hall.refused 队列中。
    """


def filters(function: Decorated) -> Decorated:
    """--reason, --source and --limit as every subcommand has them."""
    for option in (
        click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many."),
        click.option("--source", help="Only of this source, such as /222424/hall-1."),
        click.option("--reason", type=click.Choice([str(reason) for reason in Reason]), help="Only for this reason."),
        directory_option,
    ):
        function = option(function)
    return function


@command.command("list")
@filters
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_refused(*, reason: str | None, source: str | None, limit: int, as_json: bool, directory: Path) -> None:
    """List refused events, oldest first, with a count by reason. Long digit runs are masked."""
    counts: Counter[str] = Counter()
    with _queue(directory) as queue:
        chosen = list(_chosen(queue, reason, source, limit, counts))
    if as_json:
        for event in chosen:
            click.echo(json.dumps(_shown(event), ensure_ascii=False))
        return
    table = Table("id", "时间 refused at", "来源 source", "原因 reason", "字段 field", "应为 expected")
    for event in chosen:
        table.add_row(event.id, event.refused_at[:19], event.source, event.reason, event.field, event.detail)
    Console().print(table)
    click.echo("; ".join(f"{name}: {count}" for name, count in counts.most_common()) or "nothing was refused")


@command.command()
@click.argument("id_", metavar="ID")
@directory_option
@click.option("--raw", is_flag=True, help="The body as it came, unmasked.")
def show(id_: str, raw: bool, directory: Path) -> None:
    """Show one refused event in full; long digit runs are masked unless --raw."""
    with _queue(directory) as queue:
        event = next((one for one in queue if one.id == id_), None)
    if event is None:
        raise click.ClickException(f"no refused event has the id {id_}: see `hallpulse refused list`")
    click.echo(json.dumps(_shown(event), ensure_ascii=False, indent=2))
    click.echo(event.body if raw else _masked(event.body))


@command.command()
@filters
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
def replay(*, reason: str | None, source: str | None, limit: int, dry_run: bool, directory: Path) -> None:
    """Send refused events again, as they are, those that would be accepted now; the others stay.

    Those refused because of who sent them are sent only if --reason names that reason: they then count as vouched for.
    """
    kept, sent = 0, Counter[str]()
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    with _audited(directory, "refused.replay", source, sent, dry_run=dry_run), _queue(directory) as queue:
        for event in _chosen(queue, reason, source, limit, Counter()):
            key = _routing_key(event, now)
            if key is None or (reason is None and event.reason in _WHO_SENT_IT):
                kept += 1
                continue
            if not dry_run:
                queue.send_again(event, key)
            sent[event.reason] += 1
    click.echo(f"{'would send' if dry_run else 'sent'} {sent.total()} again; {kept} would be refused again and stay")


@command.command()
@filters
@click.option("--dry-run", is_flag=True, help="Only say what would be dropped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(*, reason: str | None, source: str | None, limit: int, dry_run: bool, yes: bool, directory: Path) -> None:
    """Take refused events off the queue for good."""
    dropped: Counter[str] = Counter()
    with _audited(directory, "refused.drop", source, dropped, dry_run=dry_run), _queue(directory) as queue:
        chosen = list(_chosen(queue, reason, source, limit, Counter()))
        if dry_run:
            click.echo(f"would drop {len(chosen)} events")
            return
        if chosen and not yes:
            click.confirm(f"drop {len(chosen)} refused events for good?", abort=True, err=True)
        for event in chosen:
            queue.drop(event)
            dropped[event.reason] += 1
    click.echo(f"dropped {len(chosen)} events")


@contextmanager
def _audited(directory: Path, action: str, source: str | None, done: Counter[str], *, dry_run: bool) -> Iterator[None]:
    """Note in the audit what was done, also where it broke off. Raises Unavailable before where it could not be noted.

    done: how many events were sent or dropped, by reason, as it is at the end of the block.
    """
    if dry_run:
        yield
        return
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        store.ping()
        try:
            yield
        finally:
            if done:
                store.audit.append(Deed(action, source or "", _region(source), {"events": dict(done)}))
    finally:
        store.close()


def _region(source: str | None) -> int | None:
    region = (source or "").removeprefix("/").partition("/")[0]
    return int(region) if region.isdecimal() and len(region) == 6 else None


@contextmanager
def _queue(directory: Path) -> Iterator[RefusedQueue]:
    with open_refused(connect(directory).amqp_url) as queue:
        yield queue


def _chosen(
    queue: RefusedQueue, reason: str | None, source: str | None, limit: int, counts: Counter[str]
) -> Iterator[RefusedEvent]:
    for event in queue:
        if reason in (None, event.reason) and source in (None, event.source):
            counts[event.reason] += 1
            if counts.total() <= limit:
                yield event


def _routing_key(event: RefusedEvent, now: int) -> str | None:
    """Where the event belongs, or None where the contract still refuses it."""
    (decoded,) = decode_events(event.body, content_type=EVENT_TYPE, now=now)
    if not isinstance(decoded, HallEvent) or event.reason == Reason.ID_REUSED:
        return None
    return f"{decoded.region}.{decoded.hall}.{decoded.type.family}"


def _masked(body: bytes) -> bytes:
    """All but the last four digits of every run of five or more."""
    return _DIGITS.sub(b"*", body)


def _shown(event: RefusedEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "refused_at": event.refused_at,
        "reason": event.reason,
        "field": event.field,
        "expected": event.detail,
        "source": event.source,
        "routing_key": event.routing_key,
        "user": event.user,
        "bytes": len(event.body),
        "body": _masked(event.body[:2000]).decode("utf-8", "replace"),
    }
