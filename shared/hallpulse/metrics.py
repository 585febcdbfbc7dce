"""The names of all metrics and labels. Label values come only from the catalogue, the plans and registered halls.

The names are a contract: boards, rules and other people's dashboards use them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from hallpulse.domain.targets import State

OTHER = "other"
"""Stands for every unregistered hall, region or reason: the content of an event never adds a series."""


def new_registry() -> CollectorRegistry:
    """Return an empty registry, without the `_created` series, which the contract does not name."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """The name, help and labels of a family that a collector fills from a snapshot."""

    name: str
    help: str
    labels: tuple[str, ...]

    def gauge(self) -> FilledGauge:
        return FilledGauge(self.name, self.help, self.labels)

    def histogram(self) -> FilledHistogram:
        return FilledHistogram(self.name, self.help, self.labels)


_INDICATOR = ("region", "indicator")
_DEPARTMENT_INDICATOR = ("region", "department", "indicator")
_TARGET = ("region", "target", "indicator")
_DEPARTMENT_TARGET = ("region", "department", "target", "indicator")
_SO_FAR = "over the plan's period so far, or the calendar year where there is no plan."

_PARTS = ("ratio", "value"), ("numerator", "numerator"), ("denominator", "denominator")
INDICATOR_RATIO, INDICATOR_NUMERATOR, INDICATOR_DENOMINATOR = (
    MetricFamily(f"hallpulse_indicator_{part}", f"An indicator's {words} {_SO_FAR}", _INDICATOR)
    for part, words in _PARTS
)
DEPARTMENT_INDICATOR_RATIO, DEPARTMENT_INDICATOR_NUMERATOR, DEPARTMENT_INDICATOR_DENOMINATOR = (
    MetricFamily(f"hallpulse_department_indicator_{part}", f"A department's {words} {_SO_FAR}", _DEPARTMENT_INDICATOR)
    for part, words in _PARTS
)

_STATES = {
    State.NOT_STARTED: "not started",
    State.NOT_MEASURED: "not measured",
    State.BELOW_MIN_DENOMINATOR: "too few cases",
    State.MET: "met",
    State.ON_PACE: "on pace",
    State.BEHIND: "behind its path",
    State.MISSED: "missed",
}
_ASPECTS = {
    "goal": "What must hold at the end of the plan's period.",
    "required": "What the target's path asks for today.",
    "gap": "From the value to the goal; negative is short.",
    "met": "1 if the goal holds, 0 if not; absent where nothing can be said.",
    "on_pace": "1 if what is required today holds, 0 if not; absent where nothing can be said.",
    "forecast": "The value at the period's end if it goes on as it did recently.",
    "state": f"{', '.join(f'{number} {words}' for number, words in enumerate(_STATES.values()))}.",
}
STATE_NUMBERS = tuple(_STATES)
"""States in the order of their numbers."""
TARGET = {aspect: MetricFamily(f"hallpulse_target_{aspect}", text, _TARGET) for aspect, text in _ASPECTS.items()}
DEPARTMENT_TARGET = {
    aspect: MetricFamily(f"hallpulse_department_target_{aspect}", text, _DEPARTMENT_TARGET)
    for aspect, text in _ASPECTS.items()
}

CASES_OPEN = MetricFamily(
    "hallpulse_cases_open", "Open cases by state: on_time, due_soon, overdue, suspended, unaccepted_late.",
    ("region", "department", "state"),
)  # fmt: skip
CASE_ELAPSED_DAYS = MetricFamily(
    "hallpulse_case_elapsed_days", f"Working days from acceptance to decision, cases decided {_SO_FAR}",
    ("region", "department"),
)  # fmt: skip
COVERAGE_HALLS = MetricFamily(
    "hallpulse_coverage_halls", "Halls that are registered or ever sent anything.", ("region",)
)
COVERAGE_REPORTING = MetricFamily("hallpulse_coverage_reporting", f"Halls that reported {_SO_FAR}", ("region",))
NEWEST_EVENT = MetricFamily(
    "hallpulse_newest_event_timestamp_seconds", f"When the newest event happened {_SO_FAR}", ("region",)
)
HALL_LAST_EVENT = MetricFamily(
    "hallpulse_hall_last_event_timestamp_seconds", "When a hall's newest event happened.", ("region", "hall")
)
PLAN_INFO = MetricFamily("hallpulse_plan_info", "1 for the plan in force.", ("region", "plan", "zh", "en", "document"))
PLAN_START = MetricFamily("hallpulse_plan_start_timestamp_seconds", "Midnight before the period.", ("region", "plan"))
PLAN_END = MetricFamily("hallpulse_plan_end_timestamp_seconds", "Midnight after the period.", ("region", "plan"))
TARGET_INFO = MetricFamily(
    "hallpulse_target_info", "1 for each target of the plan in force: what it is called, who answers for it.",
    ("region", "target", "indicator", "unit", "zh", "en", "lead", "source", "severity"),
)  # fmt: skip
TARGET_READING = MetricFamily(
    "hallpulse_target_reading_goal", "The goal by each reading of a raise: points, relative, remaining.",
    ("region", "target", "indicator", "reading"),
)  # fmt: skip
INDICATOR_INFO = MetricFamily(
    "hallpulse_indicator_info", "1 for each indicator: what it is called, what it is counted in.",
    ("region", "indicator", "zh", "en", "unit"),
)  # fmt: skip
DEPARTMENT_INFO = MetricFamily(
    "hallpulse_department_info", "1 for each department that the plan or the catalogue names.",
    ("region", "department", "zh", "en"),
)  # fmt: skip
HALL_INFO = MetricFamily(
    "hallpulse_hall_info", "1 for each registered hall that is open, also one that never sent: what it is called.",
    ("region", "hall", "name_zh", "name_en"),
)  # fmt: skip
REGION_INFO = MetricFamily(
    "hallpulse_region_info",
    "1 for each region that its plan names: what it is called.",
    ("region", "name_zh", "name_en"),
)
INDICATOR_AGO = MetricFamily(
    "hallpulse_indicator_ratio_ago", "An indicator's value as it was so many days ago, by what is known now.",
    ("region", "indicator", "days"),
)  # fmt: skip
ITEM_DROP = MetricFamily(
    "hallpulse_item_compression_change",
    "What an item's change of the last 7 days did to promised_limit_compression; only those that lowered it most.",
    ("region", "department", "item", "zh"),
)
PROVISIONAL = MetricFamily(
    "hallpulse_provisional", f"1 if no official holiday list is known for a day {_SO_FAR}", ("region",)
)
WORKING_DAY = MetricFamily("hallpulse_working_day", "1 if today is a working day of the region.", ("region",))
CASES_FLAGGED = MetricFamily("hallpulse_cases_flagged", "Cases with a flag, by hall.", ("region", "hall"))
INTEGRITY_FINDINGS = MetricFamily(
    "hallpulse_integrity_findings", "Findings of each integrity check.", ("region", "check")
)
SOURCE_GRADE = MetricFamily(
    "hallpulse_source_grade", "Grade of what a hall sent in the last 30 days: 1 A, 2 B, 3 C, 4 D.", ("region", "hall")
)
SOURCE_SHARE = MetricFamily(
    "hallpulse_source_share", "Good ones of all that a hall sent, by aspect.", ("region", "hall", "aspect")
)
FLOW_CASES = MetricFamily("hallpulse_flow_cases", "The running month's balance, by part.", ("region", "part"))
_MARK = ("region", "target", "check")
TARGET_MARKED = MetricFamily("hallpulse_target_marked", "1 if the value gains from a check's findings.", _MARK)
TARGET_GAIN = MetricFamily(
    "hallpulse_target_gain",
    "Change of the compression since the day before the plan's period, by cause.",
    ("region", "target", "cause", "zh", "en"),
)
DEPARTMENT_TARGET_MARKED = MetricFamily(
    "hallpulse_department_target_marked",
    "1 if a department's value gains from a check's findings.",
    ("region", "department", "target", "check"),
)
TARGET_WITHOUT = MetricFamily("hallpulse_target_value_without", "A marked target's value without them.", _MARK)
DEPARTMENT_WITHOUT = MetricFamily(
    "hallpulse_department_value_without", "A department's value without them.", (*_DEPARTMENT_INDICATOR, "check")
)
SNAPSHOT_TIMESTAMP = MetricFamily(
    "hallpulse_snapshot_timestamp_seconds", "When the figures were last read from the database.", ()
)
REFRESH_ATTEMPT = MetricFamily(
    "hallpulse_refresh_attempt_timestamp_seconds", "When the timer last began to read; stands if the timer does.", ()
)  # fmt: skip
REFRESH_SECONDS = MetricFamily("hallpulse_refresh_seconds", "How long the last reading took.", ())


@dataclass(frozen=True, slots=True)
class HallCount:
    """The number of events of a family from one hall."""

    region: int
    hall: str
    family: str
    count: int


class IngestMetrics:
    """Metrics of ingest. Unregistered halls are counted together under hall="other"."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._halls: frozenset[tuple[int, str]] = frozenset()
        self._regions: frozenset[int] = frozenset()
        by_hall = partial(Counter, labelnames=("region", "hall"), registry=registry)
        self._events = Counter(
            "hallpulse_events_total", "Events stored for the first time.", ("region", "hall", "family"),
            registry=registry,
        )  # fmt: skip
        self._duplicates = by_hall("hallpulse_events_duplicate_total", "Events that were stored already.")
        self._late = by_hall("hallpulse_events_late_total", "Events that came over a day after they happened.")
        self._disordered = by_hall(
            "hallpulse_events_disordered_total", "Events that came after a newer one of the hall."
        )
        self._refused = Counter(
            "hallpulse_events_refused_total", "Events refused, by reason.", ("region", "reason"), registry=registry
        )
        self._hall_refused = by_hall(
            "hallpulse_hall_events_refused_total", "Events refused, by the hall that sent them."
        )
        self._batch_seconds = Histogram(
            "hallpulse_ingest_batch_seconds", "From the first delivery of a batch to its commit.",
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30), registry=registry,
        )  # fmt: skip
        self._batch_events = Histogram(
            "hallpulse_ingest_batch_events", "Events in a batch.",
            buckets=(1, 10, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000), registry=registry,
        )  # fmt: skip
        self._lag = Gauge(
            "hallpulse_ingest_lag_seconds", "How long the oldest delivery has waited that is not committed yet.",
            registry=registry,
        )  # fmt: skip
        self._delivery_limit = Gauge(
            "hallpulse_ingest_delivery_limit",
            "How often the broker gives a message out again before it takes it off its queue, +Inf for without end;"
            " absent where the broker does not tell.",
            ("queue",),
            registry=registry,
        )
        add_build_info(registry)

    def delivery_limits(self, limits: Mapping[str, float | None]) -> None:
        """Set the delivery limits, queue → limit."""
        self._delivery_limit.clear()
        for queue, limit in limits.items():
            if limit is not None:
                self._delivery_limit.labels(queue).set(limit)

    def know_halls(self, halls: Collection[tuple[int, str]]) -> None:
        """Set the registered halls, as (region, hall).

        Their refusals begin at 0: Prometheus sees no increase in a series that begins with its first refusals.
        """
        self._halls = frozenset(halls)
        self._regions = frozenset(region for region, _ in halls)
        for region, hall in self._halls:
            self._hall_refused.labels(str(region), hall)

    def stored(self, counts: Sequence[HallCount]) -> None:
        for one in counts:
            self._events.labels(*self._hall(one.region, one.hall), one.family).inc(one.count)

    def duplicate(self, region: int, hall: str, count: int = 1) -> None:
        self._duplicates.labels(*self._hall(region, hall)).inc(count)

    def late(self, region: int, hall: str, count: int) -> None:
        self._late.labels(*self._hall(region, hall)).inc(count)

    def disordered(self, region: int, hall: str, count: int) -> None:
        self._disordered.labels(*self._hall(region, hall)).inc(count)

    def refused(self, region: int | None, hall: str, reason: str, count: int = 1) -> None:
        """Count refused events. reason: a code of the closed list; region, hall: of the routing key, or None and "".

        A hall's own count has no reason: there would be as many series as halls times reasons.
        """
        self._refused.labels(str(region) if region in self._regions else OTHER, reason).inc(count)
        self._hall_refused.labels(*self._hall(region, hall)).inc(count)

    def batch(self, seconds: float, events: int) -> None:
        """Count a committed batch. seconds: from its first delivery to its commit."""
        self._batch_seconds.observe(seconds)
        self._batch_events.observe(events)

    def lag_from(self, lag: Callable[[], float]) -> None:
        """Compute the lag at every scrape: while the database is down no batch reports it."""
        self._lag.set_function(lag)

    def _hall(self, region: int | None, hall: str) -> tuple[str, str]:
        if (region, hall) in self._halls:
            return str(region), hall
        return str(region) if region in self._regions else OTHER, OTHER


