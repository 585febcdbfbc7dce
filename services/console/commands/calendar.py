"""`hallpulse calendar`: check, show and apply the working-day calendars."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from hallpulse.calendars import CalendarError, load_overrides, national_calendar
from hallpulse.domain.workdays import Calendar, date_of, day_of
from hallpulse.store import open_store
from services.console.commands.hall import Region
from services.console.suite_connection import connect, directory_option

_WHY = {"weekend": "周末 weekend", "holiday": "节假日 holiday", "regional_holiday": "地方节日 regional holiday"}


@click.group()
def command() -> None:
    """Working days: national holidays from libraries, regional ones from files.

    工作日：全国节假日来自程序库，地方节日来自可编辑的文件。
    """


@command.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check(folder: Path) -> None:
    """Check the calendar files in FOLDER."""
    for calendar in _load(folder):
        click.echo(f"{calendar.scope}: {len(calendar.days)} days")


@command.command()
@directory_option
def apply(directory: Path) -> None:
    """Put the suite's calendar files in force and recompute the dates of every case that they touch, open or decided.

    The running suite does so by itself within seconds after a file in its folder (HALLPULSE_CALENDARS) changed.
    """
    settings = connect(directory)
    overrides = _load(settings.calendars)
    store = open_store(settings.database_url, pool_size=1)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("重新计时 date again", total=None)
        touched = store.apply_calendars(
            [national_calendar(), *overrides], lambda done, total: progress.update(task, completed=done, total=total)
        )
    store.close()
    click.echo(f"in force; {touched} cases were dated again")


@command.command()
@click.argument("region", type=Region())
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last day.")
@directory_option
def show(region: int, first: date, last: date, directory: Path) -> None:
    """Show the days in force for REGION that differ from their weekday: holidays, and weekends with work."""
    store = open_store(connect(directory).database_url, pool_size=1)
    with store.read() as moment:
        workdays = moment.workdays(region)
    store.close()
    start, end = day_of(first), day_of(last)
    for day in range(start, end + 1):
        special = workdays.special.get(day)
        if special is not None:
            why = _WHY.get(workdays.reason_off(day) or "", "上班 working day")
            click.echo(
                f"{date_of(day)}  {why}  {special.name}{'  暂定 provisional' if workdays.provisional(day) else ''}"
            )
    click.echo(f"{workdays.count(start - 1, end)} working days from {date_of(start)} to {date_of(end)}")


def _load(folder: Path) -> list[Calendar]:
    try:
        calendars = load_overrides(folder)
    except CalendarError as error:
        raise click.ClickException(str(error)) from None
    return calendars
