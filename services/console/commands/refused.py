"""`hallpulse refused`: show, replay or drop refused events, and resume ingest after it stopped."""

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
from hallpulse.broker.replay import RefusedMessage, RefusedQueue, open_refused
from hallpulse.broker.stopped import resume as resume_ingest
from hallpulse.contract.identity import IDENTITY
from hallpulse.contract.reasons import both
from hallpulse.domain.errors import HallpulseError
from hallpulse.store import AuditEntry, Held, KeptRefusal, Outcome, Store, open_store
from services.console.console_texts import REVEALED
from services.console.refusals.choice import RefusalChoice, choice_options
from services.console.refusals.listed import leaving, looked_at
from services.console.refusals.masked_view import revealed, shown, table_of, text_of, withheld_line
from services.console.refusals.vouching import Vouched, Vouching
from services.console.suite_connection import connect, directory_option
from services.console.usage import screen
from services.ingest.refusals import read_queue
from services.local import lifecycle
from services.local.suite_directory import SuiteDirectory

_IDS_A_LINE = 1000
"""The most ids in one audit entry."""
Note = Callable[[RefusedMessage, Vouched], None]


@click.group()
def command() -> None:
    """Events that were refused. Nothing is lost: each lies in the queue hall.refused with its reason.

    被拒收的事件：每一条都带着原因保留在 hall.refused 队列中。
    """


