"""The two demonstrations: the simulated year of a county, and a given file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import both
from hallpulse.domain.figures import Window
from hallpulse.domain.workdays import date_of
from hallpulse.settings import Settings
from hallpulse.store import Store
from services.console import console_texts as texts
from services.console.demo.result_tables import show_indicators, show_targets
from services.console.demo.scene import register
from services.simulator import County, simulate
from services.simulator.county import HALLS
from services.simulator.stream import families_of

from .feeding import feed
from .given import show_file
from .scene import Scene
from .watching import Watch

EVENTS_A_CASE, EVENTS_A_DAY = 4.39, 60
_MOST_REGIONS = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """A running suite and the console on which its results are shown."""

    settings: Settings
    store: Store
    console: Console

    def feed(self, events: Iterator[HallEvent], watch: Watch, expected: int | None = None) -> None:
        seconds = feed(self.settings.amqp_url, events, watch, expected)
        stored = f"{both(texts.EVENTS_STORED)}: {watch.published:,}"
        self.console.print(f"{stored}，{both(texts.STORED_IN)} {seconds:.1f} s", markup=False)


def play_year(stage: Stage, shown: Scene, county: County) -> None:
    """Register the county's halls, publish its simulated year, and show the plan's targets."""
    stage.console.print(
        f"[bold]{both(texts.DEMO_YEAR)}[/bold]: {county.region}, {shown.plan.period.start} – {shown.on}"
    )
    halls = {(county.region, hall.id): families_of(hall) for hall in HALLS}
    added = register(stage.settings, stage.store, halls, {hall.id: hall.zh for hall in HALLS})
    if added:
        stage.console.print(f"{both(texts.HALLS_ADDED)}: {added}")
    events = (sent.event for sent in simulate(county))
    stage.feed(events, Watch(stage.store), expected_events(county))
    show_targets(stage.console, stage.store, shown)


def play_file(stage: Stage, shown: Scene, file: Path) -> None:
    """Publish a file's events; show the plan's targets, and the indicators for the days of the file."""
    stage.console.print(f"[bold]{both(texts.DEMO_FILE)}[/bold]: {file}", highlight=False)
    watch = Watch(stage.store)

    def take(events: Iterator[HallEvent]) -> int:
        stage.feed(events, watch)
        return watch.published

    show_file(stage.console, file, stage.settings, shown.plan.region, take)
    show_targets(stage.console, stage.store, shown)
    if watch.first_day is None or watch.last_day is None:
        return
    for region in watch.regions[:_MOST_REGIONS]:
        window = Window(date_of(watch.first_day), date_of(watch.last_day))
        show_indicators(stage.console, stage.store, region, window)


def expected_events(county: County) -> int:
    """Return about how many events a simulated county makes, for a progress bar."""
    days = county.last_day - county.first_day + 1
    passed = min(1.0, (county.until / 86_400_000_000 - county.first_day) / days)
    return int(passed * (county.cases * EVENTS_A_CASE + days * EVENTS_A_DAY))
