"""`hallpulse recompute`: rebuild everything that is derived from the stored events."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from hallpulse.store import Difference, open_store
from services.console.suite_connection import connect, directory_option

_SHOWN = 20


@click.command()
@click.option("--check", is_flag=True, help="Only compare, while events go on being stored.")
@click.option("--from", "archive", type=click.Path(file_okay=False, exists=True), metavar="FOLDER",
              help="Read archived events from the files of this archive, not from the database.")  # fmt: skip
@directory_option
def command(check: bool, archive: str | None, directory: Path) -> None:
    """Rebuild every aggregate from the stored events.

    With --check nothing is changed; if anything differs, the differences are listed and the exit status is 1. Without
    it the differences are put right, and events wait meanwhile. Archived events are among them: the database keeps them
    packed; with --from they come from the archive's files, which must then be there, all and unchanged.
    """
    store = open_store(connect(directory).database_url, pool_size=1)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("重算 recompute", total=None)
        found = store.recompute(
            check=check,
            archive=archive or "",
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    store.close()
    _show(found)
    if not found:
        click.echo("no differences: every aggregate is what the stored events give")
    elif check:
        raise click.ClickException(f"{len(found)} differences: run `hallpulse recompute` to put them right")
    else:
        click.echo(f"{len(found)} differences were put right")


def _show(found: list[Difference]) -> None:
    for one in found[:_SHOWN]:
        click.echo(
            f"{one.table} {one.key}: stored {one.stored or 'nothing'}, rebuilt {one.rebuilt or 'nothing'}", err=True
        )
    if len(found) > _SHOWN:
        click.echo(f"… and {len(found) - _SHOWN} more", err=True)
