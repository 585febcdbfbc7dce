"""A snapshot as text for /metrics, written and compressed once a reading (docs/decisions/0011-a-process-that-reads.md).

The text equals the output of prometheus_client (the tests compare every byte) and takes a fifth of the time: that
library checks each character of every label name of every sample, which for thousands of samples is most of a scrape.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import gzip_accepted
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from hallpulse import metrics as names
from hallpulse.domain.figures import ELAPSED_BUCKETS, ElapsedHistogram
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.targets import TargetResult, figure_of
from hallpulse.metrics import FilledFamily, FilledGauge, FilledHistogram
from services.targets.readings import Attempts, RegionView, Snapshot
from services.targets.region_rows import OF_REGION

_BOUNDS = (*map(str, ELAPSED_BUCKETS), "+Inf")


class AttemptCollector(Collector):
    """Collects the times of readings: when the last one began, when the page's data was read, and how long that took.

    They are not in the page itself, so that the page stays the same while no figure changes.
    """

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield _single(names.REFRESH_ATTEMPT, self._attempts.last).metric()
        if self._attempts.taken is not None:
            yield _single(names.SNAPSHOT_TIMESTAMP, self._attempts.taken).metric()
            yield _single(names.REFRESH_SECONDS, self._attempts.seconds).metric()


def snapshot_families(snapshot: Snapshot) -> Iterator[FilledFamily]:
    """Yield all metric families of a snapshot, except the times of the reading."""
    yield from _indicators(snapshot)
    yield from _targets(snapshot, names.TARGET, departments=False)
    yield from _targets(snapshot, names.DEPARTMENT_TARGET, departments=True)
    yield _open_cases(snapshot)
    yield _elapsed_days(snapshot)
    yield from _coverage(snapshot)
    yield _last_events(snapshot)
    yield from _described(snapshot)


def _single(family: names.MetricFamily, value: float) -> FilledGauge:
    gauge = family.gauge()
    gauge.add((), value)
    return gauge


class _Indicators:
    """The three metric families of an indicator's value: ratio, numerator and denominator."""

    def __init__(
        self, ratio: names.MetricFamily, numerator: names.MetricFamily, denominator: names.MetricFamily
    ) -> None:
        self.families = ratio.gauge(), numerator.gauge(), denominator.gauge()

    def add(self, labels: tuple[str, ...], view: RegionView, department: str | None) -> None:
        shown = view.plan.indicator_names if view.plan else COMPUTED
        for indicator in shown:
            figure = figure_of(view.table, indicator, department)
            if figure.denominator:
                amounts = figure.numerator / figure.denominator, figure.numerator, figure.denominator
                for family, amount in zip(self.families, amounts, strict=True):
                    family.add((*labels, indicator), amount)


def _indicators(snapshot: Snapshot) -> Iterator[FilledGauge]:
    own = _Indicators(names.INDICATOR_RATIO, names.INDICATOR_NUMERATOR, names.INDICATOR_DENOMINATOR)
    departments = _Indicators(
        names.DEPARTMENT_INDICATOR_RATIO,
        names.DEPARTMENT_INDICATOR_NUMERATOR,
        names.DEPARTMENT_INDICATOR_DENOMINATOR,
    )
    for view in snapshot.regions:
        own.add((str(view.region),), view, None)
        for department in sorted(view.departments):
            departments.add((str(view.region), department), view, department)
    yield from own.families
    yield from departments.families


def _targets(
    snapshot: Snapshot, families: Mapping[str, names.MetricFamily], *, departments: bool
) -> Iterator[FilledGauge]:
    gauges = {aspect: family.gauge() for aspect, family in families.items()}
    for view in snapshot.regions:
        for result in view.results:
            if (result.department is not None) is departments:
                _add_result(gauges, view.region, result)
    yield from gauges.values()


