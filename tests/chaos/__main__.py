"""`python -m tests.chaos`: faults strike while events are published; at the end every event and figure is checked."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import statistics
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from services.console.usage import screen
from tests.chaos.checker import shown
from tests.chaos.disk import own_mounts
from tests.chaos.ground import ground
from tests.chaos.history import history
from tests.chaos.run import Run, run
from tests.servers import scratch

RESULTS = Path(__file__).parent / "results"
EVENTS_A_FAULT = 600
REGIONS = ("222424", "222401")
SHORT_FAULTS, SHORT_CLUSTER_FAULTS, SHORT_EVENTS = 8, 3, 6000


@click.command()
@click.option("--faults", default=200, show_default=True, help="How many faults strike at least.")
@click.option("--seed", type=int, help="Of the events and the faults; chosen by chance where it is not given.")
@click.option("--events", type=int, help=f"How many events are sent; {EVENTS_A_FAULT} a fault where it is not given.")
@click.option("--nodes", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Of the broker.")
@click.option("--short", is_flag=True, help="One fault of each sort, in less than a minute.")
@click.option("--only", default="", help="Only faults whose name holds this, such as 'disk full'.")
def main(  # noqa: PLR0917 - its options
    faults: int, seed: int | None, events: int | None, nodes: str, short: bool, only: str
) -> None:
    """Publish a history of events while faults strike, let it settle, and check every event and every figure."""
    small_disks = own_mounts(["-m", "tests.chaos", *sys.argv[1:]])
    chosen = random.randrange(1_000_000) if seed is None else seed
    wanted = (SHORT_CLUSTER_FAULTS if nodes != "1" else SHORT_FAULTS) if short else faults
    count = events or (SHORT_EVENTS if short else EVENTS_A_FAULT * wanted)
    made = history(chosen, count, REGIONS[:1] if short else REGIONS, datetime.now(UTC).date())
    say(f"seed {chosen}: {wanted} faults, {made.size} messages and events of {len(made.good) + 1} halls")
    if not small_disks:
        say("disks are not filled: mounting small ones needs root")
    with scratch("chaos") as directory, logs_kept(directory, chosen):
        with ground(directory, made, small_disks=small_disks, nodes=int(nodes)) as whole:
            result = run(whole, chosen, wanted, say, short=short, only=only)
        if not result.verdict.holds:
            keep_logs(directory, chosen)
    keep(result)
    show(result)
    if not result.verdict.holds:
        raise SystemExit(1)


@contextlib.contextmanager
def logs_kept(directory: Path, seed: int) -> Iterator[None]:
    """Where a run does not come to its end."""
    try:
        yield
    except Exception as error:
        keep_logs(directory, seed)
        raise click.ClickException(" ".join(str(error).split())) from error


def keep_logs(directory: Path, seed: int) -> None:
    kept = RESULTS / f"logs-{seed}"
    kept.mkdir(parents=True, exist_ok=True)
    for log in directory.glob("*.log"):
        shutil.copy(log, kept)
    say(f"logs: {kept}")


def say(text: str) -> None:
    print(text, flush=True)


def keep(result: Run) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{result.seed}.json"
    file.write_text(json.dumps(result.as_json(), indent=1, ensure_ascii=False))
    say(f"the history: {file}")


def show(result: Run) -> None:
    kinds: dict[str, list[float]] = {}
    for struck in result.struck:
        kinds.setdefault(struck.name, []).append(struck.pause)
    title = f"{len(result.struck)} faults, seed {result.seed}"
    faults = Table("fault", "times", "pause: median", "worst", title=title)
    for name, pauses in sorted(kinds.items()):
        faults.add_row(name, str(len(pauses)), f"{statistics.median(pauses):.1f} s", f"{max(pauses):.1f} s")
    verdict = result.verdict
    table = Table("", "number", "such as", title="holds" if verdict.holds else "DOES NOT HOLD")
    rows = {
        "events sent (doubles of the history among them)": verdict.sent,
        "different valid events": verdict.distinct,
        "events stored": verdict.stored,
        "events refused": verdict.refused,
        "further copies of refused events": verdict.refused_again,
        "figures compared with the brute force": verdict.figures,
    }
    for name, number in rows.items():
        table.add_row(name, str(number), "")
    for name, wrong in verdict.faults.items():
        table.add_row(name, str(len(wrong)), shown(wrong))
    table.add_row("seconds, of which to settle", f"{result.seconds:.0f}, {result.settled:.1f}", "")
    for one in (faults, table):
        screen().print(one)


if __name__ == "__main__":
    main(prog_name="python -m tests.chaos")
