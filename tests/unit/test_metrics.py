"""What the ingest counts, under the names of the contract and with labels that nobody can multiply."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry

from hallpulse.metrics import HallCount, IngestMetrics, new_registry


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> IngestMetrics:
    made = IngestMetrics(registry)
    made.know_halls([(222424, "hall-1")])
    return made


def test_events_are_counted_by_hall_and_family(registry: CollectorRegistry, metrics: IngestMetrics) -> None:
    metrics.stored([HallCount(222424, "hall-1", "case", 3), HallCount(222424, "hall-1", "item", 1)])
    labels = {"region": "222424", "hall": "hall-1", "family": "case"}
    assert registry.get_sample_value("hallpulse_events_total", labels) == 3


def test_halls_that_nobody_registered_add_no_series(registry: CollectorRegistry, metrics: IngestMetrics) -> None:
    for number in range(50):
        metrics.stored([HallCount(222424, f"forged-{number}", "case", 1), HallCount(100_000 + number, "x", "case", 1)])
        metrics.duplicate(222424, f"forged-{number}")
        metrics.refused(100_000 + number, "x", "unknown-field")
    known = {"region": "222424", "hall": "other", "family": "case"}
    assert registry.get_sample_value("hallpulse_events_total", known) == 50
    assert registry.get_sample_value("hallpulse_events_total", known | {"region": "other"}) == 50
    assert registry.get_sample_value("hallpulse_events_duplicate_total", {"region": "222424", "hall": "other"}) == 50
    refused = {"region": "other", "reason": "unknown-field"}
    assert registry.get_sample_value("hallpulse_events_refused_total", refused) == 50


def test_an_event_without_a_region_is_refused_under_other(registry: CollectorRegistry, metrics: IngestMetrics) -> None:
    metrics.refused(None, "", "not-json")
    metrics.refused(222424, "", "not-json")
    assert registry.get_sample_value("hallpulse_events_refused_total", {"region": "other", "reason": "not-json"}) == 1
    assert registry.get_sample_value("hallpulse_events_refused_total", {"region": "222424", "reason": "not-json"}) == 1


def test_refusals_are_counted_by_registered_hall_from_nought_on(
    registry: CollectorRegistry, metrics: IngestMetrics
) -> None:
    name, labels = "hallpulse_hall_events_refused_total", {"region": "222424", "hall": "hall-1"}
    assert registry.get_sample_value(name, labels) == 0
    metrics.refused(222424, "hall-1", "bad-time", 3)
    for number in range(50):
        metrics.refused(222424, f"forged-{number}", "bad-time")
    metrics.refused(None, "", "not-json", 2)
    assert registry.get_sample_value(name, labels) == 3
    assert registry.get_sample_value(name, labels | {"hall": "other"}) == 50
    assert registry.get_sample_value(name, {"region": "other", "hall": "other"}) == 2


def test_a_batch_shows_its_time_and_its_size(registry: CollectorRegistry, metrics: IngestMetrics) -> None:
    metrics.batch(0.15, 4000)
    assert registry.get_sample_value("hallpulse_ingest_batch_seconds_bucket", {"le": "0.2"}) == 1
    assert registry.get_sample_value("hallpulse_ingest_batch_events_sum") == 4000


def test_the_lag_is_asked_for_at_every_scrape(registry: CollectorRegistry, metrics: IngestMetrics) -> None:
    lags = iter((1.5, 0.0))
    metrics.lag_from(lambda: next(lags))
    assert registry.get_sample_value("hallpulse_ingest_lag_seconds") == 1.5
    assert registry.get_sample_value("hallpulse_ingest_lag_seconds") == 0


def test_no_other_names_than_the_contracts_are_there(registry: CollectorRegistry, metrics: IngestMetrics) -> None:
    metrics.stored([HallCount(222424, "hall-1", "case", 1)])
    assert {family.name for family in registry.collect()} == {
        "hallpulse_events", "hallpulse_events_duplicate", "hallpulse_events_refused",
        "hallpulse_events_late", "hallpulse_events_disordered", "hallpulse_hall_events_refused",
        "hallpulse_ingest_batch_seconds", "hallpulse_ingest_batch_events", "hallpulse_ingest_lag_seconds",
        "hallpulse_ingest_delivery_limit", "hallpulse_build_info",
    }  # fmt: skip
    assert not [s for family in registry.collect() for s in family.samples if s.name.endswith("_created")]


def test_a_queues_delivery_limit_is_shown_where_the_broker_tells_it(
    registry: CollectorRegistry, metrics: IngestMetrics
) -> None:
    metrics.delivery_limits({"hall.ingest.0": 20.0, "hall.ingest.1": math.inf, "hall.refused": None})
    shown = {queue: registry.get_sample_value("hallpulse_ingest_delivery_limit", {"queue": queue}) for queue in (
        "hall.ingest.0", "hall.ingest.1", "hall.refused",
    )}  # fmt: skip
    assert shown == {"hall.ingest.0": 20.0, "hall.ingest.1": math.inf, "hall.refused": None}
    metrics.delivery_limits({"hall.ingest.0": math.inf})
    assert registry.get_sample_value("hallpulse_ingest_delivery_limit", {"queue": "hall.ingest.1"}) is None