def _add_result(gauges: Mapping[str, FilledGauge], region: int, result: TargetResult) -> None:
    place = (str(region),) if result.department is None else (str(region), result.department)
    labels = (*place, result.target.id, result.target.indicator)
    amounts: dict[str, Fraction | bool | None] = {
        "goal": result.goal,
        "required": result.required,
        "gap": result.gap,
        "met": result.met,
        "on_pace": result.on_pace,
        "forecast": result.forecast.value if result.forecast else None,
        "state": Fraction(names.STATE_NUMBERS.index(result.state)),
    }
    for aspect, amount in amounts.items():
        if amount is not None:
            gauges[aspect].add(labels, float(amount))


def _known(view: RegionView, department: str) -> str:
    """Return the label for a department. Departments that are not listed share the label OTHER."""
    return department if department in view.departments else names.OTHER


def _open_cases(snapshot: Snapshot) -> FilledGauge:
    gauge = names.CASES_OPEN.gauge()
    for view in snapshot.regions:
        sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        for department, states in view.open_cases.items():
            for state, count in states.items():
                sums[_known(view, department), state] += count
        for (department, state), count in sums.items():
            gauge.add((str(view.region), department, state), count)
    return gauge


def _elapsed_days(snapshot: Snapshot) -> FilledHistogram:
    histogram = names.CASE_ELAPSED_DAYS.histogram()
    for view in snapshot.regions:
        grouped: defaultdict[str, list[ElapsedHistogram]] = defaultdict(list)
        for department, elapsed in view.elapsed.items():
            grouped[_known(view, department)].append(elapsed)
        for department, parts in grouped.items():
            counts = [sum(column) for column in zip(*(part.counts for part in parts), strict=True)]
            buckets = list(zip(_BOUNDS, map(float, accumulate(counts)), strict=True))
            days = sum(part.total_days for part in parts)
            histogram.add((str(view.region), department), buckets, days)
    return histogram


def _coverage(snapshot: Snapshot) -> Iterator[FilledGauge]:
    halls, reporting = names.COVERAGE_HALLS.gauge(), names.COVERAGE_REPORTING.gauge()
    newest = names.NEWEST_EVENT.gauge()
    for view in snapshot.regions:
        halls.add((str(view.region),), view.coverage.halls)
        reporting.add((str(view.region),), view.coverage.reporting)
        if view.coverage.newest is not None:
            newest.add((str(view.region),), view.coverage.newest / 1_000_000)
    yield from (halls, reporting, newest)


def _last_events(snapshot: Snapshot) -> FilledGauge:
    gauge = names.HALL_LAST_EVENT.gauge()
    for (region, hall), newest in snapshot.last_events.items():
        gauge.add((str(region), hall), newest / 1_000_000)
    return gauge


def _described(snapshot: Snapshot) -> Iterator[FilledGauge]:
    for family, rows in OF_REGION.items():
        gauge = family.gauge()
        for view in snapshot.regions:
            for labels, amount in rows(view):
                gauge.add((str(view.region), *labels), amount)
        yield gauge
    halls = names.HALL_INFO.gauge()
    for (region, hall), facts in snapshot.halls.items():
        halls.add((str(region), hall, facts.name_zh or hall, facts.name_en or facts.name_zh or hall), 1)
    yield halls
    yield _flagged(snapshot)


def _flagged(snapshot: Snapshot) -> FilledGauge:
    """Return the flagged cases by hall. Halls that are not registered count together in each region."""
    known, sums = frozenset(snapshot.halls), Counter[tuple[int, str]]()
    for (region, hall), count in snapshot.flagged.items():
        sums[region, hall if (region, hall) in known else names.OTHER] += count
    gauge = names.CASES_FLAGGED.gauge()
    for (region, hall), count in sums.items():
        gauge.add((str(region), hall), count)
    return gauge


_ALIKE_BELOW = 1_000_000


def exposition(families: Iterable[Metric | FilledFamily]) -> bytes:
    """Return gauges, counters and histograms in Prometheus' text format 0.0.4. Their names need no quotes."""
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Metric | FilledFamily) -> Iterator[str]:
    if isinstance(family, FilledFamily):
        yield _head(family.name, family.documentation, family.kind)
        yield from _rows(family)
    else:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield _head(name, family.documentation, family.type)
        yield from map(_sample, family.samples)


def _head(name: str, documentation: str, kind: str) -> str:
    return f"# HELP {name} {_help(documentation)}\n# TYPE {name} {kind}\n"


