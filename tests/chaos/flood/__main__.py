"""`python -m tests.chaos.flood`: ten times what ingest can take, for a minute, on the whole suite."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from bench.results import machine
from bench.suite import suite
from services.console.usage import screen
from tests.chaos.flood.run import Flood, flood
from tests.chaos.flood.watching import MIB

RESULTS = Path(__file__).parents[1] / "results"
MOST_MIB = 512
SERVERS = ("broker", "port mapper", "database", "prometheus", "alertmanager")
"""Not services of ours: reported apart."""


@click.command()
@click.option("--times", default=10.0, show_default=True, help="How many times what ingest takes is offered.")
@click.option("--seconds", default=60.0, show_default=True, help="For how long.")
def main(times: float, seconds: float) -> None:
    """Flood a suite of its own, and check that publishers are pushed back, memory is bounded and nothing is lost."""
    with suite() as running:
        made = flood(running, times, seconds, say)
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"flood-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    file.write_text(json.dumps({**asdict(made), **machine()}, indent=1, ensure_ascii=False))
    say(f"figures: {file}")
    wrong = faults_of(made)
    show(made, wrong)
    if wrong:
        raise SystemExit(1)


def faults_of(made: Flood) -> list[str]:
    large = {name: size for name, size in made.memory.items() if name not in SERVERS and size >= MOST_MIB * MIB}
    found = [f"{name} took {size / MIB:.0f} MiB" for name, size in large.items()]
    if made.offered_times < made.times * 0.95:
        found.append(f"only {made.offered_times:.1f} times of what ingest takes was offered")
    if not made.pushed_back:
        found.append("nobody was pushed back")
    if made.lost or made.more or made.differences:
        found.append(f"{made.lost} events lost, {made.more} counted otherwise, {made.differences} differences")
    return found


def say(text: str) -> None:
    print(text, flush=True)


def show(made: Flood, wrong: list[str]) -> None:
    table = Table("", "", title="holds" if not wrong else f"DOES NOT HOLD: {'; '.join(wrong)}")
    rows = {
        "ingest takes, events a second": f"{made.takes:,.0f}",
        "offered, events a second": f"{made.offered / made.seconds:,.0f} ({made.offered_times:.1f} times that)",
        "stored meanwhile, events a second": f"{made.stored / made.seconds:,.0f}",
        "different events, all taken in the end": f"{made.different:,}",
        "lost": str(made.lost),
        "differences found by recompute --check": str(made.differences),
        "most messages that waited; longest lag": f"{made.most_queued:,}; {made.longest_lag:.1f} s",
        "after the flood: all taken; lag gone": f"{made.drained:.1f} s; {made.gone_after:.1f} s",
    }
    rows |= {f"answers: {name}": f"{count:,}" for name, count in sorted(made.answers.items())}
    rows |= {f"most memory of {name}": f"{size / MIB:,.0f} MiB" for name, size in made.memory.items()}
    for name, text in rows.items():
        table.add_row(name, text)
    screen().print(table)


if __name__ == "__main__":
    main(prog_name="python -m tests.chaos.flood")
