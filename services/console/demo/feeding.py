"""Publish events, with progress bars for published and stored, and the lag between them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import both
from services.console import console_texts as texts
from services.console.usage import screen
from services.importing.outlet import Outlet

from .watching import Watch, wait_until_stored

_ASK_SECONDS = 0.5
_EVENTS_AT_ONCE = 500


def feed(amqp_url: str, events: Iterable[HallEvent], watch: Watch, expected: int | None) -> float:
    """Publish events, wait until all are stored, and return the seconds it took.

    expected: about how many events there are, None if not known.
    """
    began = time.monotonic()
    with _bars() as bars:
        shown = _Shown(bars, watch, expected)
        with Outlet(amqp_url) as outlet:
            for count, event in enumerate(events):
                outlet.send((watch.note(event),))
                if count % _EVENTS_AT_ONCE == 0:
                    shown.update(outlet.confirmed)
        shown.published(outlet.confirmed)
        wait_until_stored(watch, shown.stored)
    return time.monotonic() - began


class _Shown:
    """The two progress bars, of published and of stored events. They query the database at most twice a second."""

    def __init__(self, bars: Progress, watch: Watch, expected: int | None) -> None:
        self._bars, self._watch = bars, watch
        self._published: TaskID = bars.add_task(both(texts.PUBLISHED), total=expected)
        self._stored: TaskID = bars.add_task(both(texts.STORED), total=expected)
        self._asked = 0.0

    def update(self, sent: int) -> None:
        self._bars.update(self._published, completed=sent)
        if time.monotonic() - self._asked > _ASK_SECONDS:
            self.stored(self._watch.stored())
            self._asked = time.monotonic()

    def published(self, sent: int) -> None:
        self._bars.update(self._published, total=sent, completed=sent)
        self._bars.update(self._stored, total=self._watch.published)

    def stored(self, count: int) -> None:
        lag = f"{both(texts.LAG)} {self._watch.published - count:,}"
        self._bars.update(self._stored, completed=count, description=f"{both(texts.STORED)}  {lag}")


def _bars() -> Progress:
    console = screen(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
