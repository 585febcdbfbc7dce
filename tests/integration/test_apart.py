"""Two counties and a prefecture as three suites, each with its own broker, ingest and database: as one shared suite.

`make apart` runs it. Both ways up, of events and of daily sums alone: a county is cut off and joined again, and months
that had been published are restated.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from hallpulse.domain.figures import Scope, period_window
from hallpulse.domain.workdays import Calendar
from hallpulse.plans import load_plans
from hallpulse.store import Store, restated
from services.gateway.app import create_app
from services.reports.issuing import MonthlyReports, Order
from tests import ingest_process
from tests.asked import ASKED
from tests.gateway_ground import PLANS, READ_TOKEN, make_resources
from tests.joined_suites import COUNTIES, YEAR, Joined, figures, suites, tallied, until
from tests.merging import decoded
from tests.oracle.streams import stream
from tests.servers import BrokerServer, PostgresServer, broker_server

pytestmark = pytest.mark.skipif(not os.environ.get("APART"), reason="three brokers: `make apart`")
PREFECTURE = 222400
CUT, OTHER = 222424, 222401
MONTH = "2026-05"
MONTHS = [period_window(f"2026-{month:02d}") for month in range(1, 12)]
EVENTS_IN_ALL = 4_000
SEED = int(os.environ.get("SEED", "181"))
AWAY = int(os.environ.get("AWAY", "3000"))
"""Events of the county that is cut off, meanwhile: by docs/capacity.md those of a county's working day."""


@pytest.fixture(scope="module")
def brokers() -> Iterator[list[BrokerServer]]:
    """One for each suite: nodes that know nothing of each other."""
    with ExitStack() as stack:
        yield [stack.enter_context(broker_server()) for _ in range(3)]


@contextmanager
def apart(brokers: Sequence[BrokerServer], postgres: PostgresServer, calendars: Sequence[Calendar]) -> Iterator[Joined]:
    """Three suites whose ingests run, and the one that they are compared with."""
    with ExitStack() as stack:
        joined = stack.enter_context(suites(brokers, postgres, calendars, cut=CUT))
        for county in joined.counties.values():
            stack.enter_context(ingest_process.running(county.ingest))
        yield joined


def of_county(events: Sequence[dict[str, Any]], region: int) -> list[dict[str, Any]]:
    return [event for event in events if event["source"].startswith(f"/{region}/")]


def publish(joined: Joined, events: Sequence[dict[str, Any]]) -> None:
    """To the suites of the counties, and at once to the shared one."""
    joined.shared.merge(decoded(events), datetime.now(UTC))
    for region, county in joined.counties.items():
        county.publish(of_county(events, region))


def counts(store: Store, region: int) -> int:
    with store.read() as moment:
        return sum(moment.event_counts(region).values())


def has_all(store: Store, joined: Joined, *regions: int) -> bool:
    return all(counts(store, region) == counts(joined.shared, region) for region in regions)