def _rows(family: FilledFamily) -> Iterator[str]:
    """Yield a family's lines. The pattern and order of the labels are computed once for all rows."""
    patterns = {name: _pattern(name, labels) for name, labels in family.labels.items()}
    for name, labels, value in family.rows:
        pattern, order = patterns[name]
        yield pattern % (*[_escaped(labels[index]) for index in order], _number(value))


def _pattern(name: str, labels: Sequence[str]) -> tuple[str, list[int]]:
    order = sorted(range(len(labels)), key=labels.__getitem__)
    named = ",".join(f'{labels[index]}="%s"' for index in order)
    return (f"{name}{{{named}}} %s\n" if labels else f"{name} %s\n"), order


def _sample(sample: Sample) -> str:
    if not sample.labels:
        return f"{sample.name} {_number(sample.value)}\n"
    labels = ",".join([f'{label}="{_escaped(value)}"' for label, value in sorted(sample.labels.items())])
    return f"{sample.name}{{{labels}}} {_number(sample.value)}\n"


def _number(value: float) -> str:
    """Return the number as Go writes it. Below a million Python writes it in the same way, and faster."""
    if -_ALIKE_BELOW < value < _ALIKE_BELOW:
        return repr(float(value))
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


@lru_cache(maxsize=8_192)
def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


_RAW = -zlib.MAX_WBITS
"""The zlib setting for deflate without header and trailer."""
_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"


@dataclass(frozen=True, slots=True)
class Page:
    """A deflated text with its CRC-32 and its length in bytes. It ends at a byte boundary, so that more can follow."""

    deflated: bytes = b""
    checksum: int = 0
    length: int = 0

    @property
    def text(self) -> bytes:
        """The inflated text, for a client that does not accept gzip. Prometheus accepts it."""
        return zlib.decompressobj(_RAW).decompress(self.deflated)

    def gzipped(self, more: bytes) -> bytes:
        """Return the text and `more` as one gzip member (RFC 1952), because many readers stop after the first one."""
        rest = zlib.compressobj(1, wbits=_RAW)
        checksum = zlib.crc32(more, self.checksum)
        size = (self.length + len(more)) & 0xFFFFFFFF
        return b"".join(
            (_GZIP_HEADER, self.deflated, rest.compress(more), rest.flush(), struct.pack("<LL", checksum, size))
        )


def page_of(snapshot: Snapshot) -> Page:
    """Return the page that /metrics shows of a snapshot."""
    text = exposition(snapshot_families(snapshot))
    packer = zlib.compressobj(1, wbits=_RAW)
    return Page(packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH), zlib.crc32(text), len(text))


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STILL_SECONDS = 60.0
"""If no reading has begun for this long, the timer has stopped or a reading hangs."""

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(registry: CollectorRegistry, page: Callable[[], Page], attempts: Attempts) -> Application:
    """Return a WSGI application for /metrics and /healthz.

    registry: the few metrics that are collected at every scrape; page: returns all others.
    """

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            headers, body = _metrics(registry, page(), environ.get("HTTP_ACCEPT_ENCODING", ""))
            start_response("200 OK", headers)
            return [body]
        status, text = _health(attempts) if path == "/healthz" else ("404 Not Found", "expected /metrics or /healthz")
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    return answer


def _metrics(registry: CollectorRegistry, page: Page, accepted: str) -> tuple[Headers, bytes]:
    live = exposition(registry.collect())
    headers = [("Content-Type", CONTENT_TYPE), ("Vary", "Accept-Encoding")]
    if gzip_accepted(accepted):
        body = page.gzipped(live)
        headers.append(("Content-Encoding", "gzip"))
    else:
        body = page.text + live
    return [*headers, ("Content-Length", str(len(body)))], body


def _health(attempts: Attempts) -> tuple[str, str]:
    """Return status and text for /healthz. It fails only if the timer stands still: a restart mends no database."""
    silence = attempts.silent_for()
    if silence > STILL_SECONDS:
        return "503 Service Unavailable", f"no reading has begun for {silence:.0f} s"
    return "200 OK", "ok"
