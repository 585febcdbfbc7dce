from __future__ import annotations

import cProfile
import pstats
import time
from datetime import UTC, date, datetime

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.workdays import day_of, workdays_of
from hallpulse.store import Past, Store
from services.simulator import County, simulate
from services.simulator.county import moment
from tests.unit.test_simulator import CALENDARS, PLAN


def test_profile(store: Store) -> None:
    until = moment(day_of(date(2026, 12, 31)))
    county = County(PLAN, workdays_of(222424, CALENDARS), until, seed=7, cases=60_000)
    batch = []
    t0 = time.time()
    for sent in simulate(county):
        batch.append(sent)
        if len(batch) == 2000:
            store.merge([s.event for s in batch], datetime.fromtimestamp(batch[-1].arrives / 1e6, UTC))
            batch = []
    print("filled", time.time() - t0)
    as_of = moment(day_of(date(2026, 4, 1)))
    month = Window(date(2026, 3, 1), date(2026, 3, 31))
    for n in range(3):
        t0, c0 = time.time(), time.process_time()
        profile = cProfile.Profile()
        if n == 2:
            profile.enable()
        with store.read_back() as m:
            m.turn_back(Past(as_of=as_of), Scope(222424))
            t1 = time.time()
            m.figures(Scope(222424), month)
        print(
            "as_of",
            round(time.time() - t0, 2),
            "of which turning",
            round(t1 - t0, 2),
            "cpu",
            round(time.process_time() - c0, 2),
        )
        if n == 2:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(22)
    for n in range(2):
        t0 = time.time()
        with store.read() as m:
            m.integrity(Scope(222424), Window(date(2026, 1, 1), date(2026, 12, 31)), date(2026, 12, 31))
        t1 = time.time()
        with store.read() as m:
            m.integrity(Scope(222424), month, date(2026, 12, 31))
        t2 = time.time()
        with store.read() as m:
            m.sources(Scope(222424), month, date(2026, 12, 31))
        print("integrity year", round(t1 - t0, 2), "month", round(t2 - t1, 2), "sources", round(time.time() - t2, 2))