@command.command("list")
@choice_options
@click.option("--after", metavar="ID", default="", help="Go on behind this one: the next page.")
@click.option("--all", "done", is_flag=True, help="Also those that were replayed or dropped lately.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@directory_option
def list_refused(choice: RefusalChoice, after: str, done: bool, as_json: bool, directory: Path) -> None:
    """List refused events, oldest first, with a count by reason. Numbers that may be a person's are masked.

    The list comes from the database: the queue is not touched.
    """
    with _store(directory) as store:
        wanted = choice.filter(done=done)
        try:
            listed = store.refused.page(wanted, choice.limit, after)
        except (KeyError, ValueError):
            raise click.BadParameter(f"no refused event has the id {after}", param_hint="--after") from None
        counts, held = store.refused.counts(wanted), store.refused.held()
    if as_json:
        for event in listed:
            click.echo(json.dumps(shown(event), ensure_ascii=False))
    else:
        screen().print(table_of(listed))
        click.echo("; ".join(f"{name}: {count}" for name, count in counts.most_common()) or "nothing was refused")
    _say_what_is_not_listed(held, directory)


def _say_what_is_not_listed(held: Held, directory: Path) -> None:
    try:
        with _queue(directory) as queue:
            unknown = queue.waiting() - held.copies
    except HallpulseError as error:
        click.echo(f"the queue does not say how much it holds: {error}", err=True)
        return
    if unknown > 0 or held.beyond:
        more = max(unknown, held.beyond)
        click.echo(f"at least {more} more lie on the queue alone: `hallpulse refused read` lists them", err=True)


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--reveal", is_flag=True, help="The body as it came; the audit says who looked.")
@directory_option
def show(id_: str, reveal: bool, directory: Path) -> None:
    """Show one refused event in full. Numbers that may be a person's are masked unless --reveal.

    ID may be shortened as long as it names one event. --reveal writes the body byte for byte into a file or a pipe; on
    a terminal, control characters are escaped.
    """
    with _store(directory) as store:
        event = _found(store, id_)
        body = event.body
        if reveal:
            body = event.body if event.is_whole else _whole_body(event, directory)
            store.audit.append(AuditEntry("refused.reveal", event.id, event.region or None, {"reason": event.reason}))
            click.echo(both(REVEALED), err=True)
    click.echo(json.dumps(shown(event), ensure_ascii=False, indent=2))
    click.echo(revealed(body, is_terminal=sys.stdout.isatty()) if reveal else text_of(body))


def _found(store: Store, id_: str) -> KeptRefusal:
    try:
        found = store.refused.find(id_) if id_ else []
    except ValueError:
        found = []
    if len(found) != 1:
        what = "more than one refused event has an id that begins with" if found else "no refused event has the id"
        raise click.ClickException(f"{what} {id_}: see `hallpulse refused list`")
    return found[0]


def _whole_body(event: KeptRefusal, directory: Path) -> bytes:
    """Return the whole body of an event from the queue, where it stays until it is dropped or replayed."""
    if event.outcome is None:
        with _queue(directory) as queue:
            for one in queue.those({event.id}):
                return one.body
    raise click.ClickException("its body is no longer kept")


@command.command()
@directory_option
def read(directory: Path) -> None:
    """Read the whole queue and correct the list by it; no message is taken off the queue."""
    with _store(directory) as store, _queue(directory) as queue:
        seen, gone = read_queue(queue, store.refused)
    click.echo(f"{seen} messages lie on the queue; {gone} of the list were not there any more")


@command.command()
@choice_options
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@directory_option
def replay(choice: RefusalChoice, dry_run: bool, directory: Path) -> None:
    """Send again, unchanged, the refused events that would be accepted now. The others stay.

    Each is sent on behalf of the hall that sent it, under its own routing key. An event that this hall may not send now
    is withheld and printed with the reason: another hall's event, a family not granted, a hall not registered.
    """
    kept = withheld = sent = 0
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    with _store(directory) as store, _queue(directory) as queue, _replayed(store, choice) as note:
        users = frozenset({GATEWAY_USER, user_of(connect(directory).amqp_url)})
        vouching = Vouching(store.halls.list(), users, store.codes.ended())
        chosen = store.refused.page(choice.filter(), choice.limit)
        for event in looked_at(chosen) if dry_run else queue.those({one.id for one in chosen}):
            judged = vouching.judge(event, now)
            if isinstance(judged, Vouched):
                sent += 1
                if not dry_run:
                    with leaving(store.refused, event, Outcome.REPLAYED):
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
    if dry_run and (long := sum(not one.is_whole for one in chosen)):
        click.echo(f"{long} are too long to be judged without the queue", err=True)


@command.command()
@choice_options
@click.option("--dry-run", is_flag=True, help="Only say what would be dropped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@directory_option
def drop(choice: RefusalChoice, dry_run: bool, yes: bool, directory: Path) -> None:
    """Take refused events off the queue for good."""
    dropped: Counter[str] = Counter()
    with (
        _audited(directory, "refused.drop", choice, dropped, dry_run=dry_run),
        _store(directory) as store,
    ):
        chosen = {event.id: event.reason for event in store.refused.page(choice.filter(), choice.limit)}
        if dry_run:
            click.echo(f"would drop {len(chosen)} events")
            return
        if chosen and not yes:
            click.confirm(f"drop {len(chosen)} refused events for good?", abort=True, err=True)
        rest = dict(chosen)
        with _queue(directory) as queue:
            for event in queue.those(chosen):
                with leaving(store.refused, event, Outcome.DROPPED):
                    queue.drop(event)
                if rest.pop(event.id, None) is not None:
                    dropped[event.reason] += 1
        store.refused.close(list(rest), Outcome.DROPPED)  # these had left the queue already
        dropped.update(rest.values())
    click.echo(f"dropped {len(chosen)} events")


@command.command()
@directory_option
def resume(directory: Path) -> None:
    """Let ingest go on after too many refusals stopped it. First remove their cause."""
    settings = connect(directory)
    with _store(directory) as store:
        why = resume_ingest(settings.amqp_url)
        if why is not None:
            store.audit.append(AuditEntry("ingest.resume", detail={"stopped": why}))
    lifecycle.wake(SuiteDirectory(directory.absolute()))
    click.echo(f"ingest goes on; it was stopped since {why}" if why else "ingest is not stopped by refusals")


@contextmanager
def _audited(
    directory: Path, action: str, choice: RefusalChoice, done: Counter[str], *, dry_run: bool
) -> Iterator[None]:
    """Write an audit entry after the block, even if it broke off.

    done: reason → number of events sent or dropped; the block fills it. Raises Unavailable before the block if the
    database does not answer, since the audit could not be written.
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
                store.audit.append(AuditEntry(action, choice.source or "", _region(choice), detail))


def _region(choice: RefusalChoice) -> int | None:
    region = (choice.source or "").removeprefix("/").partition("/")[0]
    return choice.region or (int(region) if region.isdecimal() and len(region) == 6 else None)


@contextmanager
def _store(directory: Path) -> Iterator[Store]:
    """Yield an open store. Raises Unavailable if the database does not answer."""
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
def _replayed(store: Store, choice: RefusalChoice) -> Iterator[Note]:
    """Yield a function that notes an event sent again; write the notes to the audit, even if the block broke off.

    An entry has up to a thousand ids, grouped by sender and source.
    """
    done: list[tuple[str, Vouched]] = []

    def write() -> None:
        ids: dict[tuple[str, str], list[str]] = {}
        for _, event in done:
            ids.setdefault((event.sender, event.source), []).append(event.id)
        senders = [{"sender": sender, "source": source, "ids": found} for (sender, source), found in ids.items()]
        detail = {"events": dict(Counter(reason for reason, _ in done)), "senders": senders}
        regions = {int(event.sender.partition(".")[0]) for _, event in done}
        region = regions.pop() if len(regions) == 1 else None
        entry = AuditEntry("refused.replay", choice.source or "", region, detail | {"chosen": choice.as_detail()})
        done.clear()
        store.audit.append(entry)

    def note(event: RefusedMessage, vouched: Vouched) -> None:
        done.append((event.reason, vouched))
        if len(done) >= _IDS_A_LINE:
            write()

    try:
        yield note
    finally:
        if done:
            write()
