"""Section `latency`: the time from a hall's publish to the figure in GET /v1/indicators and /metrics, with a suite."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bench.filling import fill
from bench.options import Options
from bench.probing import HALL, prober
from bench.streams import CHECKOUT, COUNTY, messages, year_until_now
from bench.suite import RunningSuite, suite
from bench.tables import Row, milliseconds, percentile, show
from bench.usage import Meter
from bench.watching import Watch, at_the_gateway, in_metrics

OTHER_COUNTY = 222401
"""The county of the load: in the probes' county only the probes may change figures."""
LOADS = (0.1, 0.5, 0.9)
LIMITS = {"GET /v1/indicators": 2.0, "/metrics": 5.0}
"""The promised seconds, printed beside the measured ones."""
PAUSES = {"GET /v1/indicators": 0.02, "/metrics": 0.1}
PATIENCE_SECONDS = 120.0
_STORED = "SELECT coalesce(sum(events), 0)::bigint FROM hall_days"


@dataclass
class Latencies:
    """Latencies at one load. seconds: place where the figure is read → seconds; others: share of the machine that other
    programs took.
    """

    load: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {place: [] for place in LIMITS})
    others: float = 0.0


def run(options: Options) -> dict[str, Any]:
    with suite() as running:
        publisher = running.add_hall(COUNTY, HALL, "case")
        most = _load_county(running, options.events)
        measured = [_probe(running, publisher, options.probes, "idle")]
        for share in LOADS if options.loaded else ():
            rate = share * most
            with _loaded(running, rate, options.probes):
                measured.append(_probe(running, publisher, options.probes, f"{share:.0%} load: {rate:,.0f} events/s"))
    _show(measured, options.probes, most)
    return {"most_events_a_second": most, "measured": [_figures(one) for one in measured]}


def _load_county(running: RunningSuite, events: int) -> float:
    """Store a county's year so far and the other county's catalogue; return events a second of the suite."""
    county, other = year_until_now(events), year_until_now(1, OTHER_COUNTY)
    fill(running.settings.amqp_url, messages([*county.catalogue, *other.catalogue]))
    catalogues = len(county.catalogue) + len(other.catalogue)
    _wait_stored(running, catalogues)
    began = time.monotonic()
    fill(running.settings.amqp_url, messages(county.events))
    _wait_stored(running, catalogues + county.distinct)
    return len(county.events) / (time.monotonic() - began)


def _wait_stored(running: RunningSuite, wanted: int) -> None:
    with psycopg.connect(running.endpoints.database, autocommit=True) as connection:
        until = time.monotonic() + 10 * PATIENCE_SECONDS
        while (row := connection.execute(_STORED).fetchone()) is None or row[0] < wanted:
            if time.monotonic() > until:
                raise RuntimeError(f"{row} of {wanted} events are stored")
            time.sleep(0.1)


def _probe(running: RunningSuite, publisher: str, probes: int, load: str) -> Latencies:
    """Measure one event at a time. The next is sent when this one shows in the API; /metrics follows later."""
    found, meter = Latencies(load), Meter(running.pids)
    asks = dict(zip(LIMITS, (at_the_gateway(running, COUNTY), in_metrics(running, COUNTY)), strict=True))
    with contextlib.ExitStack() as stack:
        probing = stack.enter_context(prober(publisher, probes))
        watches = {place: stack.enter_context(Watch(ask, PAUSES[place])) for place, ask in asks.items()}
        api, *_ = watches.values()
        before, sent = api.latest, []
        for number in range(probes):
            sent.append(probing.accept(number))
            api.when(before + number + 1, PATIENCE_SECONDS)
            probing.rest()
        for place, watch in watches.items():
            for number, at in enumerate(sent, 1):
                found.seconds[place].append(watch.when(before + number, PATIENCE_SECONDS) - at)
    found.others = meter.read().others
    return found


@contextlib.contextmanager
def _loaded(running: RunningSuite, rate: float, probes: int) -> Iterator[None]:
    """Send events of another county at a steady rate during the block."""
    seconds = probes * 1.5 + 30
    arguments = (running.settings.amqp_url, str(rate), str(seconds), str(OTHER_COUNTY))
    process = subprocess.Popen([sys.executable, "-m", "bench.pacing", *arguments], cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.wait(30)


def _show(measured: list[Latencies], probes: int, most: float) -> None:
    rows = [
        Row(f"{one.load}: {place}", (*_statistics(values), milliseconds(LIMITS[place]), f"{one.others:.0%}"))
        for one in measured
        for place, values in one.seconds.items()
    ]
    title = f"publish to visible: {probes} events, one at a time, on a running suite that takes {most:,.0f} events/s"
    note = (
        "others: part of the machine that was not the suite's, with the bench itself and the sender of the load in it"
    )
    show(title, ("median", "p90", "p99", "worst", "limit", "others"), rows, note)


def _statistics(values: list[float]) -> tuple[str, ...]:
    return tuple(milliseconds(percentile(values, percent)) for percent in (50, 90, 99, 100))


def _figures(one: Latencies) -> dict[str, Any]:
    places = {
        place: {f"p{percent}": percentile(values, percent) for percent in (50, 90, 99, 100)}
        for place, values in one.seconds.items()
    }
    return {"load": one.load, "others": one.others, "seconds": places}
