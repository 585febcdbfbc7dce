"""`hallpulse import catalogue|cases`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

import click

from hallpulse.contract.events import HallEvent
from hallpulse.settings import Settings
from services.catalogue.departments import DepartmentCodes
from services.catalogue.import_file import CatalogueImport, read_catalogue
from services.catalogue.rows import Note
from services.catalogue.tables import RejectedRows, Source, open_source
from services.console import texts
from services.console.connection import connect, directory_option
from services.console.importing.notes import NoteCounts, each_note
from services.console.importing.outlet import Outlet
from services.console.importing.published import case_events, catalogue_events
from services.console.importing.reader import CaseImport, read_cases
from services.console.importing.rows import Place
from services.console.importing.surroundings import clock, department_codes, department_of, stored, today, workdays
from services.console.importing.tallying import Tally, show
from services.console.screen import progress_bars, screen
from services.console.texts import both
from services.console.usage import checked_place, hall_options, input_file

EventsOf = Callable[[Source, Tally], Iterator[HallEvent]]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Import a catalogue or cases from a table: .xlsx, .csv (UTF-8, GBK, GB18030; , ; or tab) or .ndjson.

    Headers may be Chinese or English; `hallpulse template` writes a table to start from. Rows that cannot be taken in
    go to FILE.rejected.csv, each with its line and the reason. Importing a file again changes nothing.
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
    county, hall = checked_place(region, hall, settings)
    codes = department_codes(settings, county) if plan_codes else DepartmentCodes()
    known = stored(settings, Place(county, hall), _not_compared).catalogue()
    day = effective_from.date() if effective_from is not None else today()
    wanted = CatalogueImport(county, hall, day, _saved(file), clock(), codes, known)
    notes: list[Note] = []
    _run(file, settings, lambda s, t: catalogue_events(s, read_catalogue(s, wanted), t, notes))
    if notes:
        screen().print(each_note(notes))


@command.command()
@click.argument("file", type=click.Path(path_type=Path), callback=input_file)
@hall_options
@plan_codes_option
@directory_option
def cases(file: Path, region: int | None, hall: str, plan_codes: bool, directory: Path) -> None:
    """Import cases (办件), one row a case. A row that says something else than before corrects it."""
    settings = connect(directory)
    notes = NoteCounts()
    there = Place(*checked_place(region, hall, settings))
    _run(file, settings, cases_of(settings, there, plan_codes, notes))
    if notes:
        screen().print(notes.table())


def cases_of(settings: Settings, place: Place, plan_codes: bool, notes: NoteCounts) -> EventsOf:
    """How the rows of a file of cases become events."""
    there = stored(settings, place, _not_compared)
    codes = department_codes(settings, place.region) if plan_codes else DepartmentCodes()
    finder = department_of(codes, there.catalogue())
    wanted = CaseImport(place, finder, workdays(settings, place.region), clock())
    apply = there.corrections().apply
    return lambda source, tally: case_events(source, read_cases(source, wanted), tally, notes, apply)


def _run(file: Path, settings: Settings, events_of: EventsOf) -> None:
    """Publish a file's events and sum up. Exit status 1 where not a single row could be taken in."""
    with open_source(file) as source, RejectedRows(file, Path.cwd()) as rejects:
        tally = Tally(rejects)
        events = _ahead(events_of(source, tally))
        with progress_bars() as bars, Outlet(settings.amqp_url) as outlet:
            bar = bars.add_task(file.name, total=1.0)
            for event in events:
                outlet.send((event,))
                bars.update(bar, completed=source.done())
    show(screen(), source, tally, outlet.confirmed)
    if tally.nothing_went_in:
        raise SystemExit(1)


def _ahead(events: Iterator[HallEvent]) -> Iterable[HallEvent]:
    """Read up to the first event, so that a wrong file is refused before the broker is asked for anything."""
    first = next(events, None)
    return chain([] if first is None else [first], events)


def _saved(file: Path) -> int:
    return file.stat().st_mtime_ns // 1000


def _not_compared() -> None:
    click.echo(both(texts.NOT_COMPARED), err=True)