class GatewayMetrics:
    """Metrics of the gateway. route: the address as documented, never the requested one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "hallpulse_gateway_requests_total", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._seconds = Histogram(
            "hallpulse_gateway_request_seconds", "From the request's head to its answer.", ("route",),
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10), registry=registry,
        )  # fmt: skip
        self._events = Counter(
            "hallpulse_gateway_events_total", "Events sent to the gateway: accepted, refused.", ("outcome",),
            registry=registry,
        )  # fmt: skip
        self._denied = Counter(
            "hallpulse_gateway_denied_total", "Refused with 401, 403, or 404 for another's, by role; none without one.",
            ("status", "role"), registry=registry,
        )  # fmt: skip
        self._denied_most = Gauge(
            "hallpulse_gateway_denied_most", "The most refusals of one address, one token in this hour.", ("by",),
            registry=registry,
        )  # fmt: skip
        add_build_info(registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def denied(self, status: int, role: str) -> None:
        self._denied.labels(str(status), role).inc()

    def denied_most(self, by: str, count: int) -> None:
        """Set the highest number of denials by one address or one token.

        by: `address` or `token`. Only the audit says which one it was, since a scrape needs no token.
        """
        self._denied_most.labels(by).set(count)

    def events(self, accepted: int, refused: int) -> None:
        self._events.labels("accepted").inc(accepted)
        self._events.labels("refused").inc(refused)


PART_FAILING = MetricFamily(
    "hallpulse_suite_part_failing", "Whether a part of the suite on this machine keeps dying.", ("part",)
)


def add_build_info(registry: CollectorRegistry) -> None:
    """Add `hallpulse_build_info{version}`, always 1."""
    try:
        installed = version("hallpulse")
    except PackageNotFoundError:
        installed = "unknown"
    Gauge("hallpulse_build_info", "The version that runs.", ("version",), registry=registry).labels(installed).set(1)


Row = tuple[str, tuple[str, ...], float]
"""The sample's name, the values of its labels in the order of their names, its value."""


