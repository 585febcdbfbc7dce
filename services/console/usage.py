"""Bad usage, said in one line: exit status 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hallpulse.contract.refusal import Refused
from hallpulse.contract.rules import place

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class BadUsage(click.ClickException):
    """What was asked for cannot be meant; one line says what was expected."""

    exit_code = 2


def input_file(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """A click callback: the file must be there."""
    if path is not None and not path.is_file():
        raise BadUsage(f"{path}: expected a file, there is {'a directory' if path.is_dir() else 'none'}")
    return path


def hall_options(command: Decorated) -> Decorated:
    """`--region` and `--hall` of the hall that speaks."""
    region = click.option("--region", type=int, required=True, metavar="CODE", help="County code, 6 digits (222424).")
    hall = click.option("--hall", required=True, metavar="HALL", help="Id of the hall: a-z, 0-9 and hyphen.")
    return region(hall(command))


def check_place(region: int, hall: str) -> None:
    """Raises BadUsage where no such county or hall can be."""
    try:
        place(f"/{region}/{hall}")
    except Refused as refused:
        raise BadUsage(f"--region {region} --hall {hall}: {refused.detail}") from None
