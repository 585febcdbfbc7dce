"""`hallpulse validate`: tell which events of a file would be refused or flagged, and how its cases would stand."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import click
import msgspec

from hallpulse.contract.decode import EVENT_TYPE, MAX_BODY, decode_events
from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.workdays import date_of, local_day
from hallpulse.store import open_store
from services.console.line_reader import lines
from services.console.suite_connection import connect, directory_option
from services.gateway.dry_run import CaseForeseen, CaseStanding, Foreseen, ItemForeseen, foresee
from services.gateway.problems import EventResult

_SHOWN = 50


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print all of it as one JSON object; index: the line, from 0.")
@directory_option
def command(file: Path, as_json: bool, directory: Path) -> None:
    """Tell what would become of FILE (- for standard input): ndjson, one CloudEvent a line. Nothing is sent.

    Lines that would be refused are named on stderr, with field and reason. Compared with the stored data, the command
    tells which events are there already, which ids were used before, which items the catalogue does not know, which
    flags the events would bring, and how each case would stand. Exit status 1 if a line would be refused.
    """
    now = time.time_ns() // 1000
    results, events = _read(file, now)
    found = _foreseen(results, events, now, directory)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _show(found)
    refused = [result for result in found.results if result.status == "refused"]
    for result in refused:
        where = result.field or "the line"
        click.echo(f"line {result.index + 1}: {result.reason}: {where}: {result.detail}", err=True)
    if refused:
        raise SystemExit(1)


def _read(file: Path, now: int) -> tuple[list[EventResult], dict[int, HallEvent]]:
    results: list[EventResult] = []
    events: dict[int, HallEvent] = {}
    with click.open_file(str(file), "rb") as source:
        for line in lines(source.fileno(), MAX_BODY):
            if line is None:
                continue
            index = line.number - 1
            (outcome,) = decode_events(line.text, content_type=EVENT_TYPE, now=now)
            if isinstance(outcome, HallEvent):
                events[index] = outcome
                results.append(EventResult(index, outcome.id, "accepted"))
            else:
                reason, field = outcome.reason.value, outcome.field or None
                results.append(EventResult(index, None, "refused", reason, field, outcome.detail))
    return results, events


def _foreseen(results: list[EventResult], events: dict[int, HallEvent], now: int, directory: Path) -> Foreseen:
    """Compare the events with the stored data; if the database does not answer, say so and use the contract alone."""
    try:
        store = open_store(connect(directory).database_url, pool_size=1)
        try:
            with store.read() as moment:
                return foresee(moment, results, events, date_of(local_day(now)))
        finally:
            store.close()
    except Unavailable as error:
        click.echo(f"只按契约检查，未与已存数据比较。 Checked against the contract alone: {error}", err=True)
        return Foreseen(results, [], [])


def _show(found: Foreseen) -> None:
    counts = Counter(result.status for result in found.results)
    click.echo(
        f"{len(found.results)} 个事件：可接收 {counts['accepted']}，重复 {counts['duplicate']}，"
        f"将拒收 {counts['refused']}。 {len(found.results)} events: {counts['accepted']} would be taken,"
        f" {counts['duplicate']} are there already, {counts['refused']} would be refused."
    )
    notes = [(result.index + 1, note) for result in found.results for note in result.notes or ()]
    told = [f"line {line}: {note}" for line, note in notes]
    told += [_case(case) for case in sorted(found.cases, key=lambda one: (not one.new_flags, one.case_id))]
    told += [_item(item) for item in found.items]
    for line in told[:_SHOWN]:
        click.echo(line)
    if len(told) > _SHOWN:
        click.echo(f"… and {len(told) - _SHOWN} more; all of them with --json")


def _case(case: CaseForeseen) -> str:
    flags = f"  ⚠ {', '.join(case.new_flags)}" if case.new_flags else ""
    return f"case {case.region}/{case.hall}/{case.case_id}: {_standing(case.before)} → {_standing(case.after)}{flags}"


def _standing(case: CaseStanding | None) -> str:
    if case is None:
        return "not received"
    told = [case.state]
    if case.due is not None:
        told.append(f"due {case.due}")
    if case.elapsed is not None:
        told.append(f"{case.elapsed} working days")
    return ", ".join(told)


def _item(item: ItemForeseen) -> str:
    return f"item {item.item_code}: {len(item.before)} → {len(item.after)} versions"
