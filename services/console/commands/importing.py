"""`hallpulse import catalogue|cases`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from hallpulse.contract.reasons import both
from hallpulse.settings import Settings
from services.console import console_texts as texts
from services.console.suite_connection import connect, directory_option
from services.console.usage import checked_place, hall_options, input_file, progress_bars, screen
from services.importing.case_rows import Place
from services.importing.importer import EventsOf, cases_of, catalogue_of, reading
from services.importing.notes import NoteCounts, each_note
from services.importing.outlet import Outlet
from services.importing.rows import Note
from services.importing.surroundings import Stored, stored, today
from services.importing.tallying import Tally, show


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Import a catalogue or cases from a table: .xlsx, .csv (UTF-8, GBK, GB18030; , ; or tab) or .ndjson.

    Headers may be Chinese or English; `hallpulse template` writes a table to start from. Rows that cannot be taken in
    go to FILE.rejected.csv, each with its line and the reason. Importing a file again changes nothing.

    导入事项目录或办件。无法导入的行写入“文件名.rejected.csv”，并注明行号和原因。
    """


plan_codes_option = click.option(
    "--plan-codes", is_flag=True, help="Store departments that the region's plan names under the plan's codes."
)


@command.command()
@click.argument("file", type=click.Path(path_type=Path), callback=input_file)
@hall_options
@click.option(
    "--effective-from",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day from which rows hold that name no day of their own; today if left out.",
)
@plan_codes_option
@directory_option
def catalogue(
    file: Path, region: int | None, hall: str, *, effective_from: datetime | None, plan_codes: bool, directory: Path
) -> None:
    """Import the item catalogue (政务服务事项目录). Only rows that differ from what is stored become new versions."""
    settings = connect(directory)
    place = Place(*checked_place(region, hall, settings))
    day = effective_from.date() if effective_from is not None else today()
    notes: list[Note] = []
    with stored(settings, place, _not_compared) as there:
        events_of = catalogue_of(settings, there, file, day, plan_codes=plan_codes, notes=notes)
        _run("catalogue", file, settings, there, events_of)
    if notes:
        screen().print(each_note(notes))


@command.command()
@click.argument("file", type=click.Path(path_type=Path), callback=input_file)
@hall_options
@plan_codes_option
@directory_option
def cases(file: Path, region: int | None, hall: str, *, plan_codes: bool, directory: Path) -> None:
    """Import cases (办件), one row a case. A row that says something else than before corrects it."""
    settings = connect(directory)
    place = Place(*checked_place(region, hall, settings))
    notes = NoteCounts()
    with stored(settings, place, _not_compared) as there:
        _run("cases", file, settings, there, cases_of(settings, there, plan_codes=plan_codes, notes=notes))
    if notes:
        screen().print(notes.table())


def _run(kind: str, file: Path, settings: Settings, there: Stored, events_of: EventsOf) -> None:
    """Publish a file's events, sum up, and note in the audit what went in, also of an import that broke off.

    Exit status 1 where not a single row could be taken in.
    """
    outlet = Outlet(settings.amqp_url)
    with reading(file, events_of) as read:
        try:
            with progress_bars() as bars, outlet:
                bar = bars.add_task(file.name, total=1.0)
                for event in read.events:
                    outlet.send((event,))
                    bars.update(bar, completed=read.source.done())
        finally:
            _note(kind, file, there, read.tally, outlet.confirmed)
        show(screen(), read.source, read.tally, outlet.confirmed)
    if read.tally.nothing_went_in:
        raise SystemExit(1)


def _note(kind: str, file: Path, there: Stored, tally: Tally, events: int) -> None:
    """Write the import to the audit; an import without new data leaves no entry."""
    rows = {"rows": tally.imported, "rejected": tally.rejects.count}
    if events and not there.note(f"import.{kind}", file.name, **rows, events=events):
        click.echo(both(texts.NOT_AUDITED), err=True)


def _not_compared() -> None:
    click.echo(both(texts.NOT_COMPARED), err=True)
