"""`python -m tests.operations [NAME …]`: try operations on a deployment under load, and compare the figures."""

from __future__ import annotations

import importlib
import random

import click

from tests.operations.standing import Report, fault_of

OPERATIONS = {
    "backup": "back_up",
    "secrets": "secrets_turned",
    "upgrade": "upgraded",
    "nodes": "nodes_replaced",
    "database": "database_moved",
}
"""Name → the module whose `run` tries it."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(OPERATIONS)))
@click.option("--seed", type=int, help="Of the events; chosen by chance where it is not given.")
def main(names: tuple[str, ...], seed: int | None) -> None:
    """Try the operations of docs/operations.md, all of them where none is named."""
    chosen = random.randrange(1_000_000) if seed is None else seed
    reports = []
    for name in names or OPERATIONS:
        print(f"{name}, seed {chosen}", flush=True)
        try:
            report = importlib.import_module(f"tests.operations.{OPERATIONS[name]}").run(chosen)
        except RuntimeError as error:
            report = Report(name, wrong=[str(error)])
        report.show()
        reports.append(report)
    raise SystemExit(fault_of(reports))


if __name__ == "__main__":
    main(prog_name="python -m tests.operations")
