"""`hallpulse refused`: the events that were refused: look, send again, drop; and let a stopped ingest go on."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from hallpulse.broker import GATEWAY_USER, user_of
from hallpulse.broker.replay import RefusedEvent, RefusedQueue, open_refused
from hallpulse.broker.stopped import resume as resume_ingest
from hallpulse.contract.reasons import both
from hallpulse.contract.speaker import IDENTITY
from hallpulse.store import Deed, Store, open_store
from services.console.connection import connect, directory_option
from services.console.refusals.choice import Choice, choice_options, sender
from services.console.refusals.showing import revealed, shown, table_of, text_of, withheld_line
from services.console.refusals.vouching import Vouched, Vouching
from services.console.screen import screen
from services.console.texts import REVEALED
from services.local import lifecycle
from services.local.layout import Layout

_IDS_A_LINE = 1000
"""Of the audit."""
Note = Callable[[RefusedEvent, Vouched], None]


@click.group()
def command() -> None:
    """Events that were refused. Nothing is lost: each lies in the queue hall.refused with its reason.

    被拒收的事件：每一条都带着原因保留在 hall.refused 队列中。
    """


@command.command("list")
@choice_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@directory_option
def list_refused(choice: Choice, as_json: bool, directory: Path) -> None:
    """List refused events, oldest first, with a count by reason. Numbers that may be a person's are masked."""
    counts: Counter[str] = Counter()
    listed: list[RefusedEvent] = []
    with _queue(directory) as queue:
        for event in choice.all_of(queue):
            counts[event.reason] += 1
            if len(listed) < choice.limit:
                listed.append(event)
    if as_json:
        for event in listed:
            click.echo(json.dumps(shown(event), ensure_ascii=False))
        return
    screen().print(table_of(listed))
    click.echo("; ".join(f"{name}: {count}" for name, count in counts.most_common()) or "nothing was refused")


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--reveal", is_flag=True, help="The body as it came; the audit says who looked.")
@directory_option
def show(id_: str, reveal: bool, directory: Path) -> None:
    """Show one refused event in full. Numbers that may be a person's are masked unless --reveal.

    --reveal is byte for byte into a file or a pipe; on a terminal what it would obey is escaped.
    """
    with _queue(directory) as queue:
        event = next((one for one in queue if one.id == id_), None)
    if event is None:
        raise click.ClickException(f"no refused event has the id {id_}: see `hallpulse refused list`")
    if reveal:
        with _store(directory) as store:
            store.audit.append(Deed("refused.reveal", event.id, sender(event)[0], {"reason": event.reason}))
        click.echo(both(REVEALED), err=True)
    click.echo(json.dumps(shown(event), ensure_ascii=False, indent=2))
    click.echo(revealed(event.body, is_terminal=sys.stdout.isatty()) if reveal else text_of(event.body))


@command.command()
@choice_options
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@directory_option
def replay(choice: Choice, dry_run: bool, directory: Path) -> None:
    """Send refused events again, as they are, those that would be accepted now; the others stay.

    Each goes out on behalf of the hall that sent it, under the routing key by which it came. Withheld, and named with
    the reason, is what that hall may not send now: another hall's events, families not granted, halls not registered.
    """
    kept = withheld = sent = 0
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    with _store(directory) as store, _queue(directory) as queue, _replayed(store, choice) as note:
        vouching = Vouching(store.halls.list(), frozenset({GATEWAY_USER, user_of(connect(directory).amqp_url)}))
        for event in choice.of(queue):
            judged = vouching.judge(event, now)
            if isinstance(judged, Vouched):
                sent += 1
                if not dry_run:
                    queue.send_again(event, judged.routing_key, judged.sender)
                    note(event, judged)
            elif judged.reason in IDENTITY:
                withheld += 1
                click.echo(withheld_line(event, judged))
            else:
                kept += 1
    click.echo(
        f"{'would send' if dry_run else 'sent'} {sent} again; {kept} would be refused again and stay;"
        f" {withheld} are withheld because of who sent them"
    )


@command.command()
@choice_options
@click.option("--dry-run", is_flag=True, help="Only say what would be dropped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@directory_option
def drop(choice: Choice, dry_run: bool, yes: bool, directory: Path) -> None:
    """Take refused events off the queue for good."""
    dropped: Counter[str] = Counter()
    with _audited(directory, "refused.drop", choice, dropped, dry_run=dry_run), _queue(directory) as queue:
        chosen = list(choice.of(queue))
        if dry_run:
            click.echo(f"would drop {len(chosen)} events")
            return
        if chosen and not yes:
            click.confirm(f"drop {len(chosen)} refused events for good?", abort=True, err=True)
        for event in chosen:
            queue.drop(event)
            dropped[event.reason] += 1
    click.echo(f"dropped {len(chosen)} events")


@command.command()
@directory_option
def resume(directory: Path) -> None:
    """Let ingest go on after too many refusals stopped it: once the cause is mended."""
    settings = connect(directory)
    with _store(directory) as store:
        why = resume_ingest(settings.amqp_url)
        if why is not None:
            store.audit.append(Deed("ingest.resume", detail={"stopped": why}))
    lifecycle.wake(Layout(directory.absolute()))
    click.echo(f"ingest goes on; it was stopped since {why}" if why else "ingest is not stopped by refusals")


@contextmanager
def _audited(directory: Path, action: str, choice: Choice, done: Counter[str], *, dry_run: bool) -> Iterator[None]:
    """Note in the audit what was done, also where it broke off. Raises Unavailable before where it could not be noted.

    done: how many events were sent or dropped, by reason, as it is at the end of the block.
    """
    if dry_run:
        yield
        return
    with _store(directory) as store:
        try:
            yield
        finally:
            if done:
                detail = {"events": dict(done), "chosen": choice.as_detail()}
                store.audit.append(Deed(action, choice.source or "", _region(choice), detail))


def _region(choice: Choice) -> int | None:
    region = (choice.source or "").removeprefix("/").partition("/")[0]
    return choice.region or (int(region) if region.isdecimal() and len(region) == 6 else None)


@contextmanager
def _store(directory: Path) -> Iterator[Store]:
    """One that answers. Raises Unavailable."""
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        store.ping()
        yield store
    finally:
        store.close()


@contextmanager
def _queue(directory: Path) -> Iterator[RefusedQueue]:
    with open_refused(connect(directory).amqp_url) as queue:
        yield queue


@contextmanager
def _replayed(store: Store, choice: Choice) -> Iterator[Note]:
    """Note in the audit each event that was sent again, by sender and source, also where it broke off."""
    done: list[tuple[str, Vouched]] = []

    def write() -> None:
        ids: dict[tuple[str, str], list[str]] = {}
        for _, event in done:
            ids.setdefault((event.sender, event.source), []).append(event.id)
        senders = [{"sender": sender, "source": source, "ids": found} for (sender, source), found in ids.items()]
        detail = {"events": dict(Counter(reason for reason, _ in done)), "senders": senders}
        regions = {int(event.sender.partition(".")[0]) for _, event in done}
        region = regions.pop() if len(regions) == 1 else None
        deed = Deed("refused.replay", choice.source or "", region, detail | {"chosen": choice.as_detail()})
        done.clear()
        store.audit.append(deed)

    def note(event: RefusedEvent, vouched: Vouched) -> None:
        done.append((event.reason, vouched))
        if len(done) >= _IDS_A_LINE:
            write()

    try:
        yield note
    finally:
        if done:
            write()
