"""Section `reads`: the queries of people and Prometheus, with a county and with a province in the database."""

from __future__ import annotations

import contextlib
import gzip
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.filling import fill
from bench.grounds import Grounds, Lane, merge
from bench.ingesting import stored, worker
from bench.options import Options
from bench.services import free_port, service
from bench.storage import bytes_an_event, recompute_rate, stored_events
from bench.streams import CHECKOUT, COUNTIES, COUNTY, messages, province_stream, small_year_until_now, year_until_now
from bench.tables import Row, milliseconds, percentile, show
from bench.usage import Meter
from hallpulse.store import open_store
from tests.servers import scratch

SCRAPE = "scrape of the targets' /metrics"
QUESTIONS = {
    SCRAPE: "metrics",
    "indicators: county": f"v1/indicators?region={COUNTY}",
    "indicators: department": f"v1/indicators?region={COUNTY}&department=human-resources",
    "indicators: hall": f"v1/indicators?region={COUNTY}&hall=government-hall",
    "indicators: province": f"v1/indicators?region={COUNTY // 10_000}0000",
    "targets: county": f"v1/targets?region={COUNTY}",
    "overdue cases: county": f"v1/cases?region={COUNTY}&state=overdue",
    "overdue cases: province": f"v1/cases?region={COUNTY // 10_000}0000&state=overdue",
    "cases behind an indicator": f"v1/cases?region={COUNTY}&indicator=promise_kept_rate&part=denominator",
}
LIMIT = 0.2
TOKEN = "bench-reads-everything"
_BACKLOG = 400_000


@dataclass
class Loaded:
    """The results with one load. events: stored ones; seconds: query → seconds; refresh: seconds of a reading by the
    targets service.
    """

    name: str
    events: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    refresh: float = 0.0
    others: float = 0.0


def run(grounds: Grounds, options: Options) -> dict[str, Any]:
    county = year_until_now(options.stored)
    with grounds.catalogued(county) as template, grounds.postgres.fresh_database(template) as url:
        merge_all(url, county.events)
        vacuum(url)
        sizes, rate = bytes_an_event(url), recompute_rate(url)
        asked = [_ask_all(grounds, url, options.asked, "one county")]
        load_province(url, options.stored // 100)
        vacuum(url)
        asked.append(_ask_all(grounds, url, options.asked, f"{len(COUNTIES)} counties"))
        asked.append(_ask_all(grounds, url, options.asked, f"{len(COUNTIES)} counties, during ingest", ingesting=True))
    _show(asked, sizes, rate, len(county.events))
    return {"asked": [_figures(one) for one in asked], "bytes_an_event": dict(sizes), "recompute_events_a_second": rate}


def merge_all(url: str, events: Sequence[Any]) -> None:
    store = open_store(url)
    merge(store, events)
    store.close()


def vacuum(url: str) -> None:
    """Vacuum and analyse at once, which the database does by itself later."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def load_province(url: str, cases: int) -> None:
    """Store the catalogue of every other county, and a year with fewer cases in all departments and months."""
    for region in COUNTIES:
        if region != COUNTY:
            other = small_year_until_now(cases, region)
            merge_all(url, [*other.catalogue, *other.events])


def _ask_all(grounds: Grounds, url: str, times: int, name: str, *, ingesting: bool = False) -> Loaded:
    found = Loaded(name, stored_events(url))
    with grounds.lane() as lane, contextlib.ExitStack() as stack:
        ask = stack.enter_context(serving(lane, url)).ask
        going = stack.enter_context(_ingesting(lane, url)) if ingesting else lambda: True
        meter = Meter(grounds.pids)
        found.seconds = _timed(ask, times, going)
        found.others = meter.read().others
        found.refresh = _refresh_seconds(gzip.decompress(ask("metrics")).decode())
    return found


@dataclass(frozen=True)
class Served:
    """A running gateway and targets service. client: holds the token that reads everything."""

    gateway: str
    targets: str
    client: httpx.Client

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.gateway}"

    def ask(self, path: str) -> bytes:
        """Return the answer of one of the two, still compressed: the time to unpack it is the client's."""
        port = self.targets if path == "metrics" else self.gateway
        with self.client.stream("GET", f"http://127.0.0.1:{port}/{path}") as response:
            return b"".join(response.raise_for_status().iter_raw())


@contextlib.contextmanager
def serving(lane: Lane, url: str) -> Iterator[Served]:
    """Run the gateway and the targets service, with a plan for every county."""
    with scratch("bench-plans") as plans:
        _write_plans(plans)
        common = {"amqp_url": lane.amqp_url, "database_url": url, "plans": str(plans)}
        gateway, targets = free_port(), free_port()
        with (
            service("gateway", **common, gateway_port=gateway, read_token=TOKEN, gateway_rate="0"),
            service("targets", **common, metrics_port=targets),
            httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}, timeout=60, trust_env=False) as client,
        ):
            yield Served(gateway, targets, client)


