"""Section `past`: read a county's month as it was known some months ago, from a store with a year of 60,000 cases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from bench.grounds import Grounds
from bench.options import Options
from bench.streams import COUNTY, calendars, small_year_until_now
from bench.tables import Row, show
from hallpulse.contract.events import HallEvent
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import Past, Store, migrate, open_store

WANTED = 3.0
_CASES = 60_000
_BATCH = 4000
_TIMES = 5
_MONTHS = 1, 3, 6, 9


def run(grounds: Grounds, _options: Options) -> dict[str, Any]:
    county = small_year_until_now(_CASES, COUNTY)
    with grounds.postgres.fresh_database() as url:
        migrate(url)
        store = open_store(url)
        store.apply_calendars(calendars())
        store.merge(county.catalogue, datetime.fromtimestamp(county.events[0].time / 1_000_000, UTC))
        _merge_as_it_happened(store, county.events)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        found = {f"{months} months back": [_ask(store, months) for _ in range(_TIMES)] for months in _MONTHS}
        store.close()
    rows = [
        Row(name, [f"{sorted(part)[_TIMES // 2]:.2f} s" for part in zip(*asked, strict=True)])
        for name, asked in found.items()
    ]
    note = f"{len(county.events):,} events of {_CASES:,} cases; wanted: below {WANTED:.0f} s"
    show("a county's month as it was known", ("clock", "of that processor time in Python"), rows, note)
    return {name: {"clock": [c for c, _ in asked], "python": [p for _, p in asked]} for name, asked in found.items()}


def _merge_as_it_happened(store: Store, events: Sequence[HallEvent]) -> None:
    newest = 0
    for start in range(0, len(events), _BATCH):
        part = events[start : start + _BATCH]
        newest = max(newest, *(event.time for event in part))
        store.merge(part, datetime.fromtimestamp(newest / 1_000_000, UTC))


def _ask(store: Store, months: int) -> tuple[float, float]:
    """Read the figures and open cases of a month as known then; return seconds by the clock and of Python's CPU."""
    at = datetime.now(UTC) - timedelta(days=months * 30.44)
    window = Window(at.date() - timedelta(days=30), at.date())
    clock, processor = time.monotonic(), time.process_time()
    with store.read_back() as moment:
        moment.turn_back(Past(as_of=int(at.timestamp() * 1_000_000), days=window), Scope(COUNTY))
        moment.figures(Scope(COUNTY), window)
        moment.open_cases(Scope(COUNTY), date(at.year, at.month, at.day))
    return time.monotonic() - clock, time.process_time() - processor
