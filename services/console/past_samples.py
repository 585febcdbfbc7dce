"""Write past figures of the plans in force into a Prometheus: computed from the store, made into blocks by promtool."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.metrics_core import Metric

from hallpulse import metrics as names
from hallpulse.domain.compression import ItemChange
from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.figures import Coverage, ElapsedHistogram, FigureTable, Window
from hallpulse.domain.flow import Flow
from hallpulse.domain.indicators import CaseDoubt, Doubt
from hallpulse.domain.integrity import Findings
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.domain.reporting import Arrivals
from hallpulse.domain.sources import SourceCounts
from hallpulse.domain.workdays import SHANGHAI, Workdays
from hallpulse.metrics import FilledFamily
from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from hallpulse.store import Hall, Moment, Readable, open_store
from services.local.monitoring import without_login
from services.targets.exposition import snapshot_families
from services.targets.readings import TargetReadings

OF_REGION = frozenset(
    family.name
    for family in (
        names.INDICATOR_RATIO, names.INDICATOR_NUMERATOR, names.INDICATOR_DENOMINATOR, *names.TARGET.values(),
        names.PLAN_INFO, names.PLAN_START, names.PLAN_END, names.TARGET_INFO, names.INDICATOR_INFO,
    )
)  # fmt: skip
OF_DEPARTMENTS = frozenset(
    family.name
    for family in (
        names.DEPARTMENT_INDICATOR_RATIO, names.DEPARTMENT_INDICATOR_NUMERATOR, names.DEPARTMENT_INDICATOR_DENOMINATOR,
    )
)  # fmt: skip
"""Families that are written only for the last day of each month, since calendar windows begin and end with months."""
Lines = Mapping[str, Sequence[str]]


class _Past(Moment):
    """A moment for past days that reads each table only once, since later trends use a day's table again.

    It returns no states of cases and halls, because those of past days are not stored, and no flow: the past samples do
    not need them.
    """

    def __init__(self, moment: Moment, regions: Sequence[int]) -> None:
        self._regions = list(regions)
        self._read, self._arrivals = cache(moment.figure_table), cache(moment.first_reports)
        self._departments = {region: moment.departments(region) for region in regions}
        self._workdays = {region: moment.workdays(region) for region in regions}

    def version(self) -> str | None:
        """Return None, so that each day is read although nothing was stored since the day before."""
        return None

    def figure_table(self, region: int, window: Window) -> FigureTable:
        return self._read(region, window)

    def first_reports(self, region: int, window: Window) -> Arrivals:
        return self._arrivals(region, window)

    def regions(self) -> list[int]:
        return self._regions

    def departments(self, region: int) -> list[str]:
        return self._departments[region]

    def workdays(self, region: int) -> Workdays:
        return self._workdays[region]

    def coverage(self, *_: Any, **__: Any) -> Coverage:
        return Coverage(0, 0, None)

    def item_changes(self, *_: Any, **__: Any) -> list[ItemChange]:
        return []

    def doubts(self, *_: Any, **__: Any) -> list[Doubt]:
        return []

    def flow(self, *_: Any, **__: Any) -> Flow:
        return Flow()

    def integrity(self, *_: Any, **__: Any) -> list[Findings]:
        return []

    def case_doubts(self, *_: Any, **__: Any) -> list[CaseDoubt]:
        return []

    def sources(self, *_: Any, **__: Any) -> list[SourceCounts]:
        return []

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        return {}

    def open_cases_by_department(self, *_: Any, **__: Any) -> dict[str, dict[str, int]]:
        return {}

    def elapsed_histograms(self, *_: Any, **__: Any) -> dict[str, ElapsedHistogram]:
        return {}

    def halls(self) -> list[Hall]:
        return []

    def last_event_times(self) -> dict[tuple[int, str], int]:
        return {}


@dataclass(frozen=True, slots=True)
class _Held:
    """A store that returns the same moment at every reading."""

    moment: Moment

    def ping(self) -> None:
        """Do nothing, because the moment is open already."""

    @contextmanager
    def read(self) -> Iterator[Moment]:
        yield self.moment


def past_days(plans: Sequence[Plan], region: int, today: date) -> list[date]:
    """Return the days of the plan in force from its first day to the day before `today`; [] if none is in force."""
    plan = plan_for(plans, region, today)
    if plan is None:
        return []
    return [
        plan.period.start + timedelta(days=n) for n in range((min(today, plan.period.end) - plan.period.start).days)
    ]


def history(store: Readable, plans: Sequence[Plan], days: Sequence[date], labels: Mapping[str, str]) -> Lines:
    """Return metric family → OpenMetrics lines, oldest first. labels: the ones that Prometheus adds when it scrapes."""
    regions = sorted({plan.region for plan in plans})
    found: defaultdict[str, list[str]] = defaultdict(list)
    suffix = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    with store.read() as moment:
        past = _Held(_Past(moment, regions))
        for day in days:
            end = datetime.combine(day, time(23, 59, 59), SHANGHAI).timestamp()
            readings = TargetReadings(past, plans, lambda end=end: end)  # type: ignore[misc]
            for family in _kept(snapshot_families(readings.refresh()), day):
                found[family.name].extend(_lines(family, suffix, round(end)))
    return found


def _kept(families: Iterable[FilledFamily], day: date) -> Iterator[Metric]:
    ends_month = (day + timedelta(days=1)).day == 1
    return (f.metric() for f in families if f.name in OF_REGION or (ends_month and f.name in OF_DEPARTMENTS))


def _lines(family: Metric, suffix: str, moment: int) -> Iterator[str]:
    for sample in family.samples:
        own = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(sample.labels.items()))
        yield f"{sample.name}{{{own},{suffix}}} {sample.value!r} {moment}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class NoHistory(HallpulseError):
    """The past samples could not be written. Present figures are not affected."""


def scrape_labels(prometheus_url: str) -> dict[str, str]:
    """Return the labels that this Prometheus adds to the metrics of the targets service.

    Raises NoHistory if it does not answer or has not scraped the service yet.
    """
    try:
        answer = httpx.get(
            f"{prometheus_url}/api/v1/query", params={"query": "hallpulse_snapshot_timestamp_seconds"}, timeout=10
        ).json()
        found = answer["data"]["result"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        page = without_login(prometheus_url)
        raise NoHistory(f"Prometheus does not answer at {page}: {type(error).__name__}") from None
    if len(found) != 1:
        raise NoHistory("Prometheus has not scraped the targets service yet: try again in a moment")
    return {name: value for name, value in found[0]["metric"].items() if name != "__name__"}


def write_blocks(lines: Mapping[str, Sequence[str]], data: Path) -> int:
    """Write blocks into the data folder of a Prometheus and return the number of samples.

    Raises NoHistory if promtool is missing or fails.
    """
    promtool = shutil.which("promtool")
    if promtool is None:
        raise NoHistory("promtool is not installed (package prometheus)")
    with tempfile.TemporaryDirectory(prefix="hallpulse-history-") as folder:
        file = Path(folder) / "history.txt"
        with file.open("w", encoding="utf-8") as out:
            for family, samples in lines.items():
                out.write(f"# TYPE {family} gauge\n")
                out.writelines(samples)
            out.write("# EOF\n")
        command = (promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=744h")
        done = subprocess.run([*command, str(file), str(data)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoHistory(f"promtool: {' '.join((done.stderr or done.stdout).split())[-300:]}")
    return sum(len(samples) for samples in lines.values())


def write_history(settings: Settings, data: Path, today: date) -> int:
    """Write the past samples into the data folder of a Prometheus and return their number.

    Raises NoHistory, PlanError, Unavailable.
    """
    plans = load_plans(settings.plans)
    days = sorted({day for plan in plans for day in past_days(plans, plan.region, today)})
    labels = scrape_labels(settings.prometheus_url)
    store = open_store(settings.database_url, plans=plans)
    try:
        return write_blocks(history(store, plans, days, labels), data)
    finally:
        store.close()
