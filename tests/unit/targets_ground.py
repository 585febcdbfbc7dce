"""The targets service without its framework, for tests: readings over stated figures, and its HTTP port."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from hallpulse.domain.figures import Figure
from hallpulse.domain.plan import Plan
from hallpulse.metrics import new_registry
from hallpulse.plans import load_plans
from services.targets.exposition import AttemptCollector, Page, application, page_of
from services.targets.readings import TargetReadings
from tests.moments import StatedStore

PLANS = load_plans(Path(__file__).parents[2] / "plans")
NOON = datetime(2026, 11, 24, 4, tzinfo=UTC).timestamp()
"""Noon of 24 November 2026 in Asia/Shanghai."""
WANGQING = {"region": "222424"}
CATALOGUE = {"instant_item_share": Figure(21, 50), "settled_item_share": Figure(45, 50)}
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def readings_of(figures: StatedStore, plans: list[Plan] | None = None, clock: Clock | None = None) -> TargetReadings:
    return TargetReadings(figures, PLANS if plans is None else plans, clock or Clock())


def answered(readings: TargetReadings, path: str, accept_encoding: str = "") -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body of the service's own HTTP port."""
    told: list[tuple[str, dict[str, str]]] = []
    live, page = new_registry(), page_of(readings.snapshot) if readings.snapshot is not None else Page()
    live.register(AttemptCollector(readings.attempts))
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "QUERY_STRING": "", "HTTP_ACCEPT_ENCODING": accept_encoding}
    body = b"".join(
        application(live, lambda: page, readings.attempts)(
            environ, lambda status, headers: told.append((status, dict(headers)))
        )
    )
    return *told[0], body


def asked(readings: TargetReadings, path: str) -> tuple[str, str]:
    status, _, body = answered(readings, path)
    return status, body.decode()


def samples_of(readings: TargetReadings) -> Samples:
    """Everything on /metrics, read back by Prometheus' own parser."""
    found = [s for family in text_string_to_metric_families(asked(readings, "/metrics")[1]) for s in family.samples]
    samples = {(s.name, frozenset(s.labels.items())): s.value for s in found}
    assert len(samples) == len(found), "a series is there twice"
    return samples


def scraped(figures: StatedStore, plans: list[Plan] | None = None) -> Samples:
    """The same after one refresh."""
    readings = readings_of(figures, plans)
    readings.refresh()
    return samples_of(readings)


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"hallpulse_{name}", frozenset(({**WANGQING, **labels}).items())))


def of_service(samples: Samples, name: str) -> float | None:
    """A series of the service itself, which has no region."""
    return samples.get((f"hallpulse_{name}", frozenset()))