class FilledFamily:
    """A metric family kept as rows. labels: a sample's name → the names of its labels."""

    kind = "untyped"

    def __init__(self, name: str, documentation: str, labels: Mapping[str, tuple[str, ...]]) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = labels
        self.rows: list[Row] = []

    def metric(self) -> Metric:
        """Return the family in prometheus_client's form."""
        metric = Metric(self.name, self.documentation, self.kind)
        metric.samples = [
            Sample(name, dict(zip(self.labels[name], labels, strict=True)), value) for name, labels, value in self.rows
        ]
        return metric


class FilledGauge(FilledFamily):
    kind = "gauge"

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        super().__init__(name, documentation, {name: labels})

    def add(self, labels: tuple[str, ...], value: float) -> None:
        self.rows.append((self.name, labels, value))


class FilledHistogram(FilledFamily):
    kind = "histogram"

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._bucket, self._count, self._sum = f"{name}_bucket", f"{name}_count", f"{name}_sum"
        named = {self._bucket: (*labels, "le"), self._count: labels, self._sum: labels}
        super().__init__(name, documentation, named)

    def add(self, labels: tuple[str, ...], buckets: Sequence[tuple[str, float]], total: float) -> None:
        """Add a histogram. buckets: upper bound and cumulative count, rising; the last, +Inf, holds the total count."""
        self.rows += [(self._bucket, (*labels, bound), count) for bound, count in buckets]
        self.rows += [(self._count, labels, buckets[-1][1]), (self._sum, labels, total)]
