"""`hallpulse template catalogue|cases`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from hallpulse.domain.errors import HallpulseError
from services.importing.template import TEMPLATES, Kind, write_csv, write_workbook


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kind", type=click.Choice(sorted(TEMPLATES)))
@click.option("--format", "form", type=click.Choice(["xlsx", "csv"]), help="xlsx, unless the name of FILE says csv.")
@click.option("-o", "--output", "output", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
def command(kind: str, form: str | None, output: Path | None) -> None:
    """Write a table to fill in: headers in Chinese and English, example rows, explanations, dropdowns.

    As written it can be imported at once with `hallpulse import`. A file that is there is left alone.
    """
    ending = form or (output.suffix.lower().lstrip(".") if output is not None else "") or "xlsx"
    if ending not in ("xlsx", "csv"):
        raise click.UsageError(f"-o {output}: expected a name that ends in .xlsx or .csv")
    path = output or Path(f"hallpulse-{kind}.{ending}")
    write = write_csv if ending == "csv" else write_workbook
    try:
        write(TEMPLATES[cast(Kind, kind)], path)
    except FileExistsError:
        raise HallpulseError(f"{path}: there is one already, choose another name with -o") from None
    click.echo(path)