def freshness(store: Store) -> dict[str, tuple[str | None, int | None]]:
    """What the prefecture's page says of each county: the newest event, and for how many hours there was none."""
    plans = [ASKED, *load_plans(PLANS)]
    with TestClient(create_app(make_resources(store, plans=plans))) as client:
        asked = f"/v1/reconciliation?region={PREFECTURE}&from={YEAR.start}&to={YEAR.end}"
        answer = client.get(asked, headers={"authorization": f"Bearer {READ_TOKEN}"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert not [one for one in said["differences"] if one["kind"] == "unaccounted"]
    return {one["region"]: (one["newest"], one["silent_hours"]) for one in said["children"]}


def published(store: Store, month: str) -> None:
    MonthlyReports(store, load_plans(PLANS), time.time).keep(Order(CUT, month))


def restatement(store: Store) -> dict[str, Any]:
    """What the published month's figures became, each change in its parts."""
    (report,) = store.reports.list()
    plan = next(one for one in load_plans(PLANS) if one.id == report.plan)
    found = restated(store.read_back, report, plan, time.time_ns() // 1000)
    return {one.name: (one.before, one.after, one.parts) for one in found}


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_events_of_counties_apart_make_the_figures_and_the_restated_month_of_one_suite(
    brokers: list[BrokerServer], postgres: PostgresServer, calendars: list[Calendar], by: str
) -> None:
    events = stream(SEED, EVENTS_IN_ALL, tuple(map(str, COUNTIES)))
    first, second, third = (events[part::3] for part in range(3))
    with apart(brokers, postgres, calendars) as joined:
        joined.join(by)
        above = joined.prefecture.store
        publish(joined, first)
        until(lambda: has_all(above, joined, *COUNTIES))
        known = freshness(above)
        assert known == freshness(joined.shared)
        for store in (above, joined.shared):
            published(store, MONTH)
        assert restatement(above) == {}

        joined.part()
        publish(joined, second)
        until(lambda: has_all(above, joined, OTHER))
        assert counts(above, CUT) < counts(joined.shared, CUT)
        assert freshness(above)[str(CUT)] == known[str(CUT)]
        joined.heal()
        publish(joined, third)
        until(lambda: has_all(above, joined, *COUNTIES))

        for region in (PREFECTURE, *COUNTIES):
            assert figures(above, region) == figures(joined.shared, region)
        for region, county in joined.counties.items():
            until(lambda: has_all(county.store, joined, region))  # noqa: B023 - called at once
            assert figures(county.store, region) == figures(joined.shared, region)
        assert freshness(above) == freshness(joined.shared)
        assert restatement(above) == restatement(joined.shared) != {}
        assert above.recompute(check=True) == []


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_a_county_that_was_cut_off_for_a_days_events_catches_up(
    brokers: list[BrokerServer], postgres: PostgresServer, calendars: list[Calendar], by: str
) -> None:
    """Both counties go on meanwhile. It prints how long it takes."""
    events = stream(SEED, EVENTS_IN_ALL + 3 * AWAY, tuple(map(str, COUNTIES)))
    begun = EVENTS_IN_ALL // 2
    of_cut = [place for place, event in enumerate(events[begun:], begun) if of_county([event], CUT)]
    ends = of_cut[AWAY]
    with apart(brokers, postgres, calendars) as joined:
        joined.join(by)
        above = joined.prefecture.store
        publish(joined, events[:begun])
        until(lambda: has_all(above, joined, *COUNTIES))
        known = counts(above, CUT)

        joined.part()
        publish(joined, events[begun:ends])
        until(lambda: has_all(above, joined, OTHER) and has_all(joined.counties[CUT].store, joined, CUT))
        assert counts(above, CUT) == known
        different = counts(joined.shared, CUT) - known
        joined.heal()
        began = time.monotonic()
        until(lambda: has_all(above, joined, *COUNTIES))
        took = time.monotonic() - began

        for region in (PREFECTURE, *COUNTIES):
            assert figures(above, region) == figures(joined.shared, region)
        assert freshness(above) == freshness(joined.shared)
        assert above.recompute(check=True) == []
    print(f"\n{by}: {AWAY:,} events ({different:,} different ones) waited, all were stored after {took:.1f} s")


@pytest.mark.parametrize("by", ["shovel", "federation"])
def test_daily_sums_of_counties_apart_make_the_tallied_figures_of_one_suite_month_by_month(
    brokers: list[BrokerServer], postgres: PostgresServer, calendars: list[Calendar], by: str
) -> None:
    """No case leaves its county; late events and corrections restate days and months that were sent before."""
    events = stream(SEED, EVENTS_IN_ALL, tuple(map(str, COUNTIES)))
    first, second, third = (events[part::3] for part in range(3))
    with apart(brokers, postgres, calendars) as joined:
        joined.join(by, "--sums")
        above = joined.prefecture.store
        publish(joined, first)
        send_all(joined, by)
        until(lambda: is_told(above, joined, *COUNTIES))
        known, before = freshness(above), tallied(above, CUT, *MONTHS)

        joined.part()
        publish(joined, second)
        send_all(joined, by)
        until(lambda: is_told(above, joined, OTHER))
        assert tallied(above, CUT, *MONTHS) == before
        assert freshness(above)[str(CUT)] == known[str(CUT)]
        publish(joined, third)
        send_all(joined, by)
        joined.heal()
        until(lambda: is_told(above, joined, *COUNTIES))

        assert tallied(above, PREFECTURE, *MONTHS) == tallied(joined.shared, PREFECTURE, *MONTHS)
        changed = [one != other for one, other in zip(before, tallied(above, CUT, *MONTHS), strict=True)]
        assert sum(changed) > len(MONTHS), "the months that were sent were restated"
        assert no_cases(above)
        assert above.recompute(check=True) == []


def send_all(joined: Joined, by: str) -> None:
    """Each county's sums, once its own suite has stored everything."""
    for region, county in joined.counties.items():
        until(lambda: has_all(county.store, joined, region))  # noqa: B023 - called at once
        until(lambda: county.sends("prefecture" if by == "shovel" else str(region)))  # noqa: B023


def is_told(above: Store, joined: Joined, *regions: int) -> bool:
    return all(tallied(above, region, *MONTHS) == tallied(joined.shared, region, *MONTHS) for region in regions)


def no_cases(above: Store) -> bool:
    with above.read() as moment:
        return not any(moment.figures(Scope(region), YEAR)["mean_elapsed_days"].denominator for region in COUNTIES)
