"""Help for all commands: usage errors (one line, exit status 2), the plans folder, rendered files, the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from hallpulse.contract.reasons import Refused
from hallpulse.contract.validation import place
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from services.boards.files import differing, write
from services.local.suite_directory import CHECKOUT


def plans_folder(given: Path | None) -> Path:
    """Return the given folder, else the one that HALLPULSE_PLANS names, else the checkout's `plans`."""
    return given or Path(os.environ.get("HALLPULSE_PLANS") or CHECKOUT / "plans")


def check_or_write(command: str, folder: Path, files: Mapping[str, str], owned: str, *, check: bool) -> None:
    """Write the files and print the changed paths. With `check`, write nothing; print the paths that differ on stderr
    and exit with status 1 if there are any.

    files: path in the folder → content; owned: pattern of the paths that may be deleted; command: for the message.
    """
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
    """A usage error; one line says what was expected."""

    exit_code = 2


def input_file(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Return the path (a click callback). Raises BadUsage if it is not a file."""
    if path is not None and not path.is_file():
        zh, en = ("是文件夹，应为文件", "a directory") if path.is_dir() else ("没有这个文件", "none")
        raise BadUsage(f"{path}: {zh} expected a file, there is {en}")
    return path


def hall_options(command: Decorated) -> Decorated:
    """Add `--region` and `--hall`, which name the publishing hall."""
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
    """Return the county and the hall. Without a region it is the only county that has plans.

    Raises BadUsage if county or hall is invalid, or if the plans are not of exactly one county.
    """
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


PIPED_WIDTH = 180


def screen(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def progress_bars(*columns: ProgressColumn) -> Progress:
    """Return progress bars on stderr. They are removed when done, and not shown if stderr is no terminal."""
    own = columns or (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = screen(stderr=True)
    return Progress(*own, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)
