"""Run the named sections, or all of them if none is named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from bench import (
    archiving,
    boards,
    citus,
    growth,
    idle,
    importing,
    latency,
    opening,
    peering,
    reads,
    refusals,
    throughput,
    tracing_cost,
    turning,
    watchers,
)
from bench.grounds import grounds
from bench.options import Options
from bench.results import RESULTS, keep, machine
from services.console.usage import screen

Section = Callable[[Options], dict[str, Any]]


def on_grounds(run: Callable[..., dict[str, Any]]) -> Section:
    def section(options: Options) -> dict[str, Any]:
        with grounds() as servers:
            return run(servers, options)

    return section


SECTIONS: dict[str, Section] = {
    "ingest": on_grounds(throughput.run),
    "latency": latency.run,
    "reads": on_grounds(reads.run),
    "past": on_grounds(turning.run),
    "refusals": on_grounds(refusals.run),
    "archive": on_grounds(archiving.run),
    "importing": on_grounds(importing.run),
    "peers": on_grounds(peering.run),
    "boards": boards.run,
    "idle": idle.run,
    "growth": on_grounds(growth.run),
    "watchers": on_grounds(watchers.run),
    "tracing": tracing_cost.run,
    "opening": on_grounds(opening.run),
}
GIVEN: dict[str, Section] = {"citus": citus.run}
"""Sections on servers that are there already: they run only when they are named."""


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice([*SECTIONS, *GIVEN]))
@click.option("--events", default=Options.events, show_default=True, help="Events a round.")
@click.option("--rounds", default=Options.rounds, show_default=True, help="Alternating rounds.")
@click.option("--probes", default=Options.probes, show_default=True, help="Events whose latency is measured.")
@click.option("--loaded/--idle", default=Options.loaded, show_default=True, help="Measure latency under load too.")
@click.option("--random-ids", is_flag=True, help="Growth with events whose ids are in no order.")
@click.option("--stored", default=Options.stored, show_default=True, help="A county's events while it is asked.")
@click.option("--asked", default=Options.asked, show_default=True, help="How often each question is asked.")
@click.option("--size", "sizes", multiple=True, default=Options.sizes, show_default=True,
              help="Stored events beside which the ingest is measured; the others multiples of the least.")  # fmt: skip
@click.option("--plain", default="", help="PostgreSQL that section citus compares with: the URL of a superuser.")
@click.option("--citus", default="", help="Coordinator of a Citus cluster, for section citus: the URL of a superuser.")
@click.option("--patience", default=Options.patience, show_default=True,
              help="Seconds to wait before each round for others to leave the machine alone.")  # fmt: skip
def main(sections: tuple[str, ...], **given: Any) -> None:
    """Measure SECTIONS (all of them where none is named) on private servers, durable as the suite's own."""
    options = Options(**given)
    facts = machine()
    screen().print(
        " · ".join(f"{name} {value}" for part in ("machine", "versions") for name, value in facts[part].items())
    )
    for section in sections or SECTIONS:
        keep(section, {**SECTIONS, **GIVEN}[section](options))
    print(f"figures: {RESULTS}", file=sys.stderr)


if __name__ == "__main__":
    main(prog_name="python -m bench")
