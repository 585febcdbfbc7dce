"""The text of /metrics, held against prometheus_client's own, and its size and time with a large plan."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hallpulse.domain.figures import ELAPSED_BUCKETS, ElapsedHistogram, Figure
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.measures import STATES
from hallpulse.metrics import new_registry
from services.targets.exposition import exposition, page_of, snapshot_families
from services.targets.readings import Snapshot
from tests.alerts.test_rules import large_plan
from tests.moments import StatedStore
from tests.unit.targets_ground import readings_of


def large_snapshot() -> Snapshot:
    """40 departments, 20 targets that bind each of them, every indicator with a value everywhere."""
    figures = {id_: Figure(70 + n, 100 + n) for n, id_ in enumerate(COMPUTED)}
    departments = [department.id for department in large_plan().departments]
    fake = StatedStore(
        own=figures,
        by_department={department: figures for department in departments},
        open={department: dict.fromkeys(STATES, 3) for department in departments},
        elapsed={d: ElapsedHistogram(tuple(range(len(ELAPSED_BUCKETS) + 1)), 100) for d in departments},
        halls={(222424, f"hall-{n}"): 1 for n in range(20)},
    )
    return readings_of(fake, [large_plan()]).refresh()


class _Families(Collector):
    """A snapshot's, as prometheus_client's own writer wants them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        return (family.metric() for family in snapshot_families(self._snapshot))


def test_every_byte_is_as_prometheus_client_writes_it() -> None:
    registry = new_registry()
    Gauge("a_gauge", 'with "quotes", \\ and\nlines', ("zh", "b"), registry=registry).labels('县"局\\', "1\n2").set(0.1)
    Gauge("plain", "no labels", registry=registry).set(float("inf"))
    Counter("seen", "a counter", ("x",), registry=registry).labels("y").inc(12345678)
    histogram = Histogram("days", "a histogram", ("d",), buckets=(0, 1, 2.5), registry=registry).labels("justice")
    histogram.observe(2)
    assert exposition(registry.collect()) == generate_latest(registry)


def test_a_large_plan_is_written_the_same_and_stays_under_ten_thousand_series() -> None:
    snapshot, registry = large_snapshot(), CollectorRegistry()
    registry.register(_Families(snapshot))
    text = page_of(snapshot).text
    assert text == generate_latest(registry)
    series = [line for line in text.splitlines() if line and not line.startswith(b"#")]
    assert 8_000 < len(series) < 10_000
