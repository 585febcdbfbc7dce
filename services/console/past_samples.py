"""Write the past of the plans in force into a Prometheus: computed from the store, made into blocks by promtool."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

import httpx
from prometheus_client.metrics_core import Metric

from hallpulse import metrics as names
from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.figures import FigureTable, Window
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.plans import load_plans
from hallpulse.series import FilledFamily
from hallpulse.settings import Settings
from hallpulse.store import Coverage, Store, open_store
from services.local.monitoring import without_login
from services.targets.collector import snapshot_families
from services.targets.desk import TargetDesk

SHANGHAI = timezone(timedelta(hours=8))
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
"""Families written for the last day of each month only, where calendar windows begin and end."""
Lines = Mapping[str, Sequence[str]]


class _NoHalls:
    def list(self) -> Sequence[object]:
        return []

    def last_event_times(self) -> dict[tuple[int, str], int]:
        return {}


class _Remembered:
    """A store whose tables are read once: a day's table also serves the next day and the beginning of the trend.

    The states of cases and halls on a past day are not stored, and are not part of the past samples.
    """

    def __init__(self, store: Store, regions: Sequence[int]) -> None:
        self._store = store
        self._regions = list(regions)
        self._tables: dict[tuple[int, Window], FigureTable] = {}
        self._departments = {region: store.departments(region) for region in regions}
        self._workdays = {region: store.workdays(region) for region in regions}
        self.halls = _NoHalls()

    @contextmanager
    def snapshot(self) -> Iterator[_Remembered]:
        yield self

    def figure_table(self, region: int, window: Window) -> FigureTable:
        key = region, window
        if key not in self._tables:
            self._tables[key] = self._store.figure_table(region, window)
        return self._tables[key]

    def coverage(self, *_: object) -> Coverage:
        return Coverage(0, 0, None)

    def regions(self) -> list[int]:
        return self._regions

    def departments(self, region: int) -> list[str]:
        return self._departments[region]

    def workdays(self, region: int) -> object:
        return self._workdays[region]

    def item_changes(self, *_: object) -> list[object]:
        return []

    def integrity(self, *_: object) -> list[object]:
        return []

    def flagged_cases(self) -> dict[tuple[int, str], int]:
        return {}

    def open_cases_by_department(self, *_: object) -> dict[str, dict[str, int]]:
        return {}

    def elapsed_histograms(self, *_: object) -> dict[str, object]:
        return {}


def past_days(plans: Sequence[Plan], region: int, today: date) -> list[date]:
    """Return the days from the first day of the plan in force up to yesterday."""
    plan = plan_for(plans, region, today)
    if plan is None:
        return []
    return [
        plan.period.start + timedelta(days=n) for n in range((min(today, plan.period.end) - plan.period.start).days)
    ]


def history(store: Store, plans: Sequence[Plan], days: Sequence[date], labels: Mapping[str, str]) -> Lines:
    """Return family → its lines of OpenMetrics, oldest first. labels: those that Prometheus adds when it scrapes."""
    regions = sorted({plan.region for plan in plans})
    figures = _Remembered(store, regions)
    found: defaultdict[str, list[str]] = defaultdict(list)
    suffix = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    for day in days:
        moment = datetime.combine(day, time(23, 59, 59), SHANGHAI).timestamp()
        desk = TargetDesk(figures, plans, lambda moment=moment: moment)  # type: ignore[arg-type, misc]
        for family in _kept(snapshot_families(desk.refresh()), day):
            found[family.name].extend(_lines(family, suffix, round(moment)))
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
    """The past could not be written; the present is not affected."""


def scrape_labels(prometheus_url: str) -> dict[str, str]:
    """Return the labels that this Prometheus adds to the metrics of the targets service. Raises NoHistory."""
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
    """Write blocks and return the number of samples. Raises NoHistory."""
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
    """Write the past into a Prometheus' data folder and return the number of samples.

    Raises NoHistory, PlanError, Unavailable.
    """
    plans = load_plans(settings.plans)
    days = sorted({day for plan in plans for day in past_days(plans, plan.region, today)})
    labels = scrape_labels(settings.prometheus_url)
    store = open_store(settings.database_url)
    try:
        return write_blocks(history(store, plans, days, labels), data)
    finally:
        store.close()