def _write_plans(folder: Path) -> None:
    """Write the county's newest plan as a plan of this year for every county."""
    newest = max((CHECKOUT / "plans").glob("*.yaml"))
    year = newest.stem.partition("-")[2]
    text = newest.read_text().replace(f"{year}-", f"{datetime.now(UTC).year}-")
    for region in COUNTIES:
        content = text.replace(f"region: {COUNTY}", f"region: {region}")
        (folder / f"{region}-{datetime.now(UTC).year}.yaml").write_text(content)


@contextlib.contextmanager
def _ingesting(lane: Lane, url: str) -> Iterator[Callable[[], bool]]:
    """Run an ingest with a backlog, so that it is fully busy; yield a function that returns whether some is left."""
    stream = province_stream(_BACKLOG)
    fill(lane.publisher_url, messages(stream.events, 100))
    with psycopg.connect(url, autocommit=True) as connection, worker(lane.amqp_url, url) as started:
        wanted = stored(connection) + stream.distinct
        started.wait()
        yield lambda: stored(connection) < wanted


def _timed(ask: Callable[[str], bytes], times: int, going: Callable[[], bool]) -> dict[str, list[float]]:
    """Return query → seconds, for `times` rounds or as long as `going` returns True."""
    found: dict[str, list[float]] = {question: [] for question in QUESTIONS}
    while going() and len(found[SCRAPE]) < times:
        for question, path in QUESTIONS.items():
            began = time.monotonic()
            ask(path)
            found[question].append(time.monotonic() - began)
    return found


def _refresh_seconds(metrics: str) -> float:
    line = next(line for line in metrics.splitlines() if line.startswith("hallpulse_refresh_seconds "))
    return float(line.split()[1])


def _show(asked: Sequence[Loaded], sizes: Mapping[str, float], rate: float, events: int) -> None:
    rows = [
        Row(question, [milliseconds(percentile(one.seconds[question], p)) for one in asked for p in (50, 99)])
        for question in QUESTIONS
    ]
    rows.append(
        Row("a reading of the targets service", [cell for one in asked for cell in (milliseconds(one.refresh), "")])
    )
    columns = [f"{one.name}: {p}" for one in asked for p in ("p50", "p99")]
    note = " · ".join(f"{one.name}: {one.events:,} events, {len(one.seconds[SCRAPE])} times each" for one in asked)
    show("reads", columns, rows, note)
    parts = [Row(name, (f"{size:,.0f}",)) for name, size in sizes.items()]
    show(f"bytes on the disk an event, of {events:,}; recompute: {rate:,.0f} events/s", ("bytes",), parts)


def _figures(one: Loaded) -> dict[str, Any]:
    seconds = {
        question: {f"p{percent}": percentile(values, percent) for percent in (50, 99, 100)}
        for question, values in one.seconds.items()
    }
    return {"loaded": one.name, "events": one.events, "refresh": one.refresh, "others": one.others, "seconds": seconds}
