"""What /metrics would have shown at the end of each past day, by what is known now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta, timezone

from prometheus_client.metrics_core import Metric

from hallpulse import metrics as names
from hallpulse.domain.figures import FigureTable, Window
from hallpulse.domain.plan import Plan, plan_for
from hallpulse.series import FilledFamily
from hallpulse.store import Coverage, Store
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
"""Only at the ends of months: that is where calendar windows begin and end."""
Lines = Mapping[str, Sequence[str]]


class _NoHalls:
    def list(self) -> Sequence[object]:
        return []

    def last_event_times(self) -> dict[tuple[int, str], int]:
        return {}


class _Remembered:
    """A store whose tables are read once: a day's is also the one of the day after, and of the trend's beginning.

    How cases and halls stood on a past day cannot be asked of a store, and is not part of the history.
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
    """From the first day of the plan in force up to yesterday."""
    plan = plan_for(plans, region, today)
    if plan is None:
        return []
    return [
        plan.period.start + timedelta(days=n) for n in range((min(today, plan.period.end) - plan.period.start).days)
    ]


def history(store: Store, plans: Sequence[Plan], days: Sequence[date], labels: Mapping[str, str]) -> Lines:
    """Family → its lines of OpenMetrics, oldest first. labels: those that Prometheus adds when it scrapes."""
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
