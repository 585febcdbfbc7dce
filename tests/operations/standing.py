"""What a database says, to be compared before and after an operation: events by hall, every figure, the proof."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from hallpulse.domain.figures import Figure, Scope
from hallpulse.store import open_store
from services.console.usage import screen
from tests.asked import ASKED
from tests.chaos.checker import Verdict, scopes, shown, windows
from tests.chaos.history import History
from tests.moments import ask
from tests.operations.site import command


@dataclass(frozen=True)
class Standing:
    """events: by region and hall; figures: by scope, window and indicator; proof: what `recompute --check` printed."""

    name: str
    events: dict[str, int]
    figures: dict[str, Figure | None]
    proof: str

    @property
    def total(self) -> int:
        return sum(self.events.values())


def standing(name: str, database_url: str, history: History) -> Standing:
    """Read it all, and run `hallpulse recompute --check`. Raises RuntimeError where that finds a difference."""
    store = open_store(database_url, pool_size=1, plans=[ASKED])
    events: dict[str, int] = {}
    figures: dict[str, Figure | None] = {}
    try:
        for region in history.regions:
            for hall, count in ask(store).event_counts(int(region)).items():
                events[f"/{region}/{hall}"] = count
        for region, department, hall_name in scopes(history.valid):
            scope = Scope(int(region), department, hall_name)
            for window in windows(history.year):
                for indicator, figure in ask(store).figures(scope, window).items():
                    figures[f"{scope} {window.start} {window.end} {indicator}"] = figure
    finally:
        store.close()
    return Standing(name, events, figures, recomputed(database_url))


def recomputed(database_url: str) -> str:
    """What `hallpulse recompute --check` prints. Raises RuntimeError where it finds a difference."""
    hallpulse = str(Path(sys.executable).with_name("hallpulse"))
    done = command(hallpulse, "recompute", "--check", HALLPULSE_DATABASE_URL=database_url,
                   HALLPULSE_AMQP_URL="amqp://none")  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"recompute --check: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no difference"


def differences(before: Standing, after: Standing) -> list[str]:
    """Where the two differ, in words."""
    found = []
    for key in sorted(before.events.keys() | after.events.keys()):
        if before.events.get(key, 0) != after.events.get(key, 0):
            found.append(f"{key}: {before.events.get(key, 0)} and {after.events.get(key, 0)} events")
    for key in sorted(before.figures.keys() | after.figures.keys()):
        if before.figures.get(key) != after.figures.get(key):
            found.append(f"{key}: {before.figures.get(key)} and {after.figures.get(key)}")
    return found


@dataclass
class Report:
    """What an operation showed. rows: printed; wrong: what must be empty."""

    title: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def say(self, what: str, value: object) -> None:
        self.rows.append((what, str(value)))
        print(f"  {what}: {value}", flush=True)

    def compare(self, before: Standing, after: Standing) -> None:
        """Note both, and where they differ."""
        self.wrong += (found := differences(before, after))
        self.say(f"events: {before.name} | {after.name}", f"{before.total:,} | {after.total:,}")
        same = len(before.figures) - sum(": Figure" in one or ": None" in one for one in found)
        self.say(f"figures equal: {before.name} and {after.name}", f"{same:,} of {len(before.figures):,}")
        self.say(f"recompute --check: {after.name}", after.proof)

    def judge(self, verdict: Verdict) -> None:
        """Note what the check of every event and every figure by brute force found."""
        self.say("different events sent | stored", f"{verdict.distinct:,} | {verdict.stored:,}")
        self.say("lost | double or strange", f"{len(verdict.lost)} | {len(verdict.strangers)}")
        self.say("figures compared with the brute force | wrong",
                 f"{verdict.figures:,} | {len(verdict.wrong_figures)}")  # fmt: skip
        self.wrong += [f"{name}: {shown(wrong)}" for name, wrong in verdict.faults.items() if wrong]

    @property
    def holds(self) -> bool:
        return not self.wrong

    def show(self) -> None:
        table = Table("", "", title=f"{self.title}: {'holds' if self.holds else 'DOES NOT HOLD'}")
        for row in self.rows:
            table.add_row(*row)
        for wrong in self.wrong[:20]:
            table.add_row("WRONG", wrong)
        screen().print(table)


def fault_of(reports: Sequence[Report]) -> int:
    """The exit status of a run."""
    return 0 if reports and all(report.holds for report in reports) else 1
