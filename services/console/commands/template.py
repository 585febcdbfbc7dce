"""`hallpulse template catalogue|cases|figures`: write a table to fill in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.plan import Plan
from hallpulse.plans import PlanError, load_plans
from services.console.usage import BadUsage, plans_folder
from services.importing.figure_template import Form, form_of, write_form
from services.importing.template import TEMPLATES, write_csv, write_workbook
from services.importing.template import Kind as TemplateKind

FIGURES = "figures"
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])").fullmatch


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kind", type=click.Choice([*sorted(TEMPLATES), FIGURES]))
@click.option("--format", "form", type=click.Choice(["xlsx", "csv"]), help="xlsx, unless the name of FILE says csv.")
@click.option("-o", "--output", "--out", "output", type=click.Path(path_type=Path), metavar="FILE",
              help="Where to write it.")  # fmt: skip
@click.option(
    "--region", type=int, metavar="CODE", help="figures: the county, 6 digits; that of the plans if left out."
)
@click.option("--department", metavar="ID", help="figures: the department, by its code in the plan.")
@click.option("--month", metavar="YYYY-MM", help="figures: the month that is declared.")
@click.option("--plans", "folder", type=click.Path(path_type=Path), help="figures: folder of plan files.")
def command(kind: str, form: str | None, output: Path | None, **asked: Any) -> None:
    """Write a table to fill in: headers in Chinese and English, example rows, explanations, dropdowns.

    It can be imported with `hallpulse import` even as it is. An existing file is not overwritten. The table of figures
    has a row for each figure that the plan asks of the department for the month, and checks what is filled in.
    """
    ending = form or (output.suffix.lower().lstrip(".") if output is not None else "") or "xlsx"
    if ending not in ("xlsx", "csv"):
        raise BadUsage(f"-o {output}: expected a name that ends in .xlsx or .csv")
    if kind == FIGURES:
        if ending != "xlsx":
            raise BadUsage("template figures: expected xlsx, which checks what is filled in")
        wanted = _form(**asked)
        path = output or Path(f"{wanted.department.id}-{wanted.period}.xlsx")
        _put(path, lambda place: write_form(wanted, place))
        return
    given = [name for name, value in asked.items() if value is not None]
    if given:
        raise BadUsage(f"--{given[0]}: expected with figures only")
    template, write = TEMPLATES[cast(TemplateKind, kind)], write_csv if ending == "csv" else write_workbook
    _put(output or Path(f"hallpulse-{kind}.{ending}"), lambda place: write(template, place))


def _put(path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(path)
    except FileExistsError:
        raise HallpulseError(f"{path}: there is one already, choose another name with -o") from None
    click.echo(path)


def _form(region: int | None, department: str | None, month: str | None, folder: Path | None) -> Form:
    if department is None or month is None:
        raise BadUsage("template figures: expected --department ID and --month YYYY-MM")
    if not _MONTH(month):
        raise BadUsage(f"--month {month}: expected YYYY-MM such as 2026-05")
    plans = _plans(folder)
    county = _county(region, plans)
    try:
        return form_of(plans, county, department, month)
    except ValueError as error:
        raise BadUsage(f"--{error}") from None


def _plans(folder: Path | None) -> list[Plan]:
    try:
        return load_plans(plans_folder(folder))
    except PlanError as error:
        raise HallpulseError(f"{error.problems[0]}: see hallpulse plan check") from None


def _county(region: int | None, plans: list[Plan]) -> int:
    counties = sorted({plan.region for plan in plans})
    if region is None and len(counties) == 1:
        return counties[0]
    if region is None or not 110_000 <= region <= 919_999:
        raise BadUsage(
            f"--region: expected a county code of 6 digits; there are plans of {', '.join(map(str, counties))}"
        )
    return region
