"""Query the database for how many of the published events are stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hallpulse.contract.events import HallEvent
from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.workdays import local_day
from hallpulse.store import Store

STANDSTILL_SECONDS = 60.0
_ASK_SECONDS = 0.25
_Key = tuple[int, str, str]


@dataclass(slots=True)
class Watch:
    """The published events: their ids by hall, the last id of each routing key, and their first and last day.

    All events of a routing key are in one queue and are stored in order. So all events are stored when the last one of
    each routing key is.
    """

    store: Store
    ids: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    last: dict[_Key, str] = field(default_factory=dict)
    first_day: int | None = None
    last_day: int | None = None

    def note(self, event: HallEvent) -> HallEvent:
        self.ids.setdefault((event.region, event.hall), set()).add(event.id)
        self.last[event.region, event.hall, event.type.family] = event.id
        day = local_day(event.time)
        self.first_day = day if self.first_day is None else min(day, self.first_day)
        self.last_day = day if self.last_day is None else max(day, self.last_day)
        return event

    @property
    def published(self) -> int:
        return sum(map(len, self.ids.values()))

    @property
    def regions(self) -> list[int]:
        return sorted({region for region, _ in self.ids})

    def stored(self) -> int:
        """Return how many published events are stored. Each hall counts at most as many as it published."""
        found = 0
        with self.store.read() as moment:
            counted = {region: moment.event_counts(region) for region in self.regions}
        for region, counts in counted.items():
            found += sum(min(len(ids), counts.get(hall, 0)) for (of, hall), ids in self.ids.items() if of == region)
        return found

    def all_stored(self) -> bool:
        by_hall: dict[tuple[int, str], list[str]] = {}
        for (region, hall, _), id_ in self.last.items():
            by_hall.setdefault((region, hall), []).append(id_)
        with self.store.read() as moment:
            return all(set(ids) == moment.stored_ids(*place, ids) for place, ids in by_hall.items())


def wait_until_stored(watch: Watch, progress: Callable[[int], None]) -> None:
    """Wait until every published event is stored. Raises HallpulseError after a minute without progress."""
    seen, since = -1, time.monotonic()
    while not watch.all_stored():
        stored = watch.stored()
        progress(stored)
        if stored != seen:
            seen, since = stored, time.monotonic()
        elif time.monotonic() - since > STANDSTILL_SECONDS:
            missing = watch.published - stored
            raise HallpulseError(
                f"{missing} events are not stored: see `hallpulse status` and `hallpulse refused list`"
            )
        time.sleep(_ASK_SECONDS)
    progress(watch.published)
