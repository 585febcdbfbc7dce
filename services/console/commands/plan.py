"""`hallpulse plan`: check plan files before they are used."""

from __future__ import annotations

from pathlib import Path

import click

from hallpulse.domain.plan import Plan
from hallpulse.plans import PlanError, PlanProblem, load_plan


class _NoSuchFile(click.ClickException):
    """A usage error: the plan file is missing; one line names it."""

    exit_code = 2


@click.group()
def plan() -> None:
    """Plan files: one YAML file a plan (docs/plans.md)."""


@plan.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Read plan files and print all that is wrong in them, with file, line and column.

    Exit status 0 if all are good, else 1.
    """
    for path in files:
        if not path.is_file():
            raise _NoSuchFile(f"{path}: 没有这个方案文件 expected a plan file, there is none")
    problems: list[PlanProblem] = []
    for path in files:
        try:
            click.echo(_summary(path, load_plan(path)))
        except PlanError as error:
            problems.extend(error.problems)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)


def _summary(path: Path, plan: Plan) -> str:
    period = f"{plan.period.start} to {plan.period.end}"
    counts = f"{len(plan.targets)} targets, {len(plan.departments)} departments"
    return f"{path}: 可用 good: {plan.region} {plan.names.zh}, {period}, {counts}"


command = plan
