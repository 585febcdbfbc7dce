"""Arrivals: each hall's events by the day of arrival and by their own day, and which stored events came again.

All are noted in the transaction of the batch. Nothing else of a duplicate is kept, so that only the events by their own
day can be recomputed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from hallpulse.contract.events import HallEvent
from hallpulse.contract.identity import DESK
from hallpulse.domain.case import pack_id
from hallpulse.domain.integrity import LATE_MINUTES
from hallpulse.domain.workdays import local_day

from .database import of_regions, to_date
from .tables import metadata

Times = Mapping[tuple[int, str], Sequence[int]]
"""(region, hall) → the times of events (microseconds since 1970-01-01 UTC), in order of arrival."""
AGAIN_DAYS = 90
"""Days for which an event that came again is remembered, after it last came."""

sent_again = Table(
    "sent_again",
    metadata,
    Column("region", Integer, nullable=False),
    Column("hall", Text, nullable=False),
    Column("id", LargeBinary, nullable=False, comment="as in events"),
    Column("times", Integer, nullable=False, comment="after the first"),
    Column("last_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("region", "hall", "id"),
    Index("sent_again_last", "region", "hall", "last_at"),
)
"""Stored events that came again with the same content; events that came once have no row."""


def note_receipts(connection: Connection, times: Times, duplicates: Sequence[HallEvent], arrived: int) -> None:
    """Note arrivals: counts by hall, and which events came again. arrived: microseconds since 1970-01-01 UTC.

    The counts are written first, so that transactions with duplicates of one hall wait for each other there.
    """
    again = Counter((event.region, event.hall) for event in duplicates)
    keys = sorted(key for key in {*times, *again} if key[1] != DESK)
    counts = [(len(own := times.get(key, ())), again[key], _disordered(own)) for key in keys]
    connection.execute(
        text(
            "INSERT INTO hall_receipts AS h (region, hall, day, events, duplicates, disordered)"
            " SELECT region, hall, :day, e, d, o FROM unnest(CAST(:regions AS int[]), CAST(:halls AS text[]),"
            " CAST(:events AS int[]), CAST(:again AS int[]), CAST(:disordered AS int[])) AS n(region, hall, e, d, o)"
            " ON CONFLICT (region, hall, day) DO UPDATE SET events = h.events + excluded.events,"
            " duplicates = h.duplicates + excluded.duplicates, disordered = h.disordered + excluded.disordered"
        ),
        {"day": to_date(local_day(arrived)), "regions": [k[0] for k in keys], "halls": [k[1] for k in keys],
         "events": [c[0] for c in counts], "again": [c[1] for c in counts], "disordered": [c[2] for c in counts]},
    )  # fmt: skip
    _note_again(connection, (event for event in duplicates if event.hall != DESK), arrived)


def _disordered(times: Sequence[int]) -> int:
    """Return the number of events that came after a newer one of their batch."""
    return sum(newest > time for newest, time in zip(accumulate(times, max), times, strict=True))


def _note_again(connection: Connection, duplicates: Iterable[HallEvent], arrived: int) -> None:
    """Note which events came again, in order of the key, and delete old notes of the same halls."""
    noted = sorted(Counter((event.region, event.hall, pack_id(event.id)) for event in duplicates).items())
    if not noted:
        return
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=arrived)
    halls = sorted({key[:2] for key, _ in noted})
    connection.execute(
        text(
            "INSERT INTO sent_again AS s (region, hall, id, times, last_at)"
            " SELECT region, hall, id, times, :at FROM unnest(CAST(:regions AS int[]), CAST(:halls AS text[]),"
            " CAST(:ids AS bytea[]), CAST(:times AS int[])) AS n(region, hall, id, times)"
            " ON CONFLICT (region, hall, id) DO UPDATE SET times = s.times + excluded.times,"
            " last_at = greatest(s.last_at, excluded.last_at)"
        ),
        {"at": at, "regions": [key[0] for key, _ in noted], "halls": [key[1] for key, _ in noted],
         "ids": [key[2] for key, _ in noted], "times": [times for _, times in noted]},
    )  # fmt: skip
    connection.execute(
        text(
            "DELETE FROM sent_again USING unnest(CAST(:regions AS int[]), CAST(:halls AS text[])) AS k(r, h)"
            " WHERE region = r AND hall = h AND last_at < :before"
            + of_regions(connection, "sent_again.region", (r for r, _ in halls))
        ),
        {"before": at - timedelta(AGAIN_DAYS), "regions": [r for r, _ in halls], "halls": [h for _, h in halls]},
    )


@dataclass(frozen=True, slots=True)
class SentAgain:
    """A stored event that came again. times: how often, not counting the first time."""

    times: int
    last_at: datetime


def read_sent_again(connection: Connection, key: tuple[int, str, bytes], today: int) -> SentAgain | None:
    """Return how often an event came again; None if it did not, or last did so over AGAIN_DAYS days ago.

    key: region, hall and packed id; today: days since 1970-01-01.
    """
    mine = (sent_again.c.region == key[0], sent_again.c.hall == key[1], sent_again.c.id == key[2])
    row = connection.execute(sent_again.select().where(*mine)).one_or_none()
    if row is None or local_day(int(row.last_at.timestamp() * 1_000_000)) < today - AGAIN_DAYS:
        return None
    return SentAgain(row.times, row.last_at)


MICROSECONDS_A_MINUTE = 60_000_000


def arrival(time: int) -> tuple[int, int]:
    """Return a moment (microseconds since 1970-01-01 UTC) as stored: its minute, and hundredths of a second into it."""
    minute, rest = divmod(time, MICROSECONDS_A_MINUTE)
    return minute, rest // 10_000


IS_LATE = f"arrived - time / 60000000 > {LATE_MINUTES} AND imported IS NOT TRUE"
"""SQL condition of stored events that are late and that no import repeated from records of the past."""
_NAMES = ("regions", "halls", "days", "events", "newest", "late")
_Row = tuple[int, str, int, int, int, int]


def times_of(events: Iterable[HallEvent]) -> Times:
    times: dict[tuple[int, str], list[int]] = defaultdict(list)
    for event in events:
        times[event.region, event.hall].append(event.time)
    return times


def note_hall_days(connection: Connection, times: Times, imported: Times, arrived: int) -> None:
    """Count new events in their halls' days. imported: those that are never late; arrived: minutes since 1970-01-01."""
    found = sorted(_day_rows(times, imported, arrived))
    rows = [(region, hall, to_date(day), *noted) for region, hall, day, *noted in found]
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


def _day_rows(times: Times, imported: Times, arrived: int) -> Iterator[_Row]:
    """Yield region, hall, day, events, newest, late; none for the gateway's DESK, which is no hall."""
    late_before = (arrived - LATE_MINUTES) * MICROSECONDS_A_MINUTE
    for (region, hall), unsorted in times.items():
        if hall == DESK:
            continue
        ordered = sorted(unsorted)
        days = list(map(local_day, ordered))
        late = Counter(days[: bisect_left(ordered, late_before)])
        late.subtract(local_day(time) for time in imported.get((region, hall), ()) if time < late_before)
        newest = dict(zip(days, ordered, strict=True))  # a day keeps its last time, the newest
        for day, events in Counter(days).items():
            yield region, hall, day, events, newest[day], late[day]
