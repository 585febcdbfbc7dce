"""`hallpulse down`."""

from __future__ import annotations

from pathlib import Path

import click

from services.console.connection import directory_option
from services.local import lifecycle
from services.local.layout import Layout


@click.command()
@click.option("--purge", is_flag=True, help="Delete all its data too: events, figures, keys and logs.")
@directory_option
def command(purge: bool, directory: Path) -> None:
    """End the suite that runs in DIR, and nothing that `up` did not start. Nothing to end is no failure."""
    layout = Layout(directory.absolute())
    ended = lifecycle.down(layout, click.echo, drop=purge)
    click.echo(f"ended: {layout.root}" if ended else f"nothing runs in {layout.root}")
    if purge:
        layout.purge()
        click.echo("its data is deleted")
