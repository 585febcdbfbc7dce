"""How much each hall sent of each day: coverage, freshness, lateness."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, text

from hallpulse.contract.events import HallEvent
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.domain.workdays import local_day

from .staging import to_date

MICROSECONDS_A_MINUTE = 60_000_000
Times = Mapping[tuple[int, str], Sequence[int]]
"""(region, hall) → the times of events (microseconds since 1970-01-01 UTC), in order of arrival."""
_NAMES = ("regions", "halls", "days", "events", "newest", "late")
_Row = tuple[int, str, int, int, int, int]


def times_of(events: Iterable[HallEvent]) -> Times:
    times: dict[tuple[int, str], list[int]] = defaultdict(list)
    for event in events:
        times[event.region, event.hall].append(event.time)
    return times


def note_hall_days(connection: Connection, times: Times, arrived: int) -> None:
    """Add new events to their days. arrived: minutes since 1970-01-01 UTC."""
    rows = [(region, hall, to_date(day), *noted) for region, hall, day, *noted in sorted(_rows(times, arrived))]
    connection.execute(
        text(
            "INSERT INTO hall_days (region, hall, day, events, newest, late)"
            " SELECT * FROM unnest(CAST(:regions AS int[]), CAST(:halls AS text[]), CAST(:days AS date[]),"
            " CAST(:events AS int[]), CAST(:newest AS bigint[]), CAST(:late AS int[]))"
            " ON CONFLICT (region, hall, day) DO UPDATE SET events = hall_days.events + excluded.events,"
            " newest = greatest(hall_days.newest, excluded.newest), late = hall_days.late + excluded.late"
        ),
        {name: [row[index] for row in rows] for index, name in enumerate(_NAMES)},
    )


def _rows(times: Times, arrived: int) -> Iterator[_Row]:
    """Region, hall, day, events, newest, late."""
    late_before = (arrived - LATE_MINUTES) * MICROSECONDS_A_MINUTE
    for (region, hall), unsorted in times.items():
        ordered = sorted(unsorted)
        days = list(map(local_day, ordered))
        late = Counter(days[: bisect_left(ordered, late_before)])
        newest = dict(zip(days, ordered, strict=True))  # of one day the last, which is the newest
        for day, events in Counter(days).items():
            yield region, hall, day, events, newest[day], late[day]
