"""`hallpulse report`: write the report of a month, a quarter or a year to a file."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import click

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.plan import Plan
from hallpulse.plans import PlanError, load_plans
from hallpulse.settings import Settings
from hallpulse.store import open_store
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage
from services.importing.surroundings import today
from services.reports.issuing import Issued, MonthlyReports, Order, checked_format, checked_period
from services.reports.monthly import LANGUAGES
from services.reports.renderers import FORMATS
from services.reports.writing import put

_OUT = "A file, or a folder (made if it is missing) in which it is called REGION-PERIOD.FORMAT."


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("month", metavar="YYYY-MM|YYYY-Qn|YYYY")
@click.option("--region", required=True, metavar="CODE", help="County code, 6 digits, of a county that has a plan.")
@click.option("--department", metavar="ID", help="Of one department of the plan.")
@click.option("--hall", metavar="ID", help="Of one hall.")
@click.option("--language", type=click.Choice(LANGUAGES), default="zh", show_default=True,
              help="Chinese alone, or both: with English below it.")  # fmt: skip
@click.option("--format", "form", default="docx", show_default=True, help=f"One of {', '.join(FORMATS)}.")
@click.option("--out", type=click.Path(), metavar="PATH", help=_OUT)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--publish", is_flag=True, help="Also freeze it in the database, in every form, with its figures.")
@directory_option
def command(  # noqa: PLR0917 - one a word of the command line
    month: str, region: str, department: str | None, hall: str | None, language: str, form: str,
    out: str | None, *, force: bool, publish: bool, directory: Path,
) -> None:  # fmt: skip
    """Write the report of a month, a quarter or a year as an official document, in Chinese, or with English.

    The period must have begun; if it is not over, the report says so. Prints the path of the file. With --publish the
    file is the frozen one, and its number is printed too (see hallpulse reports list).
    """
    try:
        checked_period(month, today())
        checked_format(form)
        settings = connect(directory)
        made = _published if publish else _written
        click.echo(made(settings, Order(region, month, department, hall, language), form, out, force=force))
    except ValueError as error:
        raise BadUsage(str(error)) from None


def _written(settings: Settings, order: Order, form: str, out: str | None, *, force: bool) -> str:
    """Write the report and return its path. Raises ValueError for a period or region without a report."""
    plans = _plans(settings)
    with closing(open_store(settings.database_url, pool_size=1, plans=plans)) as store:
        reports = MonthlyReports(store, plans, time.time)
        issued = reports.make(order, form)
        return str(_put(_path(out, issued.name), issued, reports, force=force))


def _published(settings: Settings, order: Order, form: str, out: str | None, *, force: bool) -> str:
    """Freeze the report, write the frozen file, and return the archive's number and the path."""
    plans = _plans(settings)
    with closing(open_store(settings.database_url, pool_size=1, plans=plans)) as store:
        reports = MonthlyReports(store, plans, time.time)
        number = reports.keep(order)
        kept = store.reports.file(number, form)
        assert kept is not None
        issued = Issued(int(order.region), kept.name, kept.media_type, kept.content)
        return f"{number} {_put(_path(out, kept.name), issued, reports, force=force)}"


def _plans(settings: Settings) -> list[Plan]:
    try:
        return load_plans(settings.plans)
    except PlanError as error:
        raise HallpulseError(f"{error.problems[0]}: see hallpulse plan check") from None


def _put(path: Path, issued: Issued, reports: MonthlyReports, *, force: bool) -> Path:
    try:
        with put(path, issued.content, replace=force):
            reports.note(issued)
    except FileExistsError:
        raise HallpulseError(f"{path}: there is one already, choose another name with --out, or --force") from None
    except OSError as error:
        raise HallpulseError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _path(out: str | None, name: str) -> Path:
    """Return the path of the report's file. An `out` without an ending, or with a slash at its end, is a folder."""
    path = Path(out or name)
    is_folder = out is not None and (path.is_dir() or out.endswith(("/", os.sep)) or not path.suffix)
    return path / name if is_folder else path
