"""What commands share: bad usage as one line and exit status 2, the folder of plans, rendered files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from hallpulse.contract.reasons import Refused
from hallpulse.contract.validation import place
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from services.boards.files import differing, write
from services.local.layout import CHECKOUT


def plans_folder(given: Path | None) -> Path:
    """The one that is named, else HALLPULSE_PLANS, else the checkout's."""
    return given or Path(os.environ.get("HALLPULSE_PLANS") or CHECKOUT / "plans")


def check_or_write(command: str, folder: Path, files: Mapping[str, str], owned: str, *, check: bool) -> None:
    """Say what was written; or, only checking, what is not as rendered, and exit 1."""
    changed = differing(folder, files, owned) if check else write(folder, files, owned)
    if check and changed:
        for path in changed:
            click.echo(f"{path}: not as the plans render it: run {command}", err=True)
        raise SystemExit(1)
    for path in changed:
        click.echo(path)
    click.echo(f"{len(files)} files, {len(changed)} changed")


DEFAULT_HALL = "import"
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
    region = click.option(
        "--region",
        type=int,
        metavar="CODE",
        help="County code, 6 digits; that of the plans, if they are of one county.",
    )
    hall = click.option(
        "--hall", default=DEFAULT_HALL, show_default=True, metavar="HALL", help="Id of the hall: a-z, 0-9 and hyphen."
    )
    return region(hall(command))


def checked_place(region: int | None, hall: str, settings: Settings) -> tuple[int, str]:
    """The county and the hall. Raises BadUsage where there can be no such hall, or nobody says which county."""
    if region is None:
        region = _only_region(settings)
    try:
        return place(f"/{region}/{hall}")
    except Refused as refused:
        raise BadUsage(f"--region {region} --hall {hall}: {refused.detail}") from None


def _only_region(settings: Settings) -> int:
    try:
        regions = {plan.region for plan in load_plans(settings.plans)}
    except PlanError as error:
        raise BadUsage(f"--region: expected a county code; the plans do not tell: {error.problems[0]}") from None
    if len(regions) != 1:
        raise BadUsage(f"--region: expected a county code; the plans are of {len(regions)} counties")
    return regions.pop()
