"""`hallpulse archive`: move events of past months to Parquet files, and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.table import Table

from hallpulse.domain.figures import region_bounds
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import ArchivedMonth, ArchiveFile, EventArchive, open_archive, read_manifest
from services.console.commands.token import AnyRegion
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage, progress_bars, screen

_EVERYWHERE = (0, 999_999)
_folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
_region = click.option("--region", type=AnyRegion(), metavar="CODE", help="Only of this region and those below it.")
_yes = click.option("--yes", is_flag=True, help="Do it; without this, only show what would be done.")


class Month(click.ParamType[date]):
    name = "month"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return datetime.strptime(str(value), "%Y-%m").replace(tzinfo=SHANGHAI).date()
        except ValueError:
            self.fail(f"{value!r}: expected a month, YYYY-MM", param, ctx)


@click.group()
def command() -> None:
    """Move events of past months to Parquet files, and back. Figures, lists and duplicates stay as they are.

    把过去月份的事件移到 Parquet 文件，或取回；各项数字、清单和重复判断都不变。
    """


@command.command()
@_folder
@click.option("--before", type=Month(), required=True, metavar="YYYY-MM", help="Events of the months before this one.")
@_region
@_yes
@directory_option
def events(*, folder: Path, before: date, region: int | None, yes: bool, directory: Path) -> None:
    """Archive case events and heartbeats of the months before --before. Run it again for events that came later.

    Each region's month becomes a file that is read back before its events leave the table `events`; the database keeps
    them packed, in about a third of the room. An interrupted command goes on where it ended when it runs again.
    """
    if before > datetime.now(UTC).astimezone(SHANGHAI).date():
        raise BadUsage(f"--before {before:%Y-%m}: expected this month or an earlier one")
    archive = open_archive(connect(directory).database_url, folder)
    bounds = _EVERYWHERE if region is None else region_bounds(region)
    found = archive.preview(before, bounds)
    _show_months(found)
    if not yes:
        click.echo("nothing was changed: --yes archives them" if found else "nothing to archive")
        return
    with progress_bars() as progress:
        task = progress.add_task("归档 archive", total=None)
        now = datetime.now(UTC)
        files = archive.take(
            before, bounds, now, lambda done, total: progress.update(task, completed=done, total=total)
        )
    _show_files(files)
    click.echo(f"{sum(file.events for file in files)} events archived in {len(files)} files")


@command.command("list")
@_folder
def list_files(folder: Path) -> None:
    """Show the files of an archive."""
    _show_files(read_manifest(folder))


@command.command()
@_folder
@directory_option
def check(folder: Path, directory: Path) -> None:
    """Compare files, manifest and database; exit status 1 if they do not hold the same events."""
    wrong = open_archive(connect(directory).database_url, folder).check()
    for line in wrong:
        click.echo(line, err=True)
    if wrong:
        raise click.ClickException(f"{len(wrong)} things are wrong with {folder}")
    files = read_manifest(folder)
    click.echo(f"{len(files)} files, {sum(file.events for file in files)} events: as in the database")


@command.command()
@_folder
@_region
@click.option("--month", type=Month(), metavar="YYYY-MM", help="Only of this month.")
@_yes
@directory_option
def restore(*, folder: Path, region: int | None, month: date | None, yes: bool, directory: Path) -> None:
    """Bring archived events back to the table `events`, and delete their files."""
    archive: EventArchive = open_archive(connect(directory).database_url, folder)
    low, high = _EVERYWHERE if region is None else region_bounds(region)
    files = [
        file
        for file in read_manifest(folder)
        if low <= file.region <= high and (month is None or file.month == f"{month:%Y-%m}")
    ]
    _show_files(files)
    if not yes:
        click.echo("nothing was changed: --yes brings them back" if files else "nothing to bring back")
        return
    with progress_bars() as progress:
        task = progress.add_task("取回 restore", total=None)
        brought = archive.restore(files, lambda done, total: progress.update(task, completed=done, total=total))
    click.echo(f"{brought} events brought back from {len(files)} files")


def _show_months(months: Sequence[ArchivedMonth]) -> None:
    table = Table("地区 region", "月份 month", "事件 events", box=None)
    for one in months:
        table.add_row(str(one.region), f"{one.month:%Y-%m}", str(one.events))
    screen().print(table)


def _show_files(files: Sequence[ArchiveFile]) -> None:
    table = Table("文件 file", "事件 events", "字节 bytes", "SHA-256", box=None)
    for file in files:
        table.add_row(file.file, str(file.events), str(file.bytes), file.sha256)
    screen().print(table)
